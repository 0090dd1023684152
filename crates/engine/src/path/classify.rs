//! Step: what did WeChat's answer mean? A pure table from errcode or transport error to an outcome.

use std::time::Duration;

use hongyan_domain::{Cause, MAX_ATTEMPTS, Outcome, SentAs, Standing, Timestamp};
use hongyan_wechat::errcode::{self, Class};
use hongyan_wechat::{CallError, Sent};

/// First wait after WeChat could not be reached or refused the account; the dispatcher stretches it.
const PAUSE: Duration = Duration::from_secs(1);
/// 45011 counts by the minute.
const MINUTE: Duration = Duration::from_secs(60);
/// 40241: the same content to the same person is refused for about a minute.
const REPEAT_GUARD: Duration = Duration::from_secs(61);
/// 43117: too much to this person lately. The threshold is published nowhere, nor how long it is counted over: first a
/// short wait, then twice as long each time, over all tries 21 hours.
const USER_LIMITED: Duration = Duration::from_secs(600);
/// A day's quota that is used up so shortly after midnight is that of the day before: WeChat's clock is behind ours.
const SAME_MIDNIGHT: Duration = Duration::from_secs(600);
const HOUR: Duration = Duration::from_secs(3_600);
/// How long what a person has to mend, an allow-list or a permission, is left alone the first time and the last: each
/// call shows up in the operator's WeChat.
pub(crate) const MEND_FIRST: Duration = MINUTE;
pub(crate) const MEND_LONGEST: Duration = Duration::from_secs(600);

/// What the answer to a send came to, for a message that stood at `standing` when it was claimed.
pub(crate) fn classify(answer: Result<&Sent, &CallError>, standing: &Standing, now: Timestamp) -> Outcome {
    match answer {
        Ok(sent) => Outcome::Sent { msgid: sent.msgid, how: SentAs::Accepted },
        Err(CallError::NotSent(_)) => pause(now, PAUSE, Cause::Unreachable),
        Err(CallError::NoAnswer(_) | CallError::Garbled { .. }) => Outcome::Unknown,
        Err(CallError::Errcode { code, .. }) => by_errcode(*code, standing, now),
    }
}

/// "Invalid appid". A send goes by a token, so it is not the account's appid that is meant, but the message's own
/// mini program: it is wrong, or not linked to the account.
const INVALID_APPID: i64 = 40013;

/// What an errcode means for the message that got it.
pub fn by_errcode(code: i64, standing: &Standing, now: Timestamp) -> Outcome {
    if code == INVALID_APPID {
        return refused(Cause::BadRequest);
    }
    let class = errcode::lookup(code).map_or(Class::Unknown, |row| row.class);
    match class {
        Class::Ok => Outcome::Sent { msgid: None, how: SentAs::Accepted },
        Class::HeldForReview => Outcome::Sent { msgid: None, how: SentAs::HeldForReview },
        Class::Duplicate => duplicate(code, standing),
        Class::RetrySoon => Outcome::Retry { after: Duration::ZERO, cause: Cause::Busy },
        Class::RateLimit => pause(now, until_next_minute(now), Cause::RateLimited),
        Class::DailyQuota => Outcome::Pause { until: next_quota(now), cause: Cause::DailyQuota },
        Class::RefreshToken => pause(now, PAUSE, Cause::Token),
        Class::IpNotAllowed => pause(now, mend_wait(code, 0), Cause::IpNotAllowed),
        Class::BadAccount => pause(now, mend_wait(code, 0), Cause::AccountRefused),
        Class::UserLimited => user_limited(standing),
        Class::Content => refused(Cause::ContentRefused),
        Class::UserUnreachable | Class::BadTemplate | Class::BadRequest => refused(exact_cause(code, class)),
        Class::Method | Class::Gone | Class::Unknown => refused(Cause::BadRequest),
    }
}

/// How long to wait after so many times in a row that WeChat refused what only a person can mend.
pub(crate) fn mend_wait(code: i64, times: u32) -> Duration {
    let (first, longest) = match code {
        // Each call has WeChat ask the administrator again.
        89503 => (10 * MINUTE, HOUR),
        // The administrator said no: for an hour, and repeatedly, for a day. No call before can bring anything.
        89507 => (HOUR + MINUTE, HOUR + MINUTE),
        89506 => (24 * HOUR + MINUTE, 24 * HOUR + MINUTE),
        _ => (MEND_FIRST, MEND_LONGEST),
    };
    first.saturating_mul(1 << times.min(8)).min(longest)
}

fn exact_cause(code: i64, class: Class) -> Cause {
    match (code, class) {
        (40003, _) => Cause::OpenidInvalid,
        (43019, _) => Cause::Blacklisted,
        (43116, _) => Cause::TemplateBanned,
        (40037, _) => Cause::TemplateInvalid,
        (47003, _) => Cause::ArgumentInvalid,
        (_, Class::UserUnreachable) => Cause::NotFollowing,
        (_, Class::BadTemplate) => Cause::TemplateInvalid,
        _ => Cause::BadRequest,
    }
}

/// After a try of our own the duplicate is ours: WeChat has it. Before any, 40241 means that another
/// message with the same content stood in the way, so this one was not sent.
fn duplicate(code: i64, standing: &Standing) -> Outcome {
    if code == 40241 && standing.doubt_since.is_none() {
        return Outcome::Retry { after: REPEAT_GUARD, cause: Cause::Repeated };
    }
    Outcome::Sent { msgid: None, how: SentAs::Duplicate }
}

/// WeChat asks to try later. The message waits, and nobody else does.
fn user_limited(standing: &Standing) -> Outcome {
    let after = USER_LIMITED.saturating_mul(1 << standing.attempts.min(MAX_ATTEMPTS));
    Outcome::Retry { after, cause: Cause::UserLimited }
}

fn next_quota(now: Timestamp) -> Timestamp {
    let is_yesterdays = now.since(now.day_begins_at()) < SAME_MIDNIGHT;
    if is_yesterdays { now.plus(MINUTE) } else { now.next_day() }
}

fn until_next_minute(now: Timestamp) -> Duration {
    let minute = MINUTE.as_millis() as i64;
    Duration::from_millis((minute - now.ms().rem_euclid(minute)) as u64)
}

fn refused(cause: Cause) -> Outcome {
    Outcome::Refused { cause }
}

fn pause(now: Timestamp, wait: Duration, cause: Cause) -> Outcome {
    Outcome::Pause { until: now.plus(wait), cause }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hongyan_domain::{OnUnknown, State};

    const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);

    fn first_try() -> Standing {
        Standing { state: State::Claimed, attempts: 0, doubt_since: None, on_unknown: OnUnknown::Park }
    }

    fn in_doubt() -> Standing {
        Standing { doubt_since: Some(NOW), ..first_try() }
    }

    #[test]
    fn the_codes_met_on_a_send_mean_what_wechat_says_they_mean() {
        let refused = |cause| Outcome::Refused { cause };
        let cases = [
            (40003, refused(Cause::OpenidInvalid)),
            (43004, refused(Cause::NotFollowing)),
            (43019, refused(Cause::Blacklisted)),
            (43117, Outcome::Retry { after: USER_LIMITED, cause: Cause::UserLimited }),
            (40037, refused(Cause::TemplateInvalid)),
            (43116, refused(Cause::TemplateBanned)),
            (40249, refused(Cause::ContentRefused)),
            (47003, refused(Cause::ArgumentInvalid)),
            (40013, refused(Cause::BadRequest)),
            (43002, refused(Cause::BadRequest)),
            (41028, refused(Cause::BadRequest)),
            (987_654, refused(Cause::BadRequest)),
            (45009, Outcome::Pause { until: NOW.next_day(), cause: Cause::DailyQuota }),
            (40164, pause(NOW, MINUTE, Cause::IpNotAllowed)),
            (89503, pause(NOW, 10 * MINUTE, Cause::IpNotAllowed)),
            (89507, pause(NOW, HOUR + MINUTE, Cause::IpNotAllowed)),
            (48001, pause(NOW, MINUTE, Cause::AccountRefused)),
            (40252, Outcome::Sent { msgid: None, how: SentAs::HeldForReview }),
            (-1, Outcome::Retry { after: Duration::ZERO, cause: Cause::Busy }),
        ];

        for (code, meaning) in cases {
            assert_eq!(by_errcode(code, &first_try(), NOW), meaning, "{code}");
        }
    }

    #[test]
    fn what_a_person_has_to_mend_is_looked_at_ever_more_slowly() {
        let minutes = |code| [0, 1, 2, 3, 4, 99].map(|times| mend_wait(code, times).as_secs() / 60);

        assert_eq!(minutes(40164), [1, 2, 4, 8, 10, 10]);
        assert_eq!(minutes(89503), [10, 20, 40, 60, 60, 60]);
        assert_eq!(minutes(89507), [61; 6]);
        assert_eq!(minutes(89506), [24 * 60 + 1; 6]);
    }

    #[test]
    fn a_repeat_refusal_on_a_first_try_is_not_sent_and_on_a_resend_is() {
        let first = by_errcode(40241, &first_try(), NOW);
        let resend = by_errcode(40241, &in_doubt(), NOW);

        assert!(matches!(first, Outcome::Retry { cause: Cause::Repeated, .. }));
        assert_eq!(resend, Outcome::Sent { msgid: None, how: SentAs::Duplicate });
    }

    #[test]
    fn a_quota_that_is_used_up_just_after_midnight_is_yesterdays() {
        let until = |after| {
            let now = NOW.day_begins_at().plus(after);
            let outcome = by_errcode(45009, &first_try(), now);
            let Outcome::Pause { until, .. } = outcome else { panic!("45009 is a pause") };
            until.since(now)
        };

        assert_eq!(until(Duration::ZERO), MINUTE);
        assert_eq!(until(SAME_MIDNIGHT - Duration::from_millis(1)), MINUTE);
        assert_eq!(until(SAME_MIDNIGHT), 24 * HOUR - SAME_MIDNIGHT);
    }

    #[test]
    fn a_person_who_got_too_much_is_tried_ever_later_over_most_of_a_day() {
        let waits = (0..MAX_ATTEMPTS).map(|attempts| {
            let outcome = by_errcode(43117, &Standing { attempts, ..first_try() }, NOW);
            let Outcome::Retry { after, .. } = outcome else { panic!("43117 is tried again") };
            after.as_secs() / 60
        });
        let waits: Vec<_> = waits.take(usize::from(MAX_ATTEMPTS) - 1).collect();

        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640]);
    }

    #[test]
    fn a_minute_limit_waits_for_the_next_minute() {
        let Outcome::Pause { until, cause } = by_errcode(45011, &first_try(), NOW) else {
            panic!("45011 is a pause")
        };

        assert_eq!(cause, Cause::RateLimited);
        assert_eq!(until.ms() % 60_000, 0);
        assert!(until > NOW && until.since(NOW) <= MINUTE);
    }
}
