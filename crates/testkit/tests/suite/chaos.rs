//! Anything at any time, drawn from a seed: whatever happens, no message is lost, none comes twice, and none is said
//! to have failed that arrived.

use std::collections::HashSet;
use std::time::Duration;

use hongyan_simulator::Fate;
use hongyan_testkit::{World, with};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

const SECOND: Duration = Duration::from_secs(1);
const STEPS: usize = 50;
/// Causes that WeChat's receipts bring: the message reached WeChat, and not the phone.
const BY_RECEIPT: [&str; 3] = ["user_blocked", "system_failed", "freq_limited"];

/// A world in trouble, and what is known of it.
struct Trouble {
    world: World,
    rng: StdRng,
    ids: Vec<String>,
    /// The client_msg_ids that reached a phone: the simulator's own list forgets after ten minutes.
    arrived: HashSet<String>,
    /// Whether WeChat ever lost a receipt.
    lost_receipts: bool,
}

impl Trouble {
    async fn new(seed: u64) -> Self {
        let world = World::build().pace(50, 100).followers(40).start().await;
        Self {
            world,
            rng: StdRng::seed_from_u64(seed),
            ids: Vec::new(),
            arrived: HashSet::new(),
            lost_receipts: false,
        }
    }

    async fn step(&mut self) {
        match self.rng.random_range(0..14) {
            0..=4 => self.send().await,
            5 | 6 => self.break_something(),
            7 => self.world.faults(json!({})),
            8 => self.world.restart().await,
            9 => self.world.wire.cut(),
            10 => self.cancel_one().await,
            11 => self.pause_or_resume().await,
            12 => self.refuse_for_a_while().await,
            _ => self.die_with_answers_on_the_way().await,
        }
        let step_ms = *[0, 50, 700, 3_000, 20_000, 200_000].choose(&mut self.rng).unwrap();
        self.world.pass(2, Duration::from_millis(step_ms)).await;
        self.look();
    }

    async fn send(&mut self) {
        let count = self.rng.random_range(1..=20);
        let bodies: Vec<_> = (0..count).map(|_| self.body()).collect();
        self.ids.extend(self.world.send_all(&bodies).await);
    }

    fn body(&mut self) -> Value {
        let lane = *["urgent", "normal", "bulk"].choose(&mut self.rng).unwrap();
        let follower = self.rng.random_range(0..40);
        let mut body = with(self.world.body(follower), &json!({ "lane": lane }));
        if self.rng.random_bool(0.2) {
            body["send_at"] = json!(self.world.at(self.rng.random_range(1..300)));
        }
        if self.rng.random_bool(0.1) {
            body["expires_at"] = json!(self.world.at(self.rng.random_range(301..900)));
        }
        body
    }

    fn break_something(&mut self) {
        let rate = self.rng.random_range(0.05..0.9);
        let fault = *["drop_before", "drop_after", "bad_gateway", "garbage"].choose(&mut self.rng).unwrap();
        let errcode = *[-1, 45009, 45011, 40001, 42001, 40164, 43004].choose(&mut self.rng).unwrap();
        let receipts = *["early", "late", "lost", "doubled"].choose(&mut self.rng).unwrap();
        self.lost_receipts |= receipts == "lost";
        self.world.faults(json!({
            (fault): rate,
            "errcodes": [
                { "errcode": errcode, "rate": rate, "next": 30 },
                { "errcode": -1, "rate": rate / 2.0, "next": 10, "after": true },
            ],
            "receipts": { (receipts): rate, "late_ms": 90_000 },
            "review": { "rate": 0.05, "release_after_ms": 400_000 },
            "token_revoked": self.rng.random_bool(0.2),
        }));
    }

    async fn cancel_one(&mut self) {
        let Some(id) = self.ids.choose(&mut self.rng) else { return };
        let reply = self.world.api().post(&format!("/api/v1/messages/{id}/cancel"), &json!({})).await;
        assert!(matches!(reply.status, 200 | 409), "{}", reply.text());
    }

    async fn pause_or_resume(&mut self) {
        let (verb, body) = match self.rng.random_bool(0.5) {
            true => ("pause", json!({ "reason": "chaos" })),
            false => ("resume", json!({})),
        };
        self.world.order(verb, &body).await.expect(200);
    }

    async fn refuse_for_a_while(&mut self) {
        self.world.wire.refuse();
        self.send().await;
        self.world.pass(2, 5 * SECOND).await;
        self.world.wire.mend();
    }

    async fn die_with_answers_on_the_way(&mut self) {
        self.world.wire.hold_answers();
        self.send().await;
        self.world.tick().await;
        self.world.kill().await;
        self.world.wire.open();
        self.world.wire.cut();
        self.world.boot().await;
    }

    fn look(&mut self) {
        let arrived = |fate| matches!(fate, Fate::Delivered | Fate::Released | Fate::Duplicate);
        let fresh = self.world.ledger().into_iter().filter(|entry| arrived(entry.fate));
        self.arrived.extend(fresh.filter_map(|entry| entry.client_msg_id));
    }

    /// All troubles end; then time passes until nothing is awaited any more.
    async fn calm_down(&mut self) {
        self.world.faults(json!({}));
        self.world.order("resume", &json!({})).await.expect(200);
        for _ in 0..60 {
            self.world.pass(1, 30 * SECOND).await;
            self.look();
        }
        self.world.pass(2, 37 * 3_600 * SECOND).await;
        self.look();
        self.world.pass(2, 60 * SECOND).await;
    }

    /// By a fault, or since nobody was there to take one in.
    fn receipts_were_lost(&self) -> bool {
        self.lost_receipts || self.world.stats().receipts_failed > 0
    }

    async fn check(&self) {
        for id in &self.ids {
            let message = self.world.message(id).await;
            let (state, cause) =
                (message["state"].as_str().unwrap(), message["cause"].as_str().unwrap_or_default());
            let arrived = self.arrived.contains(id.trim_start_matches("msg_"));
            let is_true = match state {
                "delivered" => arrived,
                "failed" => !arrived || BY_RECEIPT.contains(&cause),
                "cancelled" => !arrived,
                // Only of a try whose answer a fault took or made "busy" can nobody know, or of a receipt that a fault
                // took.
                "unknown" if cause == "no_answer" => was_in_doubt(&message),
                "unknown" => cause == "no_receipt" && arrived && self.receipts_were_lost(),
                _ => false,
            };
            assert!(
                is_true,
                "{}, and says {message}",
                if arrived { "it arrived" } else { "it did not arrive" }
            );
        }
        let counted: i64 = self.world.counts().await.values().sum();
        assert_eq!(counted, self.ids.len() as i64);
    }
}

/// Whether one of its tries came back without an answer, or with "busy".
fn was_in_doubt(message: &Value) -> bool {
    let mut moments = message["timeline"].as_array().unwrap().iter();
    moments.any(|moment| moment["outcome"] == "unknown" || moment["errcode"] == -1)
}

async fn live_through(seed: u64) {
    let mut trouble = Trouble::new(seed).await;
    for _ in 0..STEPS {
        trouble.step().await;
    }
    trouble.calm_down().await;
    trouble.check().await;
    trouble.world.finish().await;
}

macro_rules! seeds {
    ($($name:ident = $seed:literal;)+) => {
        $(#[tokio::test]
        async fn $name() {
            live_through($seed).await;
        })+
    };
}

seeds! {
    nothing_is_lost_doubled_or_misreported_in_the_first_chaos = 1;
    nothing_is_lost_doubled_or_misreported_in_the_second_chaos = 2;
    nothing_is_lost_doubled_or_misreported_in_the_third_chaos = 3;
    nothing_is_lost_doubled_or_misreported_in_the_fourth_chaos = 4;
    nothing_is_lost_doubled_or_misreported_in_the_fifth_chaos = 5;
    nothing_is_lost_doubled_or_misreported_in_the_sixth_chaos = 6;
    nothing_is_lost_doubled_or_misreported_in_the_seventh_chaos = 7;
    nothing_is_lost_doubled_or_misreported_in_the_eighth_chaos = 8;
    nothing_is_lost_doubled_or_misreported_in_the_ninth_chaos = 9;
    nothing_is_lost_doubled_or_misreported_in_the_tenth_chaos = 10;
    nothing_is_lost_doubled_or_misreported_in_the_eleventh_chaos = 11;
    nothing_is_lost_doubled_or_misreported_in_the_twelfth_chaos = 12;
}
