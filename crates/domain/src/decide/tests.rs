//! Tables of cases and properties of the one function that changes a message's state.

use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);
const SECOND: Duration = Duration::from_secs(1);

fn at(state: State) -> Standing {
    Standing { state, attempts: 0, doubt_since: None, on_unknown: OnUnknown::Park }
}

fn in_doubt(state: State, age: Duration) -> Standing {
    Standing { attempts: 1, doubt_since: Some(NOW.minus(age)), ..at(state) }
}

fn answered_with(outcome: Outcome) -> Event {
    Event::Answered { claimed_at: NOW.minus(SECOND), outcome }
}

fn sent() -> Outcome {
    Outcome::Sent { msgid: Some(1), how: SentAs::Accepted }
}

fn busy() -> Outcome {
    Outcome::Retry { after: Duration::ZERO, cause: Cause::Busy }
}

fn repeated() -> Outcome {
    Outcome::Retry { after: Duration::ZERO, cause: Cause::Repeated }
}

fn becomes(standing: Standing, event: &Event) -> Option<(State, Option<Cause>)> {
    becomes_at(standing, event, NOW)
}

fn becomes_at(standing: Standing, event: &Event, now: Timestamp) -> Option<(State, Option<Cause>)> {
    decide(&standing, event, now).map(|transition| (transition.to, transition.cause))
}

#[test]
fn an_answer_decides_what_a_claimed_message_becomes() {
    let refused = Outcome::Refused { cause: Cause::OpenidInvalid };
    let pause = Outcome::Pause { until: NOW.next_day(), cause: Cause::DailyQuota };
    let held = Outcome::Sent { msgid: None, how: SentAs::HeldForReview };
    let doubled = Outcome::Sent { msgid: None, how: SentAs::Duplicate };
    let cases = [
        (sent(), State::Sent, None),
        (held, State::Sent, Some(Cause::HeldForReview)),
        (doubled, State::Sent, Some(Cause::Duplicate)),
        (refused, State::Failed, Some(Cause::OpenidInvalid)),
        (busy(), State::Pending, Some(Cause::Busy)),
        (pause, State::Pending, Some(Cause::DailyQuota)),
        (Outcome::Unknown, State::Pending, Some(Cause::NoAnswer)),
    ];

    for (outcome, state, cause) in cases {
        assert_eq!(becomes(at(State::Claimed), &answered_with(outcome)), Some((state, cause)));
    }
}

#[test]
fn busy_may_have_been_sent() {
    let busy = decide(&at(State::Claimed), &answered_with(busy()), NOW).unwrap();
    let standing = Standing { attempts: busy.attempts, doubt_since: busy.doubt_since, ..at(State::Claimed) };
    let refused = answered_with(Outcome::Refused { cause: Cause::OpenidInvalid });

    assert_eq!(busy.doubt_since, Some(NOW.minus(SECOND)));
    assert_eq!(becomes(standing, &refused), Some((State::Unknown, Some(Cause::NoAnswer))));
}

/// Trap 5: -1 burns attempts, and messages are lost.
#[test]
fn an_outage_spends_no_last_attempt_while_wechat_remembers_the_first() {
    for outcome in [busy(), Outcome::Unknown] {
        let (mut standing, mut now) = (at(State::Claimed), NOW);
        while now.since(NOW) < RESEND_WINDOW - MAX_BACKOFF {
            let made = decide(&standing, &Event::Answered { claimed_at: now, outcome: outcome.clone() }, now);
            let made = made.unwrap();
            assert_eq!(made.to, State::Pending, "after {:?}", now.since(NOW));
            standing = Standing { attempts: made.attempts, doubt_since: made.doubt_since, ..standing };
            now = made.due_at.unwrap();
        }
        assert_eq!(standing.attempts, MAX_ATTEMPTS - 1);
        let last = Event::Answered { claimed_at: now, outcome };
        assert_eq!(becomes_at(standing, &last, now), Some((State::Unknown, Some(Cause::NoAnswer))));
    }
}

#[test]
fn what_is_to_be_resent_and_is_forgotten_spends_its_last_attempt() {
    let forgotten = in_doubt(State::Claimed, RESEND_WINDOW);
    let resend = Standing { attempts: MAX_ATTEMPTS - 1, on_unknown: OnUnknown::Resend, ..forgotten };

    for outcome in [busy(), Outcome::Unknown] {
        assert_eq!(becomes(resend, &answered_with(outcome)), Some((State::Unknown, Some(Cause::NoAnswer))));
    }
}

#[test]
fn a_receipt_settles_what_is_sent_or_may_have_been() {
    let cases = [
        (DeliveryStatus::Success, State::Delivered, None),
        (DeliveryStatus::UserBlocked, State::Failed, Some(Cause::UserBlocked)),
        (DeliveryStatus::SystemFailed, State::Failed, Some(Cause::SystemFailed)),
        (DeliveryStatus::FreqLimited, State::Failed, Some(Cause::FreqLimited)),
        (DeliveryStatus::Other, State::Failed, Some(Cause::ReceiptOther)),
    ];

    for (status, state, cause) in cases {
        for from in [State::Pending, State::Claimed, State::Sent, State::Unknown] {
            assert_eq!(becomes(at(from), &Event::Reported(status)), Some((state, cause)), "{from:?}");
        }
    }
}

#[test]
fn tries_wait_longer_each_time_and_at_least_as_long_as_asked() {
    let due_after = |attempts, after| {
        let standing = Standing { attempts, ..at(State::Claimed) };
        let event = answered_with(Outcome::Retry { after, cause: Cause::Repeated });
        decide(&standing, &event, NOW)
            .and_then(|transition| transition.due_at)
            .map(|due_at| due_at.since(NOW))
    };

    for (attempts, seconds) in [(0, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 30), (6, 30)] {
        assert_eq!(due_after(attempts, Duration::ZERO), Some(SECOND * seconds), "{attempts}");
    }
    assert_eq!(due_after(0, SECOND * 61), Some(SECOND * 61));
    assert_eq!(due_after(MAX_ATTEMPTS - 1, Duration::ZERO), None);
}

#[test]
fn the_last_try_ends_as_failed_or_in_doubt_as_unknown() {
    let last = Standing { attempts: MAX_ATTEMPTS - 1, ..at(State::Claimed) };
    let doubtful = Standing { doubt_since: Some(NOW), ..last };
    let lost = Event::Lost { claimed_at: NOW };
    let unknown = Some((State::Unknown, Some(Cause::NoAnswer)));

    let exhausted = Some((State::Failed, Some(Cause::AttemptsExhausted)));
    assert_eq!(becomes(last, &answered_with(repeated())), exhausted);
    let limited = answered_with(Outcome::Retry { after: SECOND, cause: Cause::UserLimited });
    assert_eq!(becomes(last, &limited), Some((State::Failed, Some(Cause::UserLimited))));
    assert_eq!(becomes(doubtful, &answered_with(repeated())), unknown);
    assert_eq!(becomes(last, &lost), unknown);
}

#[test]
fn what_may_have_been_delivered_is_never_called_failed_or_cancelled() {
    let refused = answered_with(Outcome::Refused { cause: Cause::NotFollowing });
    let unknown = Some((State::Unknown, Some(Cause::NoAnswer)));
    for on_unknown in [OnUnknown::Park, OnUnknown::Resend] {
        let doubtful = |state| Standing { on_unknown, ..in_doubt(state, SECOND) };

        assert_eq!(becomes(doubtful(State::Claimed), &refused), unknown);
        assert_eq!(becomes(doubtful(State::Pending), &Event::Expired), unknown);
        assert_eq!(becomes(doubtful(State::Pending), &Event::Cancelled), None);
        assert_eq!(becomes(doubtful(State::Pending), &Event::Withdrawn), None);
    }
    assert_eq!(becomes(at(State::Pending), &Event::Expired), Some((State::Failed, Some(Cause::Expired))));
    assert_eq!(
        becomes(at(State::Pending), &Event::Cancelled),
        Some((State::Cancelled, Some(Cause::ByRequest)))
    );
}

#[test]
fn a_success_learned_late_beats_waiting_and_not_knowing() {
    for state in [State::Pending, State::Unknown] {
        assert_eq!(becomes(in_doubt(state, SECOND), &answered_with(sent())), Some((State::Sent, None)));
        assert_eq!(becomes(in_doubt(state, SECOND), &answered_with(busy())), None);
    }
    assert_eq!(becomes(at(State::Sent), &answered_with(sent())), None);
}

#[test]
fn a_claim_that_comes_after_wechat_forgot_is_refused_unless_resend_is_wanted() {
    let old = in_doubt(State::Pending, RESEND_WINDOW);
    let young = in_doubt(State::Pending, RESEND_WINDOW - Duration::from_millis(1));
    let resend = Standing { on_unknown: OnUnknown::Resend, ..old };

    assert_eq!(becomes(old, &Event::Claimed), Some((State::Unknown, Some(Cause::NoAnswer))));
    assert_eq!(becomes(young, &Event::Claimed), Some((State::Claimed, None)));
    assert_eq!(becomes(resend, &Event::Claimed), Some((State::Claimed, None)));
}

#[test]
fn a_pause_is_the_accounts_so_the_message_is_due_at_once() {
    let pause = answered_with(Outcome::Pause { until: NOW.next_day(), cause: Cause::DailyQuota });

    for standing in [at(State::Claimed), in_doubt(State::Claimed, SECOND)] {
        let made = decide(&standing, &pause, NOW).unwrap();
        assert_eq!((made.to, made.due_at), (State::Pending, Some(NOW)));
    }
}

#[test]
fn the_doubt_dates_from_the_oldest_try_without_an_answer() {
    let first = Event::Lost { claimed_at: NOW };
    let after_first = decide(&at(State::Claimed), &first, NOW).unwrap();
    let standing = Standing {
        doubt_since: after_first.doubt_since,
        attempts: after_first.attempts,
        ..at(State::Claimed)
    };

    let second = Event::Lost { claimed_at: NOW.plus(SECOND) };
    let after_second = decide(&standing, &second, NOW.plus(SECOND)).unwrap();

    assert_eq!(after_second.doubt_since, Some(NOW));
    assert_eq!(after_second.attempts, 2);
}

#[test]
fn a_claim_of_which_no_byte_left_costs_nothing() {
    let released = decide(&at(State::Claimed), &Event::Released, NOW).unwrap();

    let waiting =
        Transition { to: State::Pending, cause: None, due_at: Some(NOW), attempts: 0, doubt_since: None };
    assert_eq!(released, waiting);
}

fn some_time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        8 => (-1_200_000..1_200_000i64).prop_map(|ms| Timestamp::from_ms(NOW.ms() + ms)),
        1 => any::<i64>().prop_map(Timestamp::from_ms),
    ]
}

fn some_cause() -> impl Strategy<Value = Cause> {
    prop::sample::select(Cause::ALL)
}

fn some_outcome() -> impl Strategy<Value = Outcome> {
    let how = prop::sample::select(vec![SentAs::Accepted, SentAs::HeldForReview, SentAs::Duplicate]);
    prop_oneof![
        (any::<Option<u64>>(), how).prop_map(|(msgid, how)| Outcome::Sent { msgid, how }),
        some_cause().prop_map(|cause| Outcome::Refused { cause }),
        (any::<u32>(), some_cause())
            .prop_map(|(ms, cause)| Outcome::Retry { after: Duration::from_millis(ms.into()), cause }),
        (some_time(), some_cause()).prop_map(|(until, cause)| Outcome::Pause { until, cause }),
        Just(Outcome::Unknown),
    ]
}

fn some_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Claimed),
        6 => (some_time(), some_outcome())
            .prop_map(|(claimed_at, outcome)| Event::Answered { claimed_at, outcome }),
        1 => Just(Event::Released),
        2 => some_time().prop_map(|claimed_at| Event::Lost { claimed_at }),
        1 => prop::sample::select(DeliveryStatus::ALL.to_vec()).prop_map(Event::Reported),
        1 => Just(Event::Expired),
        1 => Just(Event::Unreported),
        1 => Just(Event::Cancelled),
        1 => some_time().prop_map(|until| Event::Held { until, rule: Rule::QuietHours }),
        1 => Just(Event::Forbidden(Rule::Frequency)),
    ]
}

/// A message's life: what happens, and how long after the event before.
fn some_life() -> impl Strategy<Value = (Standing, Vec<(u32, Event)>)> {
    let fresh = prop::sample::select(OnUnknown::ALL)
        .prop_map(|on_unknown| Standing { on_unknown, ..at(State::Pending) });
    (fresh, prop::collection::vec((0..200_000u32, some_event()), 0..60))
}

/// A message that stands anywhere, possible or not.
fn some_standing() -> impl Strategy<Value = Standing> {
    let words = (prop::sample::select(State::ALL), prop::sample::select(OnUnknown::ALL));
    (words, any::<u16>(), prop::option::of(some_time())).prop_map(
        |((state, on_unknown), attempts, doubt_since)| Standing { state, attempts, doubt_since, on_unknown },
    )
}

/// One step of a life.
struct Step {
    before: Standing,
    event: Event,
    now: Timestamp,
    made: Transition,
}

/// The steps that changed something.
fn live((fresh, life): (Standing, Vec<(u32, Event)>)) -> Vec<Step> {
    let (mut before, mut now, mut steps) = (fresh, NOW, Vec::new());
    for (ms, event) in life {
        now = now.plus(Duration::from_millis(ms.into()));
        if let Some(made) = decide(&before, &event, now) {
            steps.push(Step { before, event, now, made });
            let Transition { to: state, attempts, doubt_since, .. } = made;
            before = Standing { state, attempts, doubt_since, ..before };
        }
    }
    steps
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_final_state_is_left_only_by_unknown_and_only_by_news(
        standing in some_standing(), event in some_event(), now in some_time(),
    ) {
        if let (true, Some(made)) = (standing.state.is_final(), decide(&standing, &event, now)) {
            prop_assert_eq!(standing.state, State::Unknown);
            let late_sent = matches!(event, Event::Answered { outcome: Outcome::Sent { .. }, .. });
            prop_assert!(late_sent || matches!(event, Event::Reported(_)));
            prop_assert!(matches!(made.to, State::Sent | State::Delivered | State::Failed));
        }
    }

    #[test]
    fn a_time_to_wait_for_is_given_with_pending_alone_and_is_never_past(
        standing in some_standing(), event in some_event(), now in some_time(),
    ) {
        if let Some(made) = decide(&standing, &event, now) {
            prop_assert_eq!(made.due_at.is_some(), made.to == State::Pending);
            prop_assert!(made.due_at.is_none_or(|due_at| due_at >= now));
        }
    }
}

proptest! {
    #[test]
    fn attempts_never_fall_and_never_exceed_the_most(life in some_life()) {
        for step in live(life) {
            prop_assert!(step.made.attempts >= step.before.attempts);
            prop_assert!(step.made.attempts <= MAX_ATTEMPTS);
        }
    }

    #[test]
    fn no_try_begins_after_wechat_forgot_unless_resend_is_wanted(life in some_life()) {
        for step in live(life) {
            let since = step.before.doubt_since;
            if step.made.to == State::Claimed && step.before.on_unknown == OnUnknown::Park {
                prop_assert!(since.is_none_or(|since| step.now < since.plus(RESEND_WINDOW)));
            }
        }
    }

    #[test]
    fn a_doubt_is_never_forgotten_nor_moved_later(life in some_life()) {
        for step in live(life) {
            let (before, after) = (step.before.doubt_since, step.made.doubt_since);
            prop_assert!(before.is_none_or(|before| after.is_some_and(|after| after <= before)));
        }
    }

    #[test]
    fn a_doubtful_message_is_called_failed_by_its_receipt_alone(life in some_life()) {
        for step in live(life) {
            if step.made.doubt_since.is_some() && matches!(step.made.to, State::Failed | State::Cancelled) {
                prop_assert!(matches!(step.event, Event::Reported(_)));
            }
        }
    }

    #[test]
    fn pauses_spend_no_attempt_however_many(pauses in prop::collection::vec(some_time(), 0..200)) {
        let mut standing = at(State::Pending);
        for until in pauses {
            let pause = answered_with(Outcome::Pause { until, cause: Cause::DailyQuota });
            for event in [Event::Claimed, pause] {
                let made = decide(&standing, &event, NOW).unwrap();
                standing = Standing { state: made.to, attempts: made.attempts, ..standing };
            }
        }
        prop_assert_eq!(standing, at(State::Pending));
    }

    #[test]
    fn a_life_that_goes_on_long_enough_ends(life in some_life()) {
        let (fresh, mut events) = life;
        for _ in 0..2 * MAX_ATTEMPTS {
            events.push((0, Event::Claimed));
            events.push((0, Event::Lost { claimed_at: NOW }));
        }
        events.push((0, Event::Unreported));

        let end = live((fresh, events)).last().map(|step| step.made.to);

        prop_assert!(end.is_some_and(State::is_final), "{:?}", end);
    }
}

#[test]
fn a_rule_holds_or_ends_a_message_that_waits() {
    let until = NOW.plus(SECOND);
    let held = decide(&at(State::Pending), &Event::Held { until, rule: Rule::QuietHours }, NOW).unwrap();
    assert_eq!((held.to, held.cause, held.due_at), (State::Pending, Some(Cause::QuietHours), Some(until)));

    for rule in Rule::ALL {
        let ended = decide(&at(State::Pending), &Event::Forbidden(*rule), NOW).unwrap();
        assert_eq!((ended.to, ended.cause), (State::Suppressed, Some(rule.cause())));
        for state in [State::Claimed, State::Sent, State::Delivered, State::Unknown] {
            assert_eq!(decide(&at(state), &Event::Forbidden(*rule), NOW), None);
        }
    }
}

#[test]
fn a_rule_never_calls_a_message_in_doubt_unsent() {
    let doubtful = in_doubt(State::Pending, SECOND);
    let late = Event::Held { until: NOW.plus(RESEND_WINDOW), rule: Rule::Frequency };

    for event in [Event::Forbidden(Rule::Frequency), late] {
        let made = decide(&doubtful, &event, NOW).unwrap();
        assert_eq!((made.to, made.cause), (State::Unknown, Some(Cause::NoAnswer)));
    }
}

#[test]
fn only_what_certainly_did_not_arrive_is_given_back() {
    let answered = |standing, outcome| decide(&standing, &answered_with(outcome), NOW).unwrap();
    let refused = Outcome::Refused { cause: Cause::NotFollowing };
    let pause = Outcome::Pause { until: NOW.plus(SECOND), cause: Cause::Token };

    assert!(answered(at(State::Claimed), refused.clone()).gives_back());
    assert!(answered(at(State::Claimed), pause.clone()).gives_back());
    assert!(!answered(at(State::Claimed), sent()).gives_back());
    assert!(!answered(at(State::Claimed), busy()).gives_back());
    assert!(!answered(at(State::Claimed), Outcome::Unknown).gives_back());
    assert!(!answered(in_doubt(State::Claimed, SECOND), pause).gives_back());
    assert!(!answered(in_doubt(State::Claimed, SECOND), refused).gives_back());
    let reported = Event::Reported(DeliveryStatus::UserBlocked);
    assert!(decide(&at(State::Sent), &reported, NOW).unwrap().gives_back());
}
