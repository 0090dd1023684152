//! Callbacks written by hand: what the simulator, which plays WeChat as it is, would never send.

use bytes::Bytes;
use hongyan_wechat::SecretString;
use hongyan_wechat::callback::{EncodingAesKey, Endpoint, Keys, Mode, Stamp};
use http::Method;

use crate::api::Reply;
use crate::official::Official;
use crate::world::World;

/// One receipt, with everything about it open to change.
#[derive(Clone, Debug)]
pub struct Callback {
    /// For whom it is encrypted.
    pub appid: String,
    /// Signed with this.
    pub token: String,
    /// Encrypted with this.
    pub aes_key: String,
    /// From whom.
    pub openid: String,
    /// `MsgID`.
    pub msgid: u64,
    /// `Status`.
    pub status: String,
    /// When it was signed, seconds before the world's time.
    pub signed_ago_s: i64,
}

impl Callback {
    /// The receipt that WeChat would send to this account.
    pub fn of(official: &Official, follower: usize, msgid: u64) -> Self {
        Self {
            appid: official.appid.clone(),
            token: official.token.clone(),
            aes_key: official.aes_key.clone(),
            openid: official.openids[follower].clone(),
            msgid,
            status: "success".to_owned(),
            signed_ago_s: 0,
        }
    }

    fn xml(&self, at_s: i64) -> String {
        let Self { openid, msgid, status, .. } = self;
        format!(
            "<xml><ToUserName><![CDATA[gh_0]]></ToUserName><FromUserName><![CDATA[{openid}]]></FromUserName>\
             <CreateTime>{at_s}</CreateTime><MsgType><![CDATA[event]]></MsgType>\
             <Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event><MsgID>{msgid}</MsgID>\
             <Status><![CDATA[{status}]]></Status></xml>"
        )
    }

    /// Posts it to the callback of `official`.
    pub async fn post(&self, world: &World, official: &Official) -> Reply {
        let timestamp_s = world.now_ms() / 1_000 - self.signed_ago_s;
        let key = EncodingAesKey::parse(&self.aes_key).expect("the tests' keys are keys");
        let mode = Mode::Safe(Keys { current: key, previous: None });
        let endpoint = Endpoint::new(&*self.appid, SecretString::from(self.token.clone()), mode);
        let stamp = Stamp { random: [7; 16], timestamp_s, nonce: "1234567890" };
        let sealed = endpoint.seal_reply(&self.xml(timestamp_s), &stamp).expect("it can be sealed");
        let path = format!(
            "/callback/{}?signature=0&timestamp={timestamp_s}&nonce={}&encrypt_type=aes&msg_signature={}",
            official.appid, sealed.nonce, sealed.msg_signature
        );
        let body = Bytes::from(sealed.to_xml());
        world.stranger().call(Method::POST, &path, "text/xml", body).await
    }
}
