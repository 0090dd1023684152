//! The simulator as a value: cheap to clone, answered in process or served over HTTP.

use std::io;
use std::sync::Arc;

use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::control::{Control, ControlError};
use crate::control_http;
use crate::exchange::{Answer, Request};
use crate::line::Line;
use crate::reports::Stats;
use crate::settings::Settings;
use crate::world::World;
use crate::{pump, push_request, receipts, serve, wire};

/// WeChat, as far as template messages go.
#[derive(Clone)]
pub struct Simulator(Arc<World>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VerifyBody {
    appid: String,
}

impl Simulator {
    /// A simulator without accounts; `/_sim/accounts` or [`Simulator::control`] makes some.
    pub fn new(settings: Settings) -> Simulator {
        Simulator(Arc::new(World::new(settings)))
    }

    /// Serves WeChat's API and the control side until `stop` is cancelled, then finishes what is under way within 3 s.
    ///
    /// With the system's clock it also pushes receipts when they are due; with a manual one
    /// [`Simulator::deliver_receipts`] does.
    ///
    /// # Errors
    /// None today; the signature leaves room for a listener that cannot go on.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
        serve::serve(self, listener, stop).await
    }

    /// Answers one call, WeChat's or the control side's, as [`Simulator::serve`] would, but at once: the waiting and
    /// the dropping are the caller's, and an early receipt is queued for [`Simulator::deliver_receipts`].
    pub fn answer(&self, request: &Request<'_>) -> Answer {
        let mut answer = self.answer_before_receipt(request);
        if let Some(push) = answer.before.take() {
            receipts::queue(&self.0, self.0.now_ms(), *push);
        }
        answer
    }

    pub(crate) fn answer_before_receipt(&self, request: &Request<'_>) -> Answer {
        if request.path.starts_with(control_http::PREFIX) {
            return control_http::answer(&self.control(), request);
        }
        wire::answer(&self.0, request)
    }

    /// What has happened since the start.
    pub fn stats(&self) -> Stats {
        self.control().stats()
    }

    /// The control side, without HTTP.
    pub fn control(&self) -> Control<'_> {
        Control { world: &self.0 }
    }

    /// Pushes everything that is due by the clock and waits until each push is answered, refused or timed out (5 s).
    /// Held messages whose review has ended are let through, too. What failed is queued again 5 s later by the clock.
    ///
    /// Meant for a manual clock: with the system's, [`Simulator::serve`] pushes at the same time.
    pub async fn deliver_receipts(&self) {
        pump::drain(&self.0).await;
    }

    /// Checks an account's callback as WeChat's console does: a signed GET whose `echostr` must come back raw.
    ///
    /// # Errors
    /// An unknown account, one without a callback, or what was wrong with the answer.
    pub async fn verify_callback(&self, appid: &str) -> Result<(), ControlError> {
        let callback = self.control().account(appid)?.profile().callback.clone();
        let callback =
            callback.ok_or_else(|| ControlError::Invalid("callback_url: there is none".to_owned()))?;
        let echostr = self.0.chance.draw().to_string();
        let request = push_request::verification(&self.0, &callback, &echostr);
        let mut line = Line::default();
        match pump::within_patience(line.exchange(&callback.authority, request)).await {
            Ok((StatusCode::OK, body)) if body == echostr => Ok(()),
            Ok((status, _)) => Err(ControlError::Invalid(format!(
                "callback: it answered {status}, and not the echostr alone"
            ))),
            Err(error) => Err(ControlError::Invalid(format!("callback: {error}"))),
        }
    }

    pub(crate) async fn verify(&self, request: &Request<'_>) -> Answer {
        let asked: Result<VerifyBody, ControlError> = control_http::parsed(request.body);
        let verified = match asked {
            Ok(asked) => self.verify_callback(&asked.appid).await,
            Err(wrong) => Err(wrong),
        };
        control_http::result(verified.map(|()| json!({ "verified": true })))
    }

    pub(crate) fn world(&self) -> &Arc<World> {
        &self.0
    }
}
