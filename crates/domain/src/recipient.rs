//! What is known of one recipient: what they did, what they got, and whether they may be written to.
//!
//! One value a person. `judge` reads it; a claim takes from it, and a send that failed gives back.

mod packed;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::judge::Asked;
use crate::message::words;
use crate::policy::{Cap, Mode, Over, Per, Policy, Window};
use crate::{Category, Cause, InteractionKind, Timestamp};

/// Contents remembered for the repeat guard; of more, the oldest is forgotten. Only those within its time are kept: a few,
/// of a minute. Of a whole day, nobody is written a hundred different messages, and 100 are 4 KB.
const RECENT_MAX: usize = 100;

words! {
    /// Why a person is not written to.
    Reason {
        /// They stopped following.
        Unsubscribed = "unsubscribed",
        /// They switched off the account's messages.
        UserBlocked = "user_blocked",
        /// Nobody has this openid.
        OpenidInvalid = "openid_invalid",
        /// The account has them on its blacklist.
        Blacklisted = "blacklisted",
        /// They asked to get no more of this.
        OptedOut = "opted_out",
        /// They complained.
        Complained = "complained",
        /// Their data was erased on request.
        Erased = "erased",
        /// An operator's decision.
        Manual = "manual",
    }
}

impl Reason {
    /// What a message's end by `cause` says of its recipient.
    pub fn told_by(cause: Cause) -> Option<Self> {
        match cause {
            Cause::NotFollowing => Some(Self::Unsubscribed),
            Cause::UserBlocked => Some(Self::UserBlocked),
            Cause::OpenidInvalid => Some(Self::OpenidInvalid),
            Cause::Blacklisted => Some(Self::Blacklisted),
            _ => None,
        }
    }

    /// How long it holds unless somebody says otherwise; `None`: until it is lifted. WeChat does not tell when a person
    /// switches messages on again, so after a month one more is tried.
    pub fn lasts(self) -> Option<Duration> {
        (self == Self::UserBlocked).then_some(Duration::from_secs(30 * 86_400))
    }

    /// Whether it ends when the person is seen following: they act, or subscribe again.
    pub fn ends_with_a_sign_of_life(self) -> bool {
        matches!(self, Self::Unsubscribed | Self::OpenidInvalid)
    }
}

words! {
    /// By what we know that a person is not to be written to.
    Source {
        /// An event of WeChat's callback.
        Callback = "callback",
        /// WeChat's answer to a message, or its receipt.
        Receipt = "receipt",
        /// A call of the API, or the console.
        Api = "api",
        /// A file that was imported.
        Import = "import",
        /// The person's own words: they opted out, or complained.
        Person = "person",
    }
}

/// A person is not to be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// Why.
    #[serde(rename = "r")]
    pub reason: Reason,
    /// Messages of this category only; `None`: all.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// From when on.
    #[serde(rename = "s", with = "as_ms")]
    pub since: Timestamp,
    /// Until when; `None`: until it is lifted.
    #[serde(rename = "u", with = "as_ms_or_none", default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// By what we know; `None`: it was written down before that was kept.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

impl Suppression {
    /// Whether it holds for messages of `category` at `at`.
    pub fn holds(&self, category: Category, at: Timestamp) -> bool {
        self.category.is_none_or(|only| only == category) && self.until.is_none_or(|until| at < until)
    }
}

/// What is known of a recipient. Short names: there is a row of this for every person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recipient {
    #[serde(rename = "i", skip_serializing_if = "Vec::is_empty")]
    opened: Vec<Opened>,
    #[serde(rename = "c", skip_serializing_if = "Vec::is_empty")]
    counts: Vec<Count>,
    #[serde(rename = "r", skip_serializing_if = "Vec::is_empty")]
    recent: Vec<Recent>,
    #[serde(rename = "s", skip_serializing_if = "Vec::is_empty")]
    suppressions: Vec<Suppression>,
    /// The last sign of life that opened no window.
    #[serde(rename = "l", with = "as_ms_or_none", skip_serializing_if = "Option::is_none")]
    seen_at: Option<Timestamp>,
}

/// The last interaction of a kind, and what went by the window it opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// What they did.
    #[serde(rename = "k")]
    pub kind: InteractionKind,
    /// When.
    #[serde(rename = "a", with = "as_ms")]
    pub at: Timestamp,
    #[serde(rename = "d", default, skip_serializing_if = "is_zero")]
    day: i64,
    #[serde(rename = "t", default, skip_serializing_if = "is_zero")]
    that_day: u32,
    #[serde(rename = "n", default, skip_serializing_if = "is_zero")]
    in_all: u32,
}

/// How a window stands for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// The interaction that opened it last.
    pub kind: InteractionKind,
    /// When that was.
    pub opened_at: Timestamp,
    /// Messages that went by it on the day asked for, whatever opened it.
    pub that_day: u32,
    /// Messages that went by it since it was opened last.
    pub in_all: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Count {
    #[serde(rename = "p")]
    per: Per,
    #[serde(rename = "o")]
    of: Of,
    /// The number of the day or week.
    #[serde(rename = "w")]
    stretch: i64,
    #[serde(rename = "n")]
    count: u32,
}

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Of {
    #[serde(rename = "a")]
    All,
    #[serde(rename = "c")]
    Category(Category),
    #[serde(rename = "s")]
    Scenario(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Recent {
    #[serde(rename = "f")]
    fingerprint: u64,
    #[serde(rename = "a", with = "as_ms")]
    at: Timestamp,
}

/// What a claim took from a recipient, so that it can be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// When.
    pub at: Timestamp,
    /// The window the message goes by, if one was asked for.
    pub window: Option<InteractionKind>,
    /// Whether the caps counted it.
    pub counted: bool,
    /// What was remembered for the repeat guard; 0: not known any more.
    pub fingerprint: u64,
}

impl Recipient {
    /// The person did something: its window opens (anew). What is older than the last of its kind changes nothing.
    pub fn acted(&mut self, kind: InteractionKind, at: Timestamp) {
        match self.opened.iter_mut().find(|opened| opened.kind == kind) {
            Some(opened) if opened.at >= at => return,
            Some(opened) => (opened.at, opened.in_all) = (at, 0),
            None => self.opened.push(Opened { kind, at, day: 0, that_day: 0, in_all: 0 }),
        }
        self.lives(at);
    }

    /// The person as they will stand once a message is accepted that proves this: its window is open from then on. What
    /// says that they are gone still counts, since nothing is on record yet.
    #[must_use]
    pub fn proving(&self, kind: InteractionKind, at: Timestamp) -> Self {
        let mut proving = self.clone();
        proving.acted(kind, at);
        proving.suppressions.clone_from(&self.suppressions);
        proving
    }

    /// The person was seen following: what only said that they are gone ends.
    pub fn seen(&mut self, at: Timestamp) {
        self.seen_at = self.seen_at.max(Some(at));
        self.lives(at);
    }

    /// They left, which `left` says. Told late, after a newer sign of life, it is over already.
    pub fn left(&mut self, left: Suppression) {
        let signs = self.opened.iter().map(|opened| opened.at).chain(self.seen_at);
        if signs.max().is_none_or(|last| last <= left.since) {
            self.suppress(left);
        }
    }

    fn lives(&mut self, at: Timestamp) {
        self.suppressions.retain(|one| !one.reason.ends_with_a_sign_of_life() || one.since > at);
    }

    /// Adds a suppression; it replaces one of the same reason and category.
    pub fn suppress(&mut self, new: Suppression) {
        self.lift(new.reason, new.category);
        self.suppressions.push(new);
    }

    /// Ends the suppression of that reason and category. Whether there was one.
    pub fn lift(&mut self, reason: Reason, category: Option<Category>) -> bool {
        let before = self.suppressions.len();
        self.suppressions.retain(|one| (one.reason, one.category) != (reason, category));
        self.suppressions.len() < before
    }

    /// The same without spare room: many are kept in memory.
    #[must_use]
    pub fn shrunk(mut self) -> Self {
        self.opened.shrink_to_fit();
        self.counts.shrink_to_fit();
        self.recent.shrink_to_fit();
        self.suppressions.shrink_to_fit();
        self
    }

    /// All suppressions, over or not.
    pub fn suppressions(&self) -> &[Suppression] {
        &self.suppressions
    }

    /// The last interaction of each kind.
    pub fn opened(&self) -> &[Opened] {
        &self.opened
    }

    /// How a window stands for this person at `at`; `None`: nothing ever opened it.
    pub fn used(&self, window: &Window, at: Timestamp) -> Option<Used> {
        let of_window = || self.opened.iter().filter(|opened| window.kinds.contains(&opened.kind));
        let Opened { kind, at: opened_at, in_all, .. } = *of_window().max_by_key(|opened| opened.at)?;
        let that_day = of_window().map(|opened| opened.on_day_of(at)).fold(0, u32::saturating_add);
        Some(Used { kind, opened_at, that_day, in_all })
    }

    /// How many messages the cap has counted in the stretch of `at`.
    pub fn counted(&self, cap: &Cap, asked: &Asked<'_>, at: Timestamp) -> u32 {
        let stretch = stretch(cap.per, at);
        let same =
            |count: &&Count| (count.per, count.stretch) == (cap.per, stretch) && count.of.is(cap.over, asked);
        self.counts.iter().find(same).map_or(0, |count| count.count)
    }

    /// Whether the same content went at `since` or later, and when.
    pub fn repeated_since(&self, fingerprint: u64, since: Timestamp) -> Option<Timestamp> {
        let same = |recent: &&Recent| recent.fingerprint == fingerprint && recent.at > since;
        self.recent.iter().find(same).map(|recent| recent.at)
    }

    /// Counts a message that is about to go. Whether anything changed.
    pub fn take(&mut self, policy: &Policy, asked: &Asked<'_>, taken: Taken) -> bool {
        let mut changed = false;
        let is_counted = |kind: &InteractionKind| {
            policy.reach.windows.iter().any(|window| window.kinds.contains(kind) && window.is_counted())
        };
        if let Some(opened) = taken.window.filter(is_counted).and_then(|kind| self.of_kind(kind)) {
            opened.count(taken.at);
            changed = true;
        }
        if taken.counted {
            let caps = &policy.frequency.caps;
            for (place, cap) in caps.iter().enumerate() {
                // Given back once, it is counted once.
                if !caps[..place].iter().any(|before| before.counts_with(cap)) {
                    self.count(cap, asked, taken.at);
                    changed = true;
                }
            }
        }
        if policy.repeat.mode != Mode::Off {
            self.remember(taken.fingerprint, taken.at, policy.repeat.within_s);
            changed = true;
        }
        changed
    }

    /// Undoes `take`: the message did not reach the person. Stretches that are over stay as they are.
    pub fn give_back(&mut self, asked: &Asked<'_>, taken: Taken) {
        if let Some(opened) = taken.window.and_then(|kind| self.of_kind(kind)) {
            opened.uncount(taken.at);
        }
        if taken.counted {
            for count in &mut self.counts {
                if count.stretch == stretch(count.per, taken.at) && count.of.holds(asked) {
                    count.count = count.count.saturating_sub(1);
                }
            }
        }
        self.recent.retain(|recent| (recent.fingerprint, recent.at) != (taken.fingerprint, taken.at));
    }

    fn of_kind(&mut self, kind: InteractionKind) -> Option<&mut Opened> {
        self.opened.iter_mut().find(|opened| opened.kind == kind)
    }

    fn count(&mut self, cap: &Cap, asked: &Asked<'_>, at: Timestamp) {
        let stretch = stretch(cap.per, at);
        self.counts.retain(|count| count.per != cap.per || count.stretch >= stretch);
        let same = |count: &&mut Count| {
            count.per == cap.per && count.stretch == stretch && count.of.is(cap.over, asked)
        };
        match self.counts.iter_mut().find(same) {
            Some(count) => count.count = count.count.saturating_add(1),
            None => self.counts.push(Count {
                per: cap.per,
                of: Of::counted_by(cap.over, asked),
                stretch,
                count: 1,
            }),
        }
    }

    fn remember(&mut self, fingerprint: u64, at: Timestamp, within_s: u32) {
        let since = at.minus(Duration::from_secs(u64::from(within_s)));
        self.recent.retain(|recent| recent.at > since && recent.fingerprint != fingerprint);
        if self.recent.len() == RECENT_MAX {
            self.recent.remove(0);
        }
        self.recent.push(Recent { fingerprint, at });
    }
}

impl Opened {
    /// Messages that went by this window on the day of `at`.
    fn on_day_of(&self, at: Timestamp) -> u32 {
        if self.day == at.day() { self.that_day } else { 0 }
    }

    fn count(&mut self, at: Timestamp) {
        (self.that_day, self.day) = (self.on_day_of(at).saturating_add(1), at.day());
        self.in_all = self.in_all.saturating_add(1);
    }

    fn uncount(&mut self, at: Timestamp) {
        if self.day == at.day() {
            self.that_day = self.that_day.saturating_sub(1);
        }
        // Opened anew since, it counts from zero already.
        if self.at <= at {
            self.in_all = self.in_all.saturating_sub(1);
        }
    }
}

impl Of {
    fn counted_by(over: Over, asked: &Asked<'_>) -> Self {
        match over {
            Over::All => Self::All,
            Over::Category => Self::Category(asked.category),
            Over::Scenario => Self::Scenario(asked.scenario.unwrap_or("").to_owned()),
        }
    }

    fn is(&self, over: Over, asked: &Asked<'_>) -> bool {
        match (self, over) {
            (Self::All, Over::All) => true,
            (Self::Category(category), Over::Category) => *category == asked.category,
            (Self::Scenario(name), Over::Scenario) => name == asked.scenario.unwrap_or(""),
            _ => false,
        }
    }

    fn holds(&self, asked: &Asked<'_>) -> bool {
        [Over::All, Over::Category, Over::Scenario].into_iter().any(|over| self.is(over, asked))
    }
}

fn stretch(per: Per, at: Timestamp) -> i64 {
    match per {
        Per::Day => at.day(),
        Per::Week => at.week(),
    }
}

fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

/// Instants as plain numbers: this value is read and written for every message.
mod as_ms {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::Timestamp;

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(at.ms())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(deserializer).map(Timestamp::from_ms)
    }
}

mod as_ms_or_none {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::Timestamp;

    #[allow(clippy::ref_option)] // The shape serde asks for.
    pub(super) fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(Timestamp::ms).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<i64>::deserialize(deserializer)?.map(Timestamp::from_ms))
    }
}

#[cfg(test)]
mod tests;
