//! The chart of the states, drawn by asking `decide` about every combination: docs/state-machine.md.
//!
//! It states nothing by itself, so it cannot be wrong about the code; a test keeps the file fresh.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use crate::decide::{MAX_ATTEMPTS, RESEND_WINDOW};
use crate::{
    Cause, DeliveryStatus, Event, OnUnknown, Outcome, Rule, SentAs, Standing, State, Timestamp, decide,
};

/// Any time at all: only distances matter.
const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);
/// Stands for whatever cause an answer brings; `decide` gives it by itself nowhere.
const GIVEN: Cause = Cause::Unreachable;
const SECOND: Duration = Duration::from_secs(1);

/// Where an event leads: the state and why.
type Made = Option<(State, Option<Cause>)>;

/// One thing that a result may depend on, and how it is put into words.
type Choice = (&'static str, fn(&mut Standing));

/// What a result may depend on besides state and event; the first of each is the usual case.
const ASPECTS: [&[Choice]; 3] = [
    &[
        ("", |_| ()),
        ("in doubt", |standing| standing.doubt_since = Some(NOW.minus(SECOND))),
        ("in doubt for 8 min", |standing| standing.doubt_since = Some(NOW.minus(RESEND_WINDOW))),
    ],
    &[("", |_| ()), ("last attempt", |standing| standing.attempts = MAX_ATTEMPTS - 1)],
    &[("", |_| ()), ("on_unknown = resend", |standing| standing.on_unknown = OnUnknown::Resend)],
];

const HEAD: &str = "# The states of a message

Generated from `decide` (crates/domain/src/decide.rs), which is the only code that changes a state. Do not edit:
`cargo run -p hongyan-domain --example state_machine > docs/state-machine.md`

Live: pending, claimed, sent. The others are final; of them only `unknown` can still be settled, by a receipt or by
a success that is learned late. *In doubt* means that a try was made that WeChat may have taken: its answer never came,
or was \"busy\".

Of the rows for a state and an event the one holds whose *when* says most of what is the case. What is not in the table
changes nothing: the event is late, doubled, or not possible any more.
";

const FOOT: &str = "
Rules are named by one of them: each holds with its own cause.
";

/// The page in Markdown: a diagram and a table.
pub fn state_machine() -> String {
    let rows = rows();
    let mut page = String::from(HEAD);
    page.push_str(&diagram(&rows));
    page.push_str(&table(&rows));
    page.push_str(FOOT);
    page
}

struct Row {
    from: State,
    event: &'static str,
    when: String,
    /// `None`: nothing changes.
    to: Made,
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for &from in State::ALL {
        for (event, happening) in events() {
            for (when, result) in results(from, &happening) {
                if result.is_some() || !when.is_empty() {
                    rows.push(Row { from, event, when, to: result });
                }
            }
        }
    }
    rows
}

fn events() -> Vec<(&'static str, Event)> {
    let answered = |outcome| Event::Answered { claimed_at: NOW.minus(SECOND), outcome };
    let sent = |how| answered(Outcome::Sent { msgid: None, how });
    vec![
        ("claimed", Event::Claimed),
        ("answered: sent", sent(SentAs::Accepted)),
        ("answered: sent, held for review", sent(SentAs::HeldForReview)),
        ("answered: sent, duplicate", sent(SentAs::Duplicate)),
        ("answered: refused", answered(Outcome::Refused { cause: GIVEN })),
        ("answered: retry", answered(Outcome::Retry { after: SECOND, cause: GIVEN })),
        ("answered: busy", answered(Outcome::Retry { after: SECOND, cause: Cause::Busy })),
        ("answered: pause", answered(Outcome::Pause { until: NOW.plus(SECOND), cause: GIVEN })),
        ("answered: unknown", answered(Outcome::Unknown)),
        ("released", Event::Released),
        ("lost", Event::Lost { claimed_at: NOW.minus(SECOND) }),
        ("reported: success", Event::Reported(DeliveryStatus::Success)),
        ("reported: user_blocked", Event::Reported(DeliveryStatus::UserBlocked)),
        ("reported: system_failed", Event::Reported(DeliveryStatus::SystemFailed)),
        ("reported: freq_limited", Event::Reported(DeliveryStatus::FreqLimited)),
        ("reported: other", Event::Reported(DeliveryStatus::Other)),
        ("expired", Event::Expired),
        ("unreported", Event::Unreported),
        ("cancelled", Event::Cancelled),
        ("withdrawn", Event::Withdrawn),
        ("held by a rule", Event::Held { until: NOW.plus(SECOND), rule: Rule::QuietHours }),
        ("forbidden by a rule", Event::Forbidden(Rule::Reach)),
        ("approved by a person", Event::Approved { due_at: NOW }),
    ]
}

/// A choice for each aspect.
type Combination = [usize; ASPECTS.len()];

fn combinations() -> Vec<Combination> {
    let mut all = vec![[0; ASPECTS.len()]];
    for (aspect, choices) in ASPECTS.iter().enumerate() {
        let with = |combination: &Combination, choice| {
            let mut combination = *combination;
            combination[aspect] = choice;
            combination
        };
        all = all.iter().flat_map(|base| (0..choices.len()).map(move |choice| with(base, choice))).collect();
    }
    all
}

fn ask(from: State, combination: Combination, event: &Event) -> Made {
    let mut standing = Standing { state: from, attempts: 0, doubt_since: None, on_unknown: OnUnknown::Park };
    for (choices, choice) in ASPECTS.iter().zip(combination) {
        choices[choice].1(&mut standing);
    }
    decide(&standing, event, NOW).map(|made| (made.to, made.cause))
}

/// The results an event can have, each with the circumstances in words. A combination of circumstances gets
/// a row of its own only if the rows before, read as the table's rule says, do not tell its result.
fn results(from: State, event: &Event) -> Vec<(String, Made)> {
    let mut combinations = combinations();
    combinations.sort_by_key(weight);
    let mut told: Vec<(Combination, Made)> = Vec::new();
    for combination in combinations {
        let result = ask(from, combination, event);
        if expected(&told, &combination) != Some(result) {
            told.push((combination, result));
        }
    }
    told.into_iter().map(|(combination, result)| (words(combination), result)).collect()
}

/// How special a combination is.
fn weight(combination: &Combination) -> usize {
    combination.iter().sum()
}

/// What a reader expects from the rows told so far: the most special that hold. `None` if those disagree.
fn expected(told: &[(Combination, Made)], combination: &Combination) -> Option<Made> {
    // Within an aspect a later choice includes the earlier: 8 minutes of doubt are a doubt.
    let holds = |row: &Combination| row.iter().zip(combination).all(|(row, given)| row <= given);
    let holding: Vec<_> = told.iter().filter(|(row, _)| holds(row)).collect();
    let most = holding.iter().map(|(row, _)| weight(row)).max()?;
    let mut results = holding.iter().filter(|(row, _)| weight(row) == most).map(|(_, result)| *result);
    let first = results.next()?;
    results.all(|result| result == first).then_some(first)
}

fn words(combination: Combination) -> String {
    let words = ASPECTS.iter().zip(combination).map(|(choices, choice)| choices[choice].0);
    words.filter(|words| !words.is_empty()).collect::<Vec<_>>().join(", ")
}

fn diagram(rows: &[Row]) -> String {
    let mut arrows: BTreeMap<(State, State), BTreeSet<&str>> = BTreeMap::new();
    for Row { from, event, to, .. } in rows {
        let Some((to, _)) = to else { continue };
        // In the diagram the word after the colon tells more than the one before it.
        let word = event.split_once(": ").map_or(*event, |(_, word)| word);
        arrows.entry((*from, *to)).or_default().insert(word.split([',', ' ']).next().unwrap_or(word));
    }
    let mut diagram =
        String::from("\n```mermaid\nstateDiagram-v2\n    [*] --> pending\n    [*] --> suppressed\n");
    for ((from, to), events) in arrows {
        let events: Vec<_> = events.into_iter().collect();
        _ = writeln!(diagram, "    {} --> {}: {}", from.as_str(), to.as_str(), events.join(", "));
    }
    for state in State::ALL.iter().filter(|state| state.is_final()) {
        _ = writeln!(diagram, "    {} --> [*]", state.as_str());
    }
    diagram + "```\n"
}

fn table(rows: &[Row]) -> String {
    let mut table = String::from("\n| from | event | when | to | cause |\n|---|---|---|---|---|\n");
    for Row { from, event, when, to } in rows {
        let (to, cause) = match *to {
            Some((to, Some(GIVEN))) => (to.as_str(), "as answered"),
            Some((to, cause)) => (to.as_str(), cause.map_or("", Cause::as_str)),
            None => ("unchanged", ""),
        };
        _ = writeln!(table, "| {} | {event} | {when} | {to} | {cause} |", from.as_str());
    }
    table
}
