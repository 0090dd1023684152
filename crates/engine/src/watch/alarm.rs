//! Answers of WeChat that no send should ever get: the wrong method, an API that is gone, a code that means nothing
//! known. Each is a fault of a program or a change at WeChat, so a person has to hear of it, and not once a message.

use std::collections::HashMap;
use std::time::Duration;

use hongyan_domain::{AccountId, Timestamp};
use hongyan_wechat::errcode::{self, Class};
use parking_lot::Mutex;

use crate::Shared;

/// The same code is told again after so long, with how often it came meanwhile.
const AGAIN_AFTER: Duration = Duration::from_secs(60);
/// Codes told apart; whatever comes beyond is told as one. WeChat has never shown so many new ones.
const CODES_MAX: usize = 64;
/// Stands for all codes beyond.
const ANY: i64 = i64::MIN;
/// Where the table has no row.
const ADVICE_UNLISTED: &str =
    "the code is in no table: look it up in WeChat's documents, and ask for the rid's details";

/// What was said of each code last.
#[derive(Default)]
pub(crate) struct Alarms(Mutex<HashMap<i64, Said>>);

struct Said {
    at: Timestamp,
    /// Those that came since.
    more: u64,
}

impl Alarms {
    /// Counts a code; how many there were since the last time it was told, if it is to be told now.
    fn ring(&self, code: i64, now: Timestamp) -> Option<u64> {
        let mut said = self.0.lock();
        let code = if said.len() < CODES_MAX || said.contains_key(&code) { code } else { ANY };
        let Some(known) = said.get_mut(&code) else {
            said.insert(code, Said { at: now, more: 0 });
            return Some(1);
        };
        known.more += 1;
        // A clock that was set back is no reason to be silent.
        if now >= known.at && now.since(known.at) < AGAIN_AFTER {
            return None;
        }
        known.at = now;
        Some(std::mem::take(&mut known.more))
    }
}

/// Whether a person has to hear of it.
fn is_alarming(class: Class) -> bool {
    matches!(class, Class::Method | Class::Gone | Class::Unknown)
}

/// Tells of a code that a send was answered with, if it is one of these.
pub(crate) fn look(shared: &Shared, account: AccountId, code: i64, now: Timestamp) {
    let row = errcode::lookup(code);
    if !is_alarming(errcode::class(code)) {
        return;
    }
    let Some(times) = shared.alarms.ring(code, now) else { return };
    let catalog = shared.catalog.load();
    let appid = catalog.by_id(account).map_or("", |account| account.appid().as_str());
    let (meaning, advice) = row.map_or(("", ADVICE_UNLISTED), |row| (row.en, row.advice_en));
    tracing::error!(errcode = code, appid, times, meaning, advice, "WeChat answered what no send should get");
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);

    fn after_s(seconds: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn a_code_is_told_once_a_minute_with_how_often_it_came() {
        let alarms = Alarms::default();

        let told: Vec<_> = [0, 1, 59, 60, 61].map(|s| alarms.ring(43002, after_s(s))).into();

        assert_eq!(told, [Some(1), None, None, Some(3), None]);
        assert_eq!(alarms.ring(987_654, after_s(61)), Some(1), "another code has its own minute");
    }

    #[test]
    fn however_many_codes_there_are_few_are_kept() {
        let alarms = Alarms::default();

        let told = (0..10_000).filter(|code| alarms.ring(*code, NOW).is_some()).count();

        assert_eq!((told, alarms.0.lock().len()), (CODES_MAX + 1, CODES_MAX + 1));
    }

    #[test]
    fn the_wrong_method_and_what_is_in_no_table_are_alarming_and_a_refusal_is_not() {
        let alarming = [43002, 41028, 987_654].map(|code| is_alarming(errcode::class(code)));
        let usual = [-1, 40001, 40003, 43004, 45009, 47003].map(|code| is_alarming(errcode::class(code)));

        assert_eq!((alarming, usual), ([true; 3], [false; 6]));
    }
}
