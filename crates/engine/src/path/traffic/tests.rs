use std::time::Duration;

use hongyan_domain::{Category, Content, OnUnknown, Openid, Standing};

use super::standing::{BUSY_MAX, SILENT_MAX};
use super::*;

const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);
const NO_LIMIT: Limits = Limits { base_per_s: 0, peak_per_s: 0, daily: 1_000_000 };

fn of(limits: Limits) -> Traffic {
    Traffic::new(AccountId(1), (limits, Daily::Usual(limits.daily)), NOW)
}

fn traffic() -> Traffic {
    of(NO_LIMIT)
}

pub(crate) fn message(id: i64, lane: Lane) -> Ready {
    Ready {
        account: AccountId(1),
        id: MessageId::from_raw(id).unwrap(),
        openid: Openid::new("o1").unwrap(),
        recipient: None,
        template_id: "t".into(),
        content: Content { url: None, miniprogram: None, data: "{}".into() },
        lane,
        due_at: NOW,
        deadline_at: NOW.plus(Duration::from_millis(id as u64)),
        expires_at: None,
        standing: Standing {
            state: State::Pending,
            attempts: 0,
            doubt_since: None,
            on_unknown: OnUnknown::Park,
        },
        accepted_at: NOW,
        category: Category::Service,
        scenario: None,
        basis: None,
        taken: None,
        marks: Default::default(),
        worded: None,
        in_memory: false,
    }
}

fn later(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

fn ids(messages: &[Ready]) -> Vec<i64> {
    messages.iter().map(|message| message.id.raw()).collect()
}

fn offer_all(traffic: &mut Traffic, ids: impl IntoIterator<Item = i64>, cap: usize) {
    for id in ids {
        traffic.offer(message(id, Lane::Normal), NOW, cap);
    }
}

#[test]
fn earliest_deadlines_go_first_whatever_the_order_they_came_in() {
    let mut traffic = traffic();
    offer_all(&mut traffic, [3, 1, 2], LANE_CAP);

    let taken = traffic.take(NOW, 10);

    assert_eq!(ids(&taken.go), [1, 2, 3]);
}

#[test]
fn of_too_many_that_are_due_later_those_due_last_find_no_room() {
    let mut traffic = traffic();
    for (id, seconds) in [(1, 30), (2, 10), (3, 20), (4, 40)] {
        traffic.offer(Ready { due_at: later(seconds), ..message(id, Lane::Normal) }, NOW, 2);
    }

    let put_out = traffic.take_put_out();
    let taken = traffic.take(later(40), 10);

    let id = |id| (Lane::Normal, MessageId::from_raw(id).unwrap(), Shelf::Schedule);
    assert_eq!(put_out, [id(1), id(4)]);
    assert_eq!(ids(&taken.go), [2, 3]);
    assert_eq!(traffic.take_put_out(), []);
}

#[test]
fn urgent_goes_before_bulk_and_bulk_still_moves() {
    let mut traffic = traffic();
    for id in 1..=100 {
        traffic.offer(message(id, Lane::Bulk), NOW, LANE_CAP);
        traffic.offer(message(1_000 + id, Lane::Urgent), NOW, LANE_CAP);
    }

    let taken = traffic.take(NOW, 50);

    let bulk = taken.go.iter().filter(|message| message.lane == Lane::Bulk).count();
    assert_eq!(taken.go[0].lane, Lane::Urgent);
    assert!((4..=6).contains(&bulk), "{bulk} of 50");
}

#[test]
fn a_full_lane_puts_out_the_latest_and_reads_them_again_from_the_store() {
    let mut traffic = traffic();
    offer_all(&mut traffic, 1..=5, 3);

    let reads = traffic.begin_reads(LANE_CAP);
    traffic.end_read(
        Lane::Normal,
        ReadOn { rows: vec![message(4, Lane::Normal), message(5, Lane::Normal)], whole: true },
        NOW,
        LANE_CAP,
    );

    assert_eq!(
        reads,
        [(Lane::Normal, (message(3, Lane::Normal).deadline_at, MessageId::from_raw(3).unwrap()), 1_000)]
    );
    assert_eq!(ids(&traffic.take(NOW, 10).go), [1, 2, 3, 4, 5]);
}

#[test]
fn what_a_full_lane_puts_out_goes_to_the_stores_queue_if_it_is_not_there() {
    let mut traffic = traffic();
    for (id, in_memory) in [(1, true), (2, true), (3, false), (4, true), (5, false)] {
        traffic.offer(Ready { in_memory, ..message(id, Lane::Normal) }, NOW, 1);
    }

    let id = |id| (Lane::Normal, MessageId::from_raw(id).unwrap(), Shelf::Queue);
    assert_eq!(traffic.take_put_out(), [id(2), id(4)]);
    assert_eq!(ids(&traffic.take(NOW, 10).go), [1]);
}

#[test]
fn who_accepts_hears_of_a_lane_that_fills_and_of_room_again() {
    let (mut traffic, room) = (traffic(), Room::default());
    let has_room = || Lane::ALL.map(|lane| room.is_in(AccountId(1), lane));
    let mut told = vec![has_room()];
    for ids in [1..=1, 2..=4] {
        offer_all(&mut traffic, ids, 4);
        traffic.tell_room(&room, 4);
        told.push(has_room());
    }
    traffic.take(NOW, 3);
    traffic.tell_room(&room, 4);
    told.push(has_room());

    let full = Lane::ALL.map(|lane| lane != Lane::Normal);
    assert_eq!(told, [[true; 3], [true; 3], full, [true; 3]]);
}

#[test]
fn a_lane_whose_queue_has_begun_has_no_room_until_that_is_read() {
    let (mut traffic, room) = (traffic(), Room::default());
    traffic.more_in_store(Lane::Normal);
    traffic.tell_room(&room, LANE_CAP);
    let begun = room.is_in(AccountId(1), Lane::Normal);

    traffic.begin_reads(LANE_CAP);
    traffic.end_read(Lane::Normal, ReadOn { rows: Vec::new(), whole: true }, NOW, LANE_CAP);
    traffic.tell_room(&room, LANE_CAP);

    assert_eq!((begun, room.is_in(AccountId(1), Lane::Normal)), (false, true));
}

#[test]
fn memory_that_holds_enough_has_room_for_nobody() {
    let room = Room::default();
    room.tell_crowded(true);
    let crowded = room.is_in(AccountId(1), Lane::Urgent);
    room.tell_crowded(false);

    assert_eq!((crowded, room.is_in(AccountId(1), Lane::Urgent)), (false, true));
}

#[test]
fn a_read_brings_no_more_than_finds_room() {
    let mut traffic = traffic();
    traffic.more_in_store(Lane::Normal);
    let wide = traffic.begin_reads(LANE_CAP);
    traffic.end_read(Lane::Normal, ReadOn::default(), NOW, LANE_CAP);

    let tight = traffic.begin_reads(LANE_CAP_TIGHT);

    assert_eq!((wide[0].2, tight[0].2), (1_000, LANE_CAP_TIGHT));
}

#[test]
fn a_message_that_comes_in_during_a_read_is_not_lost() {
    let mut traffic = traffic();
    traffic.more_in_store(Lane::Normal);
    traffic.begin_reads(LANE_CAP);
    offer_all(&mut traffic, [7], LANE_CAP);

    traffic.end_read(
        Lane::Normal,
        ReadOn { rows: vec![message(1, Lane::Normal), message(9, Lane::Normal)], whole: true },
        NOW,
        LANE_CAP,
    );
    let again = traffic.begin_reads(LANE_CAP);

    let before_seven = (message(7, Lane::Normal).deadline_at, MessageId::from_raw(6).unwrap());
    assert_eq!(again, [(Lane::Normal, before_seven, 1_000)]);
}

#[test]
fn what_memory_was_wrong_about_is_read_again() {
    let mut traffic = traffic();
    offer_all(&mut traffic, [4], LANE_CAP);
    let taken = traffic.take(NOW, 1);

    traffic.stale(&taken.go[0]);

    assert!(traffic.out.is_empty());
    assert_eq!(traffic.begin_reads(LANE_CAP).len(), 1);
}

/// A read from the very beginning that has not come back yet: what is in it stood in the store's queue when it began.
fn reading_from_the_beginning() -> Traffic {
    let mut traffic = traffic();
    offer_all(&mut traffic, [4], LANE_CAP);
    traffic.more_in_store(Lane::Normal);
    assert_eq!(traffic.begin_reads(LANE_CAP).len(), 1);
    traffic
}

fn nothing_found(traffic: &mut Traffic) {
    traffic.end_read(Lane::Normal, ReadOn { rows: Vec::new(), whole: true }, NOW, LANE_CAP);
}

#[test]
fn what_the_store_was_given_during_a_read_is_read_again() {
    let mut traffic = reading_from_the_beginning();

    traffic.more_in_store(Lane::Normal);
    nothing_found(&mut traffic);

    assert_eq!(traffic.begin_reads(LANE_CAP).len(), 1, "the read may have begun before it was there");
}

#[test]
fn what_memory_was_wrong_about_during_a_read_is_read_again() {
    let mut traffic = reading_from_the_beginning();
    let taken = traffic.take(NOW, 1);

    traffic.stale(&taken.go[0]);
    nothing_found(&mut traffic);

    assert_eq!(traffic.begin_reads(LANE_CAP).len(), 1, "until then it was in no queue that could be read");
}

#[test]
fn what_memory_held_alone_and_was_wrong_about_goes_to_the_stores_queue() {
    let mut traffic = traffic();
    traffic.offer(Ready { in_memory: true, ..message(4, Lane::Normal) }, NOW, LANE_CAP);
    let taken = traffic.take(NOW, 1);

    traffic.stale(&taken.go[0]);

    assert_eq!(traffic.take_put_out(), [(Lane::Normal, taken.go[0].id, Shelf::Queue)]);
}

#[test]
fn a_message_that_is_out_is_not_taken_twice() {
    let mut traffic = traffic();
    offer_all(&mut traffic, [1], LANE_CAP);
    let first = traffic.take(NOW, 10);
    offer_all(&mut traffic, [1], LANE_CAP);

    let second = traffic.take(NOW, 10);

    assert_eq!((first.go.len(), second.go.len()), (1, 0));
}

#[test]
fn after_a_pause_one_message_goes_alone_until_wechat_is_back() {
    let mut traffic = traffic();
    offer_all(&mut traffic, 1..=10, LANE_CAP);
    traffic.learn(Signal::Paused(Pause { until: later(1), cause: Cause::Unreachable }), NOW);

    let during = traffic.take(NOW, 10).go.len();
    let probe = traffic.take(later(2), 10).go;
    let while_probing = traffic.take(later(2), 10).go.len();
    traffic.out.clear();
    traffic.learn(Signal::Fine, later(2));
    let after = traffic.take(later(2), 10).go.len();

    assert_eq!((during, probe.len(), while_probing, after), (0, 1, 0, 9));
}

#[test]
fn all_failures_of_one_outage_are_one_strike_and_the_next_outage_waits_longer() {
    let mut traffic = traffic();
    let down = |at: Timestamp| {
        Signal::Paused(Pause { until: at.plus(Duration::from_secs(1)), cause: Cause::Unreachable })
    };
    for _ in 0..1_000 {
        traffic.learn(down(NOW), NOW);
    }
    let first = traffic.status(NOW).pause.unwrap().until;

    traffic.take(first, 1);
    traffic.learn(down(first), first);

    assert_eq!(first, later(1));
    assert_eq!(traffic.status(NOW).pause.unwrap().until, first.plus(Duration::from_secs(2)));
}

#[test]
fn silence_from_many_stops_the_account() {
    let mut traffic = traffic();

    for _ in 0..SILENT_MAX {
        assert_eq!(traffic.status(NOW).pause, None);
        traffic.learn(Signal::Silent, NOW);
    }

    assert_eq!(traffic.status(NOW).pause.map(|pause| pause.cause), Some(Cause::Unreachable));
}

#[test]
fn busy_answers_to_a_few_stop_the_account() {
    let mut traffic = traffic();

    for _ in 0..BUSY_MAX {
        assert_eq!(traffic.status(NOW).pause, None);
        traffic.learn(Signal::Busy, NOW);
    }

    assert_eq!(traffic.status(NOW).pause.map(|pause| pause.cause), Some(Cause::Busy));
}

#[test]
fn whether_wechat_is_back_is_asked_with_a_message_that_may_have_gone_already() {
    let mut traffic = traffic();
    offer_all(&mut traffic, 1..=10, LANE_CAP);
    let mut doubtful = message(20, Lane::Bulk);
    doubtful.standing.doubt_since = Some(NOW);
    traffic.offer(doubtful, NOW, LANE_CAP);
    traffic.learn(Signal::Paused(Pause { until: later(1), cause: Cause::Busy }), NOW);

    let asked_with = traffic.take(later(1), 10).go;
    traffic.out.clear();
    traffic.learn(Signal::Busy, later(1));
    let without_one = traffic.take(later(60), 10).go;

    assert_eq!((ids(&asked_with), ids(&without_one)), (vec![20], vec![1]));
}

#[test]
fn what_expired_while_the_account_stood_still_is_taken_out() {
    let mut traffic = traffic();
    traffic.offer(Ready { expires_at: Some(later(5)), ..message(1, Lane::Normal) }, NOW, LANE_CAP);
    traffic.halted = true;

    let early = traffic.take_over(later(4)).len();
    let over = traffic.take_over(later(5));

    assert_eq!(early, 0);
    assert!(matches!(&over[..], [(message, Event::Expired)] if message.id.raw() == 1));
}

#[test]
fn a_try_that_wechat_has_forgotten_is_ended_and_not_sent() {
    let mut traffic = traffic();
    let mut doubtful = message(1, Lane::Normal);
    doubtful.standing.doubt_since = Some(NOW);
    traffic.offer(doubtful, NOW, LANE_CAP);

    let taken = traffic.take(later(3_600), 10);

    assert!(taken.go.is_empty());
    assert!(matches!(&taken.over[..], [(_, Event::Claimed)]));
}

#[test]
fn a_day_whose_budget_is_spent_goes_on_at_midnight_or_when_wechat_raises_it() {
    let mut traffic = of(Limits { daily: 10, ..NO_LIMIT });
    offer_all(&mut traffic, 1..=30, LANE_CAP);

    let today = traffic.take(NOW, 30).go.len();
    let next_at = traffic.next_at(NOW);
    traffic.learn_quota(20, 9, NOW);
    let raised = traffic.take(NOW, 30).go.len();

    assert_eq!(today, 9, "a tenth is kept for urgent");
    assert_eq!(next_at, Some(NOW.next_day()));
    assert_eq!(raised, 9);
}

#[test]
fn delayed_messages_wait_for_their_time() {
    let mut traffic = traffic();
    traffic.offer(Ready { due_at: later(10), ..message(1, Lane::Normal) }, NOW, LANE_CAP);

    assert_eq!(traffic.take(NOW, 1).go.len(), 0);
    assert_eq!(traffic.next_at(NOW), Some(later(10)));
    assert_eq!(traffic.take(later(10), 1).go.len(), 1);
}

#[test]
fn a_busy_answer_now_and_then_is_no_reason_to_go_slower_and_many_are() {
    let limits = Limits { base_per_s: 100, peak_per_s: 100, ..NO_LIMIT };
    let mut traffic = of(limits);
    for answer in 0..500 {
        traffic.learn(if answer % 50 == 0 { Signal::Busy } else { Signal::Fine }, NOW);
    }
    let now_and_then = traffic.status(NOW).rate_per_s;

    for _ in 0..5 {
        traffic.learn(Signal::Busy, NOW);
    }

    assert_eq!((now_and_then, traffic.status(NOW).rate_per_s), (100.0, 50.0));
}

#[test]
fn of_two_causes_of_a_pause_the_one_that_ends_later_is_told_with_its_end() {
    let mut traffic = traffic();
    let quota = Pause { until: later(3_600), cause: Cause::DailyQuota };
    let address = Pause { until: later(60), cause: Cause::IpNotAllowed };

    traffic.learn(Signal::Paused(quota), NOW);
    traffic.learn(Signal::Paused(address), NOW);
    let earlier_later = traffic.status(NOW).pause;
    let mut traffic = self::traffic();
    traffic.learn(Signal::Paused(address), NOW);
    traffic.learn(Signal::Paused(quota), NOW);

    assert_eq!((earlier_later, traffic.status(NOW).pause), (Some(quota), Some(quota)));
}

#[test]
fn what_was_taken_and_could_not_be_claimed_costs_no_budget() {
    let mut traffic = of(Limits { daily: 10, ..NO_LIMIT });
    offer_all(&mut traffic, 1..=30, LANE_CAP);

    let first = traffic.take(NOW, 30).go;
    traffic.unspend(first.len(), NOW);
    first.iter().for_each(|message| _ = traffic.out.remove(&message.id));
    let again = traffic.take(NOW, 30).go.len();

    assert_eq!((first.len(), again), (9, 9));
}

#[test]
fn what_could_not_reach_wechat_costs_no_budget() {
    let mut traffic = of(Limits { daily: 10, ..NO_LIMIT });
    offer_all(&mut traffic, 1..=30, LANE_CAP);
    let went = traffic.take(NOW, 30).go;

    went.iter().for_each(|message| _ = traffic.out.remove(&message.id));
    let unreachable = Pause { until: NOW, cause: Cause::Unreachable };
    went.iter().for_each(|_| traffic.learn(Signal::Paused(unreachable), NOW));
    traffic.resume();

    assert_eq!(traffic.take(later(60), 30).go.len(), 9);
}
