//! Who is written to, and what: accounts, people, and the message with a given number.

use std::io::Write;

use hongyan_store::Secret;

/// WeChat's longest field is 20 characters; this body is what an order notice usually has.
pub(super) const TITLE: &str = "订单发货通知";
pub(super) const CONTENT: &str = "商品名称{{thing1.DATA}}\n订单编号{{character_string2.DATA}}\n发货时间{{time3.DATA}}\n订单金额{{amount4.DATA}}";

/// An account with its people.
pub(super) struct Account {
    pub(super) appid: String,
    pub(super) secret: Secret,
    pub(super) template_id: String,
    pub(super) openids: Vec<String>,
}

/// All accounts of a benchmark. Message `n` goes to account `n` mod accounts, so that all are busy side by side.
pub(super) struct Cast {
    pub(super) accounts: Vec<Account>,
}

impl Cast {
    pub(super) fn account(&self, n: usize) -> &Account {
        &self.accounts[n % self.accounts.len()]
    }

    pub(super) fn openid(&self, n: usize) -> &str {
        let people = &self.account(n).openids;
        &people[(n / self.accounts.len()) % people.len()]
    }

    /// The request of message `n`, as JSON, at the end of `body`.
    pub(super) fn write_request(&self, n: usize, lane: &str, body: &mut Vec<u8>) {
        let account = self.account(n);
        let (appid, template_id, openid) = (&account.appid, &account.template_id, self.openid(n));
        let _ = write!(
            body,
            r#"{{"appid":"{appid}","touser":"{openid}","template_id":"{template_id}","lane":"{lane}","url":"https://shop.example.com/orders/{n}?utm_source=wechat","data":"#
        );
        write_data(n, body);
        body.push(b'}');
    }
}

/// The fields of message `n`: no two are the same, as no two orders are.
pub(super) fn write_data(n: usize, body: &mut Vec<u8>) {
    let (minute, cents) = (n % 60, n % 90 + 10);
    let _ = write!(
        body,
        r#"{{"thing1":{{"value":"拿铁咖啡(大杯)两份"}},"character_string2":{{"value":"HY2026{n:010}"}},"time3":{{"value":"2026-11-23 12:{minute:02}"}},"amount4":{{"value":"¥{}.{cents}"}}}}"#,
        n % 900 + 1
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_go_round_the_accounts_and_their_people() {
        let account = |appid: &str| Account {
            appid: appid.to_owned(),
            secret: Secret::new("s"),
            template_id: "t".to_owned(),
            openids: vec![format!("{appid}-1"), format!("{appid}-2")],
        };
        let cast = Cast { accounts: vec![account("a"), account("b")] };

        let people: Vec<_> = (0..5).map(|n| cast.openid(n)).collect();

        assert_eq!(people, ["a-1", "b-1", "a-2", "b-2", "a-1"]);
    }

    #[test]
    fn a_request_is_json_that_a_template_of_this_content_takes() {
        let account = Account {
            appid: "wx1".into(),
            secret: Secret::new("s"),
            template_id: "t".into(),
            openids: vec!["o".into()],
        };
        let mut body = Vec::new();
        Cast { accounts: vec![account] }.write_request(7, "bulk", &mut body);

        let request: serde_json::Value = serde_json::from_slice(&body).unwrap();

        let template = hongyan_domain::Template::parse("t", TITLE, CONTENT);
        let wanted: Vec<_> = template.fields.iter().map(|field| field.name.as_str()).collect();
        let mut given: Vec<_> = request["data"].as_object().unwrap().keys().map(String::as_str).collect();
        given.sort_by_key(|name| wanted.iter().position(|wanted| wanted == name));
        assert_eq!(given, wanted);
        assert_eq!((request["lane"].as_str(), request["touser"].as_str()), (Some("bulk"), Some("o")));
    }
}
