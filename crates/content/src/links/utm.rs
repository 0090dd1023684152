//! UTM parameters on a link, by scenario and campaign.

/// Longest link that is made, in bytes: what browsers and proxies carry without trouble.
pub const MAX_LINK: usize = 2048;

/// Where a visitor comes from. Empty values are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Utm<'a> {
    /// The site: `wechat`.
    pub source: &'a str,
    /// The way: `template_message`.
    pub medium: &'a str,
    /// The effort: a campaign, or else the scenario.
    pub campaign: &'a str,
    /// What told them apart within it: the scenario of a campaign, or the variant of an A/B test.
    pub content: &'a str,
}

/// A link that would be too long.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the link would have {0} bytes; at most {MAX_LINK} are made")]
pub struct LinkTooLong(pub usize);

impl<'a> Utm<'a> {
    /// Our own marks for a message of that scenario and, if it belongs to one, campaign.
    pub fn of(scenario: &'a str, campaign: Option<&'a str>) -> Self {
        let (campaign, content) = match campaign {
            Some(campaign) => (campaign, scenario),
            None => (scenario, ""),
        };
        Self { source: "wechat", medium: "template_message", campaign, content }
    }

    fn pairs(&self) -> [(&'static str, &'a str); 4] {
        [
            ("utm_source", self.source),
            ("utm_medium", self.medium),
            ("utm_campaign", self.campaign),
            ("utm_content", self.content),
        ]
    }
}

/// Adds the marks to a web address or to a mini-program's `pagepath`: before the fragment, after the query, which both stay as
/// they are to the byte. A mark that is there already is left alone: someone chose it. Twice is as once.
pub fn add_utm(link: &str, utm: &Utm<'_>) -> Result<String, LinkTooLong> {
    let (page, fragment) = link.find('#').map_or((link, ""), |at| link.split_at(at));
    let query = page.split_once('?').map_or("", |(_, query)| query);
    let mut marked = page.to_owned();
    for (key, value) in utm.pairs() {
        if value.is_empty() || has_key(query, key) {
            continue;
        }
        match marked.chars().last() {
            Some('?' | '&') if marked.contains('?') => {}
            _ => marked.push(if marked.contains('?') { '&' } else { '?' }),
        }
        marked.push_str(key);
        marked.push('=');
        push_encoded(&mut marked, value);
    }
    marked.push_str(fragment);
    if marked.len() > MAX_LINK { Err(LinkTooLong(marked.len())) } else { Ok(marked) }
}

/// Whether the link says already where its visitor comes from.
pub fn has_source(link: &str) -> bool {
    let page = link.split('#').next().unwrap_or("");
    page.split_once('?').is_some_and(|(_, query)| has_key(query, "utm_source"))
}

fn has_key(query: &str, key: &str) -> bool {
    query.split('&').any(|pair| pair.split('=').next() == Some(key))
}

/// Percent-encodes all but RFC 3986's unreserved characters.
fn push_encoded(link: &mut String, value: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            link.push(byte.into());
        } else {
            link.push('%');
            link.push(HEX[usize::from(byte >> 4)].into());
            link.push(HEX[usize::from(byte & 15)].into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_before_the_fragment_and_after_the_query_and_never_replace_one() {
        let utm = Utm { source: "wechat", medium: "", campaign: "双11", content: "" };
        let marks = "utm_source=wechat&utm_campaign=%E5%8F%8C11";
        let cases = [
            ("https://a.example", format!("https://a.example?{marks}")),
            ("https://a.example/o/1", format!("https://a.example/o/1?{marks}")),
            ("https://a.example/?", format!("https://a.example/?{marks}")),
            ("https://a.example/?id=1", format!("https://a.example/?id=1&{marks}")),
            ("https://a.example/?id=1&", format!("https://a.example/?id=1&{marks}")),
            ("https://a.example/#/o?id=1", format!("https://a.example/?{marks}#/o?id=1")),
            (
                "https://a.example/?a=%2F&b=%E4%B8%AD#x",
                format!("https://a.example/?a=%2F&b=%E4%B8%AD&{marks}#x"),
            ),
            (
                "https://a.example/?utm_source=sms",
                "https://a.example/?utm_source=sms&utm_campaign=%E5%8F%8C11".to_owned(),
            ),
            ("pages/order?id=1", format!("pages/order?id=1&{marks}")),
            ("pages/a&b&", format!("pages/a&b&?{marks}")),
            ("", format!("?{marks}")),
        ];

        for (link, expected) in cases {
            assert_eq!(add_utm(link, &utm).unwrap(), expected);
        }
    }

    #[test]
    fn marking_twice_is_marking_once() {
        let utm = Utm::of("order_shipped", Some("2026 spring"));

        let once = add_utm("https://a.example/?x=1#y", &utm).unwrap();

        assert_eq!(add_utm(&once, &utm).unwrap(), once);
        assert!(once.ends_with("utm_campaign=2026%20spring&utm_content=order_shipped#y"), "{once}");
    }

    #[test]
    fn a_scenario_without_a_campaign_is_its_own() {
        let utm = Utm::of("order_paid", None);

        assert_eq!((utm.campaign, utm.content), ("order_paid", ""));
    }

    #[test]
    fn only_the_query_tells_the_source() {
        assert!(has_source("https://a.example/?x=1&utm_source=sms#y"));
        assert!(!has_source("https://a.example/#?utm_source=sms"));
        assert!(!has_source("https://a.example/?my_utm_source=sms"));
    }

    #[test]
    fn a_link_that_would_be_too_long_is_an_error() {
        let link = format!("https://a.example/{}", "x".repeat(2020));

        assert!(matches!(add_utm(&link, &Utm::of("s", None)), Err(LinkTooLong(length)) if length > MAX_LINK));
    }
}
