//! The rid at the end of every refusal, and what openapi/rid/get tells about it.

use std::collections::VecDeque;
use std::net::IpAddr;

use parking_lot::Mutex;

use crate::chance::Chance;

/// What is known of a refused call.
#[derive(Clone)]
pub(crate) struct Traced {
    pub(crate) rid: Box<str>,
    pub(crate) appid: Box<str>,
    pub(crate) path: &'static str,
    pub(crate) request_body: Box<str>,
    pub(crate) response_body: Box<str>,
    pub(crate) client: IpAddr,
    pub(crate) at_ms: i64,
    pub(crate) cost_ms: u32,
}

/// The last refusals. WeChat keeps them 7 days; here so many, about 1 kB each.
#[derive(Default)]
pub(crate) struct Rids(Mutex<VecDeque<Traced>>);

const KEPT: usize = 5_000;

/// `8hex-8hex-8hex`: the second, then chance.
pub(crate) fn rid(now_ms: i64, chance: &Chance) -> String {
    let draw = chance.draw();
    format!("{:08x}-{:08x}-{:08x}", (now_ms / 1000) as u32, (draw >> 32) as u32, draw as u32)
}

/// Whether the text has the form of a rid.
pub(crate) fn is_rid(text: &str) -> bool {
    text.len() == 26
        && text.split('-').filter(|part| part.len() == 8 && u32::from_str_radix(part, 16).is_ok()).count()
            == 3
}

impl Rids {
    pub(crate) fn keep(&self, traced: Traced) {
        let mut kept = self.0.lock();
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back(traced);
    }

    /// The refusal of that rid, if it was this account's.
    pub(crate) fn find(&self, rid: &str, appid: &str) -> Option<Traced> {
        let kept = self.0.lock();
        kept.iter().rev().find(|traced| &*traced.rid == rid && &*traced.appid == appid).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rid_is_the_second_and_chance_in_three_times_eight_hex_digits() {
        let rid = rid(0x6172_5984 * 1000, &Chance::new(1));

        assert!(rid.starts_with("61725984-"), "{rid}");
        assert!(is_rid(&rid) && !is_rid("61725984-6126f6f9") && !is_rid("61725984-6126f6f9-040f19cg"));
    }
}
