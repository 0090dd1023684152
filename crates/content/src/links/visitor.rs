//! Who follows a link: a person, a machine, or a browser that fetches ahead. Only persons count as clicks.

/// What is known of a request for a link; header names in any case.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// `GET`, `HEAD`.
    pub method: &'a str,
    /// All request headers, name and value.
    pub headers: &'a [(&'a str, &'a str)],
}

/// Who it is taken to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visitor {
    /// Counted.
    Person,
    /// A crawler, scanner, script or link preview.
    Bot,
    /// A browser fetching what a person may want next.
    Prefetch,
}

/// Headers by which fetching ahead is told: Sec-Purpose is the standard (Fetch, Chrome, Firefox), the others its forerunners.
const PURPOSE_HEADERS: [&str; 4] = ["sec-purpose", "purpose", "x-purpose", "x-moz"];
/// Parts of names by which machines call themselves, in lower case.
const BOTS: [&str; 40] = [
    "bot",
    "spider",
    "crawl",
    "slurp",
    "preview",
    "scanner",
    "monitor",
    "archiver",
    "fetcher",
    "checker",
    "validator",
    "curl/",
    "wget/",
    "python",
    "go-http-client",
    "java/",
    "okhttp",
    "apache-httpclient",
    "httpclient",
    "node-fetch",
    "axios/",
    "libwww",
    "perl",
    "ruby",
    "php",
    "headless",
    "phantomjs",
    "puppeteer",
    "playwright",
    "selenium",
    "facebookexternalhit",
    "lighthouse",
    "censys",
    "zgrab",
    "nmap",
    "masscan",
    "nuclei",
    "postman",
    "insomnia",
    "dart:io",
];
/// Names of phones and apps that hold one of these parts and are no machines.
const NOT_BOTS: [&str; 1] = ["cubot"];

/// Judges by method and headers alone. A machine that calls itself a browser passes as a person: the rate is an upper bound.
pub fn visitor(visit: &Visit<'_>) -> Visitor {
    let is_ahead = |&(name, value): &(&str, &str)| {
        PURPOSE_HEADERS.iter().any(|header| name.eq_ignore_ascii_case(header)) && {
            let value = value.to_ascii_lowercase();
            value.contains("prefetch") || value.contains("prerender") || value.contains("preview")
        }
    };
    if visit.headers.iter().any(is_ahead) {
        return Visitor::Prefetch;
    }
    let agent = visit.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("user-agent"));
    match agent {
        Some((_, agent)) if visit.method == "GET" && !is_bot(agent) => Visitor::Person,
        _ => Visitor::Bot,
    }
}

/// Browsers all call themselves Mozilla, for history's sake; what does not is no browser.
fn is_bot(agent: &str) -> bool {
    let mut agent = agent.to_ascii_lowercase();
    for name in NOT_BOTS {
        agent = agent.replace(name, "");
    }
    !agent.starts_with("mozilla/") || BOTS.iter().any(|part| agent.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WECHAT: &str = "Mozilla/5.0 (Linux; Android 14; 23127PN0CC Build/UKQ1) AppleWebKit/537.36 (KHTML, like Gecko) \
        Version/4.0 Chrome/126.0 Mobile Safari/537.36 XWEB/1260 MMWEBSDK/2024 MicroMessenger/8.0.50 WeChat/arm64 Language/zh_CN";

    fn by_agent(agent: &str) -> Visitor {
        visitor(&Visit { method: "GET", headers: &[("User-Agent", agent)] })
    }

    #[test]
    fn people_are_told_from_machines_by_what_they_call_themselves() {
        use Visitor::{Bot, Person};
        let cases = [
            (WECHAT, Person),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.49 NetType/WIFI Language/zh_CN",
                Person,
            ),
            (
                "Mozilla/5.0 (Linux; Android 12; CUBOT P60) AppleWebKit/537.36 Chrome/120 Mobile Safari/537.36",
                Person,
            ),
            ("Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)", Bot),
            ("Mozilla/5.0 (compatible; Bytespider; spider-feedback@bytedance.com)", Bot),
            ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120 Safari/537.36", Bot),
            ("curl/8.5.0", Bot),
            ("python-requests/2.31", Bot),
            ("Go-http-client/1.1", Bot),
            ("okhttp/4.12", Bot),
            ("", Bot),
        ];

        for (agent, expected) in cases {
            assert_eq!(by_agent(agent), expected, "{agent}");
        }
    }

    #[test]
    fn a_look_without_a_get_or_without_a_name_is_no_click() {
        assert_eq!(visitor(&Visit { method: "HEAD", headers: &[("user-agent", WECHAT)] }), Visitor::Bot);
        assert_eq!(visitor(&Visit { method: "GET", headers: &[] }), Visitor::Bot);
    }

    #[test]
    fn fetching_ahead_is_no_click_whichever_header_says_so() {
        let cases = [
            ("Sec-Purpose", "prefetch;prerender"),
            ("Purpose", "prefetch"),
            ("X-Moz", "prefetch"),
            ("X-Purpose", "preview"),
        ];

        for header in cases {
            let headers = [("user-agent", WECHAT), header];
            assert_eq!(visitor(&Visit { method: "GET", headers: &headers }), Visitor::Prefetch, "{header:?}");
        }
        let other = [("user-agent", WECHAT), ("purpose", "navigate")];
        assert_eq!(visitor(&Visit { method: "GET", headers: &other }), Visitor::Person);
    }
}
