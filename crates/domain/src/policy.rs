//! The rules that stand between a message and a phone, as data: an operator edits every number here.
//!
//! The defaults are the house rules. WeChat's own limits are not here: those come back as outcomes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::message::words;
use crate::{Category, Cause, FieldCode, FieldError, InteractionKind, Timestamp, says};

words! {
    /// The rules, in the order in which they are asked.
    Rule {
        /// The person left, switched messages off, was never there, or asked to be forgotten.
        Suppression = "suppression",
        /// What is written and how.
        Content = "content",
        /// The person acted lately enough.
        Reach = "reach",
        /// Not too many to one person.
        Frequency = "frequency",
        /// Not the same again at once.
        Repeat = "repeat",
        /// Not at night.
        QuietHours = "quiet_hours",
        /// Not by a template that makes too much trouble, until a person has looked at it.
        Brake = "brake",
    }
}

impl Rule {
    /// The cause of a message that this rule holds or refuses.
    pub fn cause(self) -> Cause {
        match self {
            Self::Suppression => Cause::Suppression,
            Self::Content => Cause::Content,
            Self::Reach => Cause::Reach,
            Self::Frequency => Cause::Frequency,
            Self::Repeat => Cause::Repeat,
            Self::QuietHours => Cause::QuietHours,
            Self::Brake => Cause::Brake,
        }
    }
}

words! {
    /// What a rule's word counts for.
    Mode {
        /// It is obeyed.
        Enforce = "enforce",
        /// It is written into the message's timeline, and the message goes.
        Observe = "observe",
        /// It is not asked.
        Off = "off",
    }
}

words! {
    /// How WeChat shows a message that goes by a window.
    Notice {
        /// With sound and on the lock screen.
        Strong = "strong",
        /// As any message.
        Normal = "normal",
        /// Folded away.
        Weak = "weak",
    }
}

words! {
    /// What a message over a cap comes to.
    Exceeded {
        /// It is not sent.
        Refuse = "refuse",
        /// It waits until the cap has room again.
        Hold = "hold",
    }
}

words! {
    /// The stretch a cap counts over, in Asia/Shanghai.
    Per {
        /// From midnight.
        Day = "day",
        /// From Monday.
        Week = "week",
    }
}

words! {
    /// What a cap counts together.
    Over {
        /// Everything to that person.
        All = "all",
        /// Messages of the same category.
        Category = "category",
        /// Messages of the same scenario; those without one count together.
        Scenario = "scenario",
    }
}

/// All rules as they hold for one account and category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Who must not be written to at all.
    pub suppression: SuppressionRule,
    /// What is written.
    pub content: ContentRule,
    /// Who may be reached, and by what.
    pub reach: ReachRule,
    /// How often.
    pub frequency: FrequencyRule,
    /// How soon the same.
    pub repeat: RepeatRule,
    /// When.
    pub quiet_hours: QuietHoursRule,
    /// By which templates no longer.
    pub brake: BrakeRule,
}

/// The policies of one account: one a category, and one for each scenario that has caps of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    by_category: [Arc<Policy>; 3],
    by_scenario: HashMap<Box<str>, Arc<Policy>>,
    /// Templates that a brake stops.
    braked: HashSet<Box<str>>,
}

impl Policies {
    /// The policy that `make` gives each category.
    pub fn new(make: impl Fn(Category) -> Policy) -> Self {
        let all = [Category::Transactional, Category::Service, Category::Marketing];
        let by_category = all.map(|category| Arc::new(make(category)));
        Self { by_category, by_scenario: HashMap::new(), braked: HashSet::new() }
    }

    /// No rule for any.
    pub fn off() -> Self {
        Self::new(|_| Policy::off())
    }

    /// Gives a scenario caps besides those of its category.
    pub fn cap(&mut self, scenario: &str, category: Category, caps: &[Cap]) {
        let mut policy = Policy::clone(self.of(category, None));
        policy.frequency.caps.extend_from_slice(caps);
        self.by_scenario.insert(scenario.into(), Arc::new(policy));
    }

    /// Whether any message's words are looked at.
    pub fn ask_for_words(&self) -> bool {
        self.by_category.iter().any(|policy| policy.content.mode != Mode::Off)
    }

    /// Stops everything by this template.
    pub fn brake(&mut self, template_id: &str) {
        self.braked.insert(template_id.into());
    }

    /// Whether a brake stops this template. Without any brake it costs one comparison.
    pub fn is_braked(&self, template_id: &str) -> bool {
        !self.braked.is_empty() && self.braked.contains(template_id)
    }

    /// The templates that brakes stop, in order.
    pub fn braked(&self) -> Vec<&str> {
        let mut braked: Vec<_> = self.braked.iter().map(|template| &**template).collect();
        braked.sort_unstable();
        braked
    }

    /// The policy for messages of `category`, of this scenario or of none.
    pub fn of(&self, category: Category, scenario: Option<&str>) -> &Arc<Policy> {
        let own = scenario.and_then(|scenario| self.by_scenario.get(scenario));
        own.unwrap_or(&self.by_category[category as usize])
    }
}

/// Suppressed people are not written to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuppressionRule {
    /// What it counts for.
    pub mode: Mode,
    /// Whoever writes one of these to the account wants no more; empty: nobody does.
    pub opt_out_words: Vec<String>,
    /// No more of what.
    pub opt_out_of: OptOutOf,
}

words! {
    /// What a person gets no more of who wrote an opt-out word, or complained.
    OptOutOf {
        /// Marketing: what they bought is still confirmed to them.
        Marketing = "marketing",
        /// Anything.
        All = "all",
    }
}

impl OptOutOf {
    /// The category of the suppression; `None`: all.
    pub fn category(self) -> Option<Category> {
        (self == Self::Marketing).then_some(Category::Marketing)
    }
}

/// A template that makes too much trouble waits for a person. One for all categories: WeChat punishes the template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrakeRule {
    /// `enforce`: its messages wait; `observe`: only the alarm is given. What is braked stays so until it is released.
    pub mode: Mode,
    /// From this risk score on (see `risk`), 1 to 1000.
    pub score: u32,
    /// Never by fewer sends than this: of three sends, one block says nothing.
    pub sample: u32,
    /// Signals and sends of so many days count, today among them.
    pub days: u32,
}

/// Sensitive words and marketing wording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentRule {
    /// What it counts for.
    pub mode: Mode,
    /// What a wording that a person may allow comes to.
    pub doubtful: Doubtful,
}

words! {
    /// What becomes of wording that a person may allow.
    Doubtful {
        /// It waits for a person's approval.
        Hold = "hold",
        /// It is refused.
        Refuse = "refuse",
        /// It is sent.
        Allow = "allow",
    }
}

/// Only people who acted lately are reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReachRule {
    /// What it counts for.
    pub mode: Mode,
    /// The table of windows; what is not in it opens none.
    pub windows: Vec<Window>,
}

/// What an interaction allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WindowForm")]
pub struct Window {
    /// The interactions that open it; its messages are counted together, whichever of them it was.
    pub kinds: Vec<InteractionKind>,
    /// How long it is open; null: for ever.
    pub valid_hours: Option<u32>,
    /// Messages a day (Asia/Shanghai); null: no limit.
    pub per_day: Option<u32>,
    /// Messages as long as it is open; null: no limit. The next interaction opens it anew.
    pub in_all: Option<u32>,
    /// How it shows.
    pub notice: Notice,
}

/// How a window may be written: `kind` is `kinds` with one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowForm {
    #[serde(default)]
    kind: Option<InteractionKind>,
    #[serde(default)]
    kinds: Vec<InteractionKind>,
    valid_hours: Option<u32>,
    per_day: Option<u32>,
    in_all: Option<u32>,
    notice: Notice,
}

impl From<WindowForm> for Window {
    fn from(form: WindowForm) -> Self {
        let WindowForm { kind, kinds, valid_hours, per_day, in_all, notice } = form;
        Self { kinds: kind.into_iter().chain(kinds).collect(), valid_hours, per_day, in_all, notice }
    }
}

impl Window {
    /// Until when a window opened at `opened_at` is open; `None`: for ever.
    pub fn closes_at(&self, opened_at: Timestamp) -> Option<Timestamp> {
        let hours = self.valid_hours?;
        Some(opened_at.plus(Duration::from_secs(u64::from(hours) * 3_600)))
    }

    /// Whether its messages are counted at all.
    pub fn is_counted(&self) -> bool {
        self.per_day.is_some() || self.in_all.is_some()
    }
}

/// How many messages one person gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrequencyRule {
    /// What it counts for.
    pub mode: Mode,
    /// The caps; all must have room.
    pub caps: Vec<Cap>,
    /// Messages that prove one of these interactions are neither capped nor counted.
    pub exempt: Vec<InteractionKind>,
    /// What a message over a cap comes to.
    pub exceeded: Exceeded,
}

/// At most so many of something per stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// Per what.
    pub per: Per,
    /// Of what.
    pub over: Over,
    /// So many; 0: none at all.
    pub limit: u32,
}

/// The same content to the same person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepeatRule {
    /// What it counts for.
    pub mode: Mode,
    /// Not again within so long.
    pub within_s: u32,
}

/// Hours in which nothing is sent; what falls due then goes when they end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietHoursRule {
    /// What it counts for.
    pub mode: Mode,
    /// They begin (Asia/Shanghai).
    pub from: TimeOfDay,
    /// They end; earlier than `from`: the next morning.
    pub to: TimeOfDay,
}

/// The most windows and caps a rule may have: people read them on one screen.
const LIST_MAX: usize = 20;
/// The usual words; 退订 and TD are what the operators' rules for SMS made everybody used to.
const OPT_OUT_WORDS: [&str; 4] = ["退订", "TD", "投诉", "取消推送"];
/// Opt-out words of one account: each is looked for in every text that comes in.
const OPT_OUT_WORDS_MAX: usize = 50;
/// A word, not a sentence.
const OPT_OUT_WORD_MAX: usize = 16;
/// Days a brake may look back: trouble older than a month says little of today's text.
pub const BRAKE_DAYS_MAX: u32 = 30;
/// The longest repeat guard: a day. It is remembered per person.
const REPEAT_MAX_S: u32 = 86_400;

impl Policy {
    /// The house rules for messages of `category`.
    pub fn house(category: Category) -> Self {
        let marketing = category == Category::Marketing;
        let daily = |over, limit| Cap { per: Per::Day, over, limit };
        let mut caps = vec![daily(Over::All, 3)];
        if marketing {
            caps.push(daily(Over::Category, 1));
        }
        Self {
            suppression: SuppressionRule {
                mode: Mode::Enforce,
                opt_out_words: OPT_OUT_WORDS.map(str::to_owned).to_vec(),
                opt_out_of: OptOutOf::Marketing,
            },
            content: ContentRule { mode: Mode::Enforce, doubtful: Doubtful::Hold },
            reach: ReachRule { mode: Mode::Enforce, windows: house_windows() },
            frequency: FrequencyRule {
                mode: Mode::Enforce,
                caps,
                // 运营规范 caps marketing for everybody: a key that may send must not lift that by what it says.
                exempt: if marketing { Vec::new() } else { vec![InteractionKind::Payment] },
                exceeded: Exceeded::Refuse,
            },
            repeat: RepeatRule { mode: Mode::Enforce, within_s: 60 },
            quiet_hours: QuietHoursRule {
                mode: if marketing { Mode::Enforce } else { Mode::Off },
                from: TimeOfDay::of(22, 0),
                to: TimeOfDay::of(8, 0),
            },
            brake: BrakeRule { mode: Mode::Enforce, score: 60, sample: 500, days: 7 },
        }
    }

    /// No rule at all.
    pub fn off() -> Self {
        let mut policy = Self::house(Category::Service);
        for rule in Rule::ALL {
            policy.set_mode(*rule, Mode::Off);
        }
        policy
    }

    /// What `rule` counts for.
    pub fn mode(&self, rule: Rule) -> Mode {
        match rule {
            Rule::Suppression => self.suppression.mode,
            Rule::Content => self.content.mode,
            Rule::Reach => self.reach.mode,
            Rule::Frequency => self.frequency.mode,
            Rule::Repeat => self.repeat.mode,
            Rule::QuietHours => self.quiet_hours.mode,
            Rule::Brake => self.brake.mode,
        }
    }

    /// Sets what `rule` counts for.
    pub fn set_mode(&mut self, rule: Rule, mode: Mode) {
        *match rule {
            Rule::Suppression => &mut self.suppression.mode,
            Rule::Content => &mut self.content.mode,
            Rule::Reach => &mut self.reach.mode,
            Rule::Frequency => &mut self.frequency.mode,
            Rule::Repeat => &mut self.repeat.mode,
            Rule::QuietHours => &mut self.quiet_hours.mode,
            Rule::Brake => &mut self.brake.mode,
        } = mode;
    }

    /// Whether any rule is asked when a message is claimed.
    pub fn asks(&self) -> bool {
        self.asks_for_the_person() || self.quiet_hours.mode != Mode::Off
    }

    /// Whether any rule has to know the person.
    pub fn asks_for_the_person(&self) -> bool {
        [Rule::Suppression, Rule::Reach, Rule::Frequency, Rule::Repeat]
            .iter()
            .any(|rule| self.mode(*rule) != Mode::Off)
    }

    /// This policy with `rule` changed: each key given in `change` replaces the one there.
    ///
    /// # Errors
    /// Keys the rule does not have, values of another type, and limits out of bounds: all that can be told at once.
    pub fn patched(&self, rule: Rule, change: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let mut whole = serde_json::to_value(self).unwrap_or_default();
        let section = whole.get_mut(rule.as_str()).and_then(Value::as_object_mut);
        let Some(section) = section else { return Ok(self.clone()) };
        let unknown: Vec<_> = change
            .keys()
            .filter(|key| !section.contains_key(*key))
            .map(|key| unknown_key(key, section))
            .collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let mut faults = Vec::new();
        for (key, value) in change {
            let before = section.insert(key.clone(), value.clone());
            if let Err(fault) = section_fits(rule, section, key) {
                faults.push(fault);
                section.insert(key.clone(), before.unwrap_or_default());
            }
        }
        let patched: Self = serde_json::from_value(whole)
            .map_err(|error| vec![FieldError::new("", FieldCode::WrongType, error.to_string())])?;
        faults.extend(patched.faults());
        if faults.is_empty() { Ok(patched) } else { Err(faults) }
    }

    fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let mut too_many = |field: &'static str, count: usize| {
            if count > LIST_MAX {
                let message =
                    says!("has {count} entries: at most {allowed} are allowed", count, allowed = LIST_MAX);
                faults.push(FieldError::new(field, FieldCode::TooMany, message));
            }
        };
        too_many("windows", self.reach.windows.len());
        too_many("caps", self.frequency.caps.len());
        faults.extend(kinds_of_windows(&self.reach.windows));
        if self.repeat.within_s > REPEAT_MAX_S {
            let message =
                says!("is more than a day: at most {allowed} seconds are allowed", allowed = REPEAT_MAX_S);
            faults.push(FieldError::new("within_s", FieldCode::TooLong, message));
        }
        if self.quiet_hours.mode != Mode::Off && self.quiet_hours.from == self.quiet_hours.to {
            let message =
                "is the same as `from`: the whole day would be quiet; set the mode to off, or another hour";
            faults.push(FieldError::new("to", FieldCode::BadFormat, message));
        }
        faults.extend(self.suppression.faults());
        faults.extend(self.brake.faults());
        faults
    }
}

impl SuppressionRule {
    fn faults(&self) -> Option<FieldError> {
        let fits = |word: &String| (1..=OPT_OUT_WORD_MAX).contains(&word.trim().chars().count());
        let fits = self.opt_out_words.len() <= OPT_OUT_WORDS_MAX && self.opt_out_words.iter().all(fits);
        let message = || {
            says!(
                "has at most {count} words of 1 to {length} characters",
                count = OPT_OUT_WORDS_MAX,
                length = OPT_OUT_WORD_MAX
            )
        };
        (!fits).then(|| FieldError::new("opt_out_words", FieldCode::TooMany, message()))
    }
}

impl BrakeRule {
    fn faults(&self) -> Vec<FieldError> {
        let limits = [
            ("score", self.score, 1..=1_000),
            ("sample", self.sample, 1..=1_000_000),
            ("days", self.days, 1..=BRAKE_DAYS_MAX),
        ];
        let outside = limits.into_iter().filter(|(_, given, allowed)| !allowed.contains(given));
        let fault = |(field, _, allowed): (&'static str, u32, std::ops::RangeInclusive<u32>)| {
            let message =
                says!("is not from {least} to {most}", least = allowed.start(), most = allowed.end());
            FieldError::new(field, FieldCode::BadFormat, message)
        };
        outside.map(fault).collect()
    }
}

/// Each kind of interaction opens one window, and each window is opened by one at least.
fn kinds_of_windows(windows: &[Window]) -> Option<FieldError> {
    let mut seen = HashSet::new();
    for window in windows {
        if window.kinds.is_empty() {
            let message =
                "has a window that nothing opens: name its `kinds`, like [\"menu_click\", \"message\"]";
            return Some(FieldError::new("windows", FieldCode::Missing, message));
        }
        if let Some(kind) = window.kinds.iter().find(|kind| !seen.insert(**kind)) {
            let message = says!("has {kind} twice: one window a kind of interaction", kind = kind.as_str());
            return Some(FieldError::new("windows", FieldCode::Doubled, message));
        }
    }
    None
}

fn unknown_key(key: &str, section: &Map<String, Value>) -> FieldError {
    let known: Vec<_> = section.keys().map(String::as_str).collect();
    let message = says!("is no setting of this rule: it has {known}", known = known.join(", "));
    FieldError::new(key.to_owned(), FieldCode::UnknownField, message)
}

/// Whether the rule can be read with its new value; the fault is told of the key that was changed.
fn section_fits(rule: Rule, section: &Map<String, Value>, key: &str) -> Result<(), FieldError> {
    let value = Value::Object(section.clone());
    let fits = match rule {
        Rule::Suppression => SuppressionRule::deserialize(value).map(drop),
        Rule::Content => ContentRule::deserialize(value).map(drop),
        Rule::Reach => ReachRule::deserialize(value).map(drop),
        Rule::Frequency => FrequencyRule::deserialize(value).map(drop),
        Rule::Repeat => RepeatRule::deserialize(value).map(drop),
        Rule::QuietHours => QuietHoursRule::deserialize(value).map(drop),
        Rule::Brake => BrakeRule::deserialize(value).map(drop),
    };
    fits.map_err(|error| FieldError::new(key.to_owned(), FieldCode::WrongType, error.to_string()))
}

/// requirements §2 and design §7.
fn house_windows() -> Vec<Window> {
    use InteractionKind::{MenuClick, Message, Payment, ScanSubscribe};
    let week = Some(7 * 24);
    let window = |kinds: &[_], valid_hours, per_day, in_all, notice| Window {
        kinds: kinds.to_vec(),
        valid_hours,
        per_day,
        in_all,
        notice,
    };
    vec![
        window(&[Payment], None, None, None, Notice::Strong),
        window(&[MenuClick, Message], week, Some(3), None, Notice::Normal),
        window(&[ScanSubscribe], Some(48), None, Some(1), Notice::Weak),
    ]
}

/// An hour and minute of the day in Asia/Shanghai, written `HH:MM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// `hour` under 24, `minute` under 60.
    pub const fn of(hour: u16, minute: u16) -> Self {
        Self(hour * 60 + minute)
    }

    /// The time of day at `at`.
    pub fn at(at: Timestamp) -> Self {
        let minutes = at.ms().saturating_sub(at.day_begins_at().ms()) / 60_000;
        Self(u16::try_from(minutes).unwrap_or(0))
    }

    /// When it is this time on the day of `at`.
    pub fn on_day_of(self, at: Timestamp) -> Timestamp {
        at.day_begins_at().plus(Duration::from_secs(u64::from(self.0) * 60))
    }

    fn parse(text: &str) -> Option<Self> {
        let (hour, minute) = text.split_once(':')?;
        let two = |part: &str| (part.len() == 2).then(|| part.parse::<u16>().ok()).flatten();
        let (hour, minute) = (two(hour)?, two(minute)?);
        (hour < 24 && minute < 60).then(|| Self::of(hour, minute))
    }
}

impl QuietHoursRule {
    /// When the quiet hours end that `at` lies in; `None`: it lies in none.
    pub fn end_after(&self, at: Timestamp) -> Option<Timestamp> {
        let time = TimeOfDay::at(at);
        let over_midnight = self.from > self.to;
        let inside = if over_midnight {
            time >= self.from || time < self.to
        } else {
            time >= self.from && time < self.to
        };
        let tomorrow = over_midnight && time >= self.from;
        inside.then(|| self.to.on_day_of(if tomorrow { at.next_day() } else { at }))
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:02}:{:02}", self.0 / 60, self.0 % 60))
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom("not a time of day: write HH:MM, from 00:00 to 23:59");
        Self::parse(&text).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests;
