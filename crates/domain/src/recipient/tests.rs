use super::*;

const NOW: Timestamp = Timestamp::from_ms(1_795_406_400_000);

fn suppression(reason: Reason) -> Suppression {
    Suppression { reason, category: None, since: NOW, until: None, source: None }
}

#[test]
fn a_sign_of_life_ends_only_what_said_they_are_gone() {
    let mut person = Recipient::default();
    for reason in Reason::ALL {
        person.suppress(suppression(*reason));
    }

    person.acted(InteractionKind::Message, NOW.plus(std::time::Duration::from_secs(1)));

    let left: Vec<_> = person.suppressions().iter().map(|one| one.reason).collect();
    assert!(!left.contains(&Reason::Unsubscribed) && !left.contains(&Reason::OpenidInvalid));
    assert_eq!(left.len(), Reason::ALL.len() - 2);
}

#[test]
fn an_event_told_late_neither_reopens_a_window_nor_ends_a_suppression() {
    let mut person = Recipient::default();
    person.acted(InteractionKind::MenuClick, NOW);
    person.suppress(suppression(Reason::Unsubscribed));
    let before = person.clone();

    person.acted(InteractionKind::MenuClick, NOW.minus(std::time::Duration::from_secs(1)));

    assert_eq!(person, before);
}

#[test]
fn that_they_left_is_over_when_a_newer_sign_of_life_was_told_before() {
    let second = std::time::Duration::from_secs(1);
    for sign in [None, Some(InteractionKind::ScanSubscribe)] {
        let mut person = Recipient::default();
        person.left(suppression(Reason::Unsubscribed));
        assert_eq!(person.suppressions().len(), 1);
        match sign {
            Some(kind) => person.acted(kind, NOW.plus(second)),
            None => person.seen(NOW.plus(second)),
        }

        person.left(suppression(Reason::Unsubscribed));
        assert_eq!(person.suppressions(), []);
        person.left(Suppression { since: NOW.plus(second * 2), ..suppression(Reason::Unsubscribed) });
        assert_eq!(person.suppressions().len(), 1);
    }
}

#[test]
fn a_suppression_replaces_one_of_the_same_reason() {
    let mut person = Recipient::default();
    person.suppress(suppression(Reason::Manual));
    person.suppress(Suppression { until: Some(NOW), ..suppression(Reason::Manual) });

    assert_eq!(person.suppressions().len(), 1);
    assert!(person.lift(Reason::Manual, None));
    assert!(!person.lift(Reason::Manual, None));
}

#[test]
fn the_stored_form_is_short_and_read_back_whole() {
    let mut person = Recipient::default();
    let policy = Policy::house(Category::Marketing);
    person.acted(InteractionKind::MenuClick, NOW);
    let fingerprint = u64::MAX;
    let asked = Asked { category: Category::Marketing, scenario: None, basis: None, fingerprint };
    let window = Some(InteractionKind::MenuClick);
    person.take(&policy, &asked, Taken { at: NOW, window, counted: true, fingerprint });
    person.suppress(suppression(Reason::UserBlocked));

    let text = serde_json::to_string(&person).unwrap();

    assert_eq!(serde_json::from_str::<Recipient>(&text).unwrap(), person);
    assert!(text.len() < 320, "{text}");
    assert_eq!(serde_json::to_string(&Recipient::default()).unwrap(), "{}");
}

#[test]
fn every_content_within_the_time_of_the_repeat_guard_is_remembered() {
    let mut policy = Policy::off();
    (policy.repeat.mode, policy.repeat.within_s) = (Mode::Enforce, 86_400);
    let minute = |n: u64| NOW.plus(Duration::from_secs(n * 60));
    let mut person = Recipient::default();
    for n in 1..=20 {
        let asked = Asked { category: Category::Service, scenario: None, basis: None, fingerprint: n };
        person.take(&policy, &asked, Taken { at: minute(n), window: None, counted: false, fingerprint: n });
    }

    assert_eq!(person.repeated_since(1, NOW), Some(minute(1)));
}

/// Two caps of the same count it once, so that what is given back is what was taken.
#[test]
fn caps_of_the_same_stretch_and_kind_count_a_message_once() {
    let cap = |per, over, limit| Cap { per, over, limit };
    let mut policy = Policy::house(Category::Service);
    policy.frequency.caps = vec![
        cap(Per::Day, Over::Scenario, 5),
        cap(Per::Day, Over::Scenario, 3),
        cap(Per::Week, Over::Scenario, 9),
        cap(Per::Day, Over::All, 9),
    ];
    let asked = Asked { category: Category::Service, scenario: Some("paid"), basis: None, fingerprint: 1 };
    let taken = Taken { at: NOW, window: None, counted: true, fingerprint: 1 };
    let mut person = Recipient::default();
    let counted = |person: &Recipient| {
        policy.frequency.caps.iter().map(|cap| person.counted(cap, &asked, NOW)).collect::<Vec<_>>()
    };

    person.take(&policy, &asked, taken);
    assert_eq!(counted(&person), [1, 1, 1, 1]);

    person.give_back(&asked, taken);
    assert_eq!(counted(&person), [0, 0, 0, 0]);
}
