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
/// How often to look whether an allow-list or a permission was mended: each call shows up in the
/// operator's WeChat, so slowly.
const MEND_POLL: Duration = Duration::from_secs(60);

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
        Class::DailyQuota => Outcome::Pause { until: now.next_day(), cause: Cause::DailyQuota },
        Class::RefreshToken => pause(now, PAUSE, Cause::Token),
        Class::IpNotAllowed => pause(now, MEND_POLL, Cause::IpNotAllowed),
        Class::BadAccount => pause(now, MEND_POLL, Cause::AccountRefused),
        Class::UserLimited => user_limited(standing),
        Class::Content => refused(Cause::ContentRefused),
        Class::UserUnreachable | Class::BadTemplate | Class::BadRequest => refused(exact_cause(code, class)),
        Class::Method | Class::Gone | Class::Unknown => refused(Cause::BadRequest),
    }
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
            (40164, pause(NOW, MEND_POLL, Cause::IpNotAllowed)),
            (89503, pause(NOW, MEND_POLL, Cause::IpNotAllowed)),
            (48001, pause(NOW, MEND_POLL, Cause::AccountRefused)),
            (40252, Outcome::Sent { msgid: None, how: SentAs::HeldForReview }),
            (-1, Outcome::Retry { after: Duration::ZERO, cause: Cause::Busy }),
        ];

        for (code, meaning) in cases {
            assert_eq!(by_errcode(code, &first_try(), NOW), meaning, "{code}");
        }
    }

    #[test]
    fn a_repeat_refusal_on_a_first_try_is_not_sent_and_on_a_resend_is() {
        let first = by_errcode(40241, &first_try(), NOW);
        let resend = by_errcode(40241, &in_doubt(), NOW);

        assert!(matches!(first, Outcome::Retry { cause: Cause::Repeated, .. }));
        assert_eq!(resend, Outcome::Sent { msgid: None, how: SentAs::Duplicate });
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
