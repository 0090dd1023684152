//! What the same messages take without Hongyan: a bare loop over the client, no store, in the same run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Result;
use hongyan_simulator::Latency;
use hongyan_wechat::{Client, Credential, ExposeSecret, Refresh, SecretString, Settings, TemplateMessage};
use serde_json::value::RawValue;
use tokio::task::JoinSet;

use crate::bench::cast::{self, Cast};
use crate::bench::stage::Stage;

/// Without latency more in flight only costs (64 is what measured fastest); with it, all at once.
const IN_FLIGHT: usize = 64;
const IN_FLIGHT_SLOW: usize = 1_000;

/// What every worker shares.
struct Loop {
    client: Client,
    cast: Arc<Cast>,
    tokens: Vec<SecretString>,
    next: AtomicUsize,
    messages: usize,
}

/// Sends `messages` and answers the messages a second.
pub(super) async fn rate(stage: &Stage, messages: usize, latency: Latency) -> Result<f64> {
    let client = Client::new(Settings {
        api_bases: vec![format!("http://{}", stage.simulator.authority)],
        max_idle: IN_FLIGHT_SLOW,
        ..Settings::default()
    })?;
    let mut tokens = Vec::with_capacity(stage.cast.accounts.len());
    for account in &stage.cast.accounts {
        let credential = Credential { appid: &account.appid, secret: account.secret.expose() };
        tokens.push(client.stable_token(&credential, Refresh::Normal).await?.value);
    }
    let in_flight = if latency == Latency::None { IN_FLIGHT } else { IN_FLIGHT_SLOW };
    let shared = Loop { client, cast: stage.cast.clone(), tokens, next: AtomicUsize::new(0), messages };
    let shared = Arc::new(shared);
    let mut workers = JoinSet::new();
    let start = Instant::now();
    for _ in 0..in_flight.min(messages) {
        workers.spawn(work(shared.clone()));
    }
    while let Some(done) = workers.join_next().await {
        done??;
    }
    Ok(messages as f64 / start.elapsed().as_secs_f64())
}

async fn work(shared: Arc<Loop>) -> Result<()> {
    loop {
        let n = shared.next.fetch_add(1, Ordering::Relaxed);
        if n >= shared.messages {
            return Ok(());
        }
        let mut data = Vec::with_capacity(256);
        cast::write_data(n, &mut data);
        let data = RawValue::from_string(String::from_utf8(data)?)?;
        let url = format!("https://shop.example.com/orders/{n}?utm_source=wechat");
        let client_msg_id = format!("bare-{n}");
        let message = TemplateMessage {
            touser: shared.cast.openid(n),
            template_id: &shared.cast.account(n).template_id,
            url: Some(&url),
            miniprogram: None,
            client_msg_id: &client_msg_id,
            data: &data,
        };
        let token = &shared.tokens[n % shared.tokens.len()];
        shared.client.send_template(token.expose_secret(), &message).await?;
    }
}
