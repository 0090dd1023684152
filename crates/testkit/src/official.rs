//! An official account as the tests know it: what it is called at WeChat, its template and its followers.

use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

/// The content of the template that every account has: a field of each common type.
pub const CONTENT: &str = "商品名称{{thing1.DATA}}\n支付金额{{amount2.DATA}}\n订单编号{{character_string3.DATA}}\n支付时间{{time4.DATA}}";
/// Its title.
pub(crate) const TITLE: &str = "订单支付成功通知";

/// One account, at WeChat and here.
#[derive(Debug)]
pub struct Official {
    /// Its appid.
    pub appid: String,
    /// Its AppSecret.
    pub secret: String,
    /// The token of its callback.
    pub token: String,
    /// The EncodingAESKey of its callback.
    pub aes_key: String,
    /// Its template.
    pub template_id: String,
    /// Its followers, in order.
    pub openids: Vec<String>,
    /// Where its callback is.
    pub callback_url: String,
    pub(crate) bodies: AtomicU64,
}

impl Official {
    /// A body for the follower with this number (counted round), unlike every other: WeChat refuses the same content twice.
    pub fn body(&self, follower: usize) -> Value {
        let serial = self.bodies.fetch_add(1, Ordering::Relaxed);
        json!({
            "appid": self.appid,
            "touser": self.openids[follower % self.openids.len()],
            "template_id": self.template_id,
            "data": {
                "thing1": { "value": "拿铁" },
                "amount2": { "value": "¥18.50" },
                "character_string3": { "value": format!("NO{serial:08}") },
                "time4": { "value": "2026年11月23日 12:00" },
            },
        })
    }
}

/// `body` with more fields in it, or others in their place.
pub fn with(mut body: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().expect("fields come as an object") {
        body[name] = value.clone();
    }
    body
}
