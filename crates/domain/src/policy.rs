//! The rules that stand between a message and a phone, as data: an operator edits every number here.
//!
//! The defaults are the house rules. WeChat's own limits are not here: those come back as outcomes.

mod patch;
mod policies;
mod time_of_day;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::policies::Policies;
pub use self::time_of_day::TimeOfDay;
use crate::message::words;
use crate::{Category, Cause, InteractionKind, Timestamp};

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

impl Cap {
    /// Whether both count the same messages over the same stretch: there is one count for them.
    pub fn counts_with(&self, other: &Self) -> bool {
        (self.per, self.over) == (other.per, other.over)
    }
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

/// The usual words; 退订 and TD are what the operators' rules for SMS made everybody used to.
const OPT_OUT_WORDS: [&str; 4] = ["退订", "TD", "投诉", "取消推送"];
/// Days a brake may look back: trouble older than a month says little of today's text.
pub const BRAKE_DAYS_MAX: u32 = 30;

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

#[cfg(test)]
mod tests;
