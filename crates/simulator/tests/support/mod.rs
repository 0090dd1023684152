//! One account, one follower, one template of each kind, and a clock in the hand.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

pub(crate) mod callback;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use hongyan_simulator::{
    AccountBody, Answer, Clock, FaultsBody, FollowerStatus, FollowersBody, Request, Settings, Simulator,
    TemplateBody,
};
use http::Method;
use serde_json::{Value, json};

/// 2025-11-26, noon in Shanghai.
pub(crate) const NOON: i64 = 1_764_129_600_000;
pub(crate) const APPID: &str = "wxba5fad812f8e6fb9";
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const CATEGORY: &str = "ngqIpbwh8bUfcSsECmogfXcV14J0tQlEpBO27izEYtY";
pub(crate) const LEGACY: &str = "iPk5sOIt5X_flOVKn5GrTFpncEYTojx6ddbt8WYoV5s";
pub(crate) const OPENID: &str = "o9AgO5Kd5ggOC-bXrbNODIiE3bGY";
pub(crate) const SEND: &str = "/cgi-bin/message/template/send";

pub(crate) struct Stage {
    pub(crate) simulator: Simulator,
    pub(crate) hand: Arc<AtomicI64>,
}

pub(crate) fn stage() -> Stage {
    stage_with(Settings::default(), AccountBody::default())
}

pub(crate) fn stage_with(settings: Settings, account: AccountBody) -> Stage {
    let (clock, hand) = Clock::manual(NOON);
    let stage = Stage { simulator: Simulator::new(Settings { clock, ..settings }), hand };
    let secret = Some(SECRET.to_owned());
    let account = AccountBody { appid: APPID.to_owned(), secret, ..account };
    stage.simulator.control().put_account(&account).unwrap();
    stage.template(
        CATEGORY,
        "下单成功通知",
        "订单编号{{character_string1.DATA}}\n商品名称{{thing2.DATA}}\n下单时间{{time3.DATA}}",
    );
    stage.template(LEGACY, "领取奖金提醒", "{{first.DATA}}\n领奖金额：{{keyword1.DATA}}\n{{remark.DATA}}");
    stage.person(OPENID, FollowerStatus::Following);
    stage
}

pub(crate) fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

impl Stage {
    pub(crate) fn advance(&self, ms: i64) {
        self.hand.fetch_add(ms, Ordering::Relaxed);
    }

    pub(crate) fn template(&self, id: &str, title: &str, content: &str) {
        let (appid, template_id) = (APPID.to_owned(), Some(id.to_owned()));
        let body =
            TemplateBody { appid, title: title.into(), content: content.into(), template_id, state: None };
        self.simulator.control().put_template(&body).unwrap();
    }

    pub(crate) fn person(&self, openid: &str, status: FollowerStatus) {
        let (appid, openids) = (APPID.to_owned(), vec![openid.to_owned()]);
        let body = FollowersBody { appid, openids, status, ..FollowersBody::default() };
        self.simulator.control().put_followers(&body).unwrap();
    }

    /// Changes the account by the JSON of `/_sim/accounts`.
    pub(crate) fn change(&self, mut body: Value) {
        body["appid"] = json!(APPID);
        self.simulator.control().put_account(&serde_json::from_value(body).unwrap()).unwrap();
    }

    pub(crate) fn faults(&self, body: Value) {
        let body: FaultsBody = serde_json::from_value(body).unwrap();
        self.simulator.control().set_faults(&body).unwrap();
    }

    pub(crate) fn call(&self, method: &Method, target: &str, body: &[u8]) -> Answer {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let client = IpAddr::from([127, 0, 0, 1]);
        self.simulator.answer(&Request { method, path, query, client, body })
    }

    pub(crate) fn get(&self, target: &str) -> Value {
        json_of(&self.call(&Method::GET, target, b""))
    }

    pub(crate) fn post(&self, target: &str, body: &str) -> Value {
        json_of(&self.call(&Method::POST, target, body.as_bytes()))
    }

    pub(crate) fn token(&self) -> String {
        let answer =
            self.get(&format!("/cgi-bin/token?grant_type=client_credential&appid={APPID}&secret={SECRET}"));
        answer["access_token"].as_str().unwrap_or_else(|| panic!("no token in {answer}")).to_owned()
    }

    pub(crate) fn stable(&self, force_refresh: bool) -> Value {
        let body = json!({
            "grant_type": "client_credential", "appid": APPID, "secret": SECRET, "force_refresh": force_refresh,
        });
        self.post("/cgi-bin/stable_token", &body.to_string())
    }

    /// Posts to a call that needs a token, with one made for it.
    pub(crate) fn authorized(&self, path: &str, body: &str) -> Value {
        self.post(&format!("{path}?access_token={}", self.token()), body)
    }

    pub(crate) fn send(&self, body: &Value) -> Value {
        self.authorized(SEND, &body.to_string())
    }

    /// Sends a good message with that id and that word in it.
    pub(crate) fn send_id(&self, client_msg_id: &str, word: &str) -> Value {
        self.send(&message(client_msg_id, word))
    }

    /// The errcode of a send that is good but for `change`.
    pub(crate) fn code_with(&self, change: impl FnOnce(&mut Value)) -> i64 {
        let mut body = message("m", "拿铁");
        change(&mut body);
        errcode(&self.send(&body))
    }
}

pub(crate) fn message(client_msg_id: &str, word: &str) -> Value {
    json!({
        "touser": OPENID, "template_id": CATEGORY, "client_msg_id": client_msg_id,
        "data": {
            "character_string1": {"value": "A123"}, "thing2": {"value": word}, "time3": {"value": "2024年1月2日 12:00"},
        },
    })
}

pub(crate) fn errcode(answer: &Value) -> i64 {
    answer["errcode"].as_i64().unwrap_or_else(|| panic!("no errcode in {answer}"))
}

/// The errmsg before its rid.
pub(crate) fn errmsg(answer: &Value) -> &str {
    answer["errmsg"].as_str().and_then(|text| text.split(" rid: ").next()).unwrap_or_default()
}
