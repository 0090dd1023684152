//! Whether the process lives, and whether it can do its work.

use axum::extract::State;
use futures_util::FutureExt as _;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::account::stands_still;
use crate::answer::{self, Answer};
use crate::app::App;

/// The process answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `ok`.
    status: &'static str,
}

/// Whether work can be taken in, and if not, why.
#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// `ready`; `held`: messages are accepted and wait, see `POST /api/v1/hold`; `not_ready`.
    status: &'static str,
    /// What was looked at.
    checks: Vec<ReadinessCheck>,
}

/// One thing that was looked at.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReadinessCheck {
    /// `store`, `engine`, `accounts` or `dispatch`.
    name: &'static str,
    /// Whether it works.
    ok: bool,
    /// What it says.
    detail: String,
}

/// Says that the process lives.
#[utoipa::path(get, path = "/healthz", tag = "operation",
    responses((status = 200, description = "The process lives", body = Health)))]
pub(crate) async fn live() -> Answer {
    answer::ok(&Health { status: "ok" })
}

/// Says whether messages can be accepted and sent: 200, or 503 with the reasons.
#[utoipa::path(get, path = "/readyz", tag = "operation",
    responses((status = 200, description = "Ready", body = Readiness),
        (status = 503, description = "Not ready", body = Readiness)))]
pub(crate) async fn ready(State(app): State<App>) -> Answer {
    let checks = vec![store(&app).await, engine(&app), accounts(&app)];
    let ready = checks.iter().all(|check| check.ok);
    let (status, word) = match (ready, app.engine().catalog().held_since) {
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
        // It does accept, and a person has to reach it to let it go on.
        (true, Some(_)) => (StatusCode::OK, "held"),
        (true, None) => (StatusCode::OK, "ready"),
    };
    let checks = checks.into_iter().chain([dispatch(&app)]).collect();
    Ok(answer::json(status, &Readiness { status: word, checks }))
}

/// Reads, and after a write that failed also writes: nobody else would find out that there is room again.
async fn store(app: &App) -> ReadinessCheck {
    let tried = match app.store().revision().await {
        Ok(_) if app.store_failed() => {
            app.store().note_seen(app.now()).await.map(|()| app.store_works_again())
        }
        read => read.map(drop),
    };
    match tried {
        Ok(()) => ReadinessCheck { name: "store", ok: true, detail: "reads and writes".to_owned() },
        Err(error) => ReadinessCheck { name: "store", ok: false, detail: error.to_string() },
    }
}

fn dispatch(app: &App) -> ReadinessCheck {
    let held_since = app.engine().catalog().held_since;
    let detail = held_since.map_or_else(
        || "may send".to_owned(),
        |since| format!("held since {since}: nothing is sent until POST /api/v1/hold {{\"held\": false}}"),
    );
    ReadinessCheck { name: "dispatch", ok: held_since.is_none(), detail }
}

fn engine(app: &App) -> ReadinessCheck {
    let failed = app.engine().failed().now_or_never().is_some();
    let detail = if failed {
        "the store stopped it, or is another process's now: see the log"
    } else {
        "owns the store's accounts"
    };
    ReadinessCheck { name: "engine", ok: !failed, detail: detail.to_owned() }
}

/// One that stands still is no reason to give this process no work; whoever looks here learns that there is one.
fn accounts(app: &App) -> ReadinessCheck {
    let catalog = app.engine().catalog();
    let still = catalog.accounts().filter(|account| stands_still(app, account)).count();
    let all = catalog.len();
    let detail = match still {
        0 => format!("none of {all} stands still"),
        still => format!("{still} of {all} stand still: GET /api/v1/accounts says why"),
    };
    ReadinessCheck { name: "accounts", ok: true, detail }
}
