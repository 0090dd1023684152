//! What is written: word lists made ready, and messages held against them. Asked when a message is accepted, and again
//! when it is claimed, where the list has changed since. Beside it advice on what is written, and links that are counted.

pub mod advice;
pub mod links;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use hongyan_content::{
    ContentVerdict, Options, Pinyin, Place, Scanner, Splits, Verdict, WordList, check as look,
};
use hongyan_domain::preview::shown;
use hongyan_domain::{AccountId, Category, Data, Field, FieldKind, Mode, Template, Timestamp, Wording};
use hongyan_store::{APPROVED, NewMessage, Ready, Store, WordListVersion, Worded};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::account::catalog::Account;

/// The version of the list that is shipped.
const STARTER: i64 = 0;
/// Longest a person is waited for where a message says nothing of its end.
const WAIT: std::time::Duration = std::time::Duration::from_secs(30 * 86_400);

/// A word list in force. It is made ready once, when it is first asked, and swapped whole.
pub struct Words {
    /// Counts up over all lists of all accounts; 0: the list that is shipped.
    pub version: i64,
    /// Which pinyin is looked for too.
    pub pinyin: Pinyin,
    list: OnceLock<WordList>,
    scanner: OnceLock<Scanner>,
}

impl Words {
    fn starter() -> Self {
        Self::of(STARTER, Pinyin::Mixed, None)
    }

    fn of(version: i64, pinyin: Pinyin, list: Option<WordList>) -> Self {
        let list = list.map_or_else(OnceLock::new, OnceLock::from);
        Self { version, pinyin, list, scanner: OnceLock::new() }
    }

    /// A list that was made ready before it is put in force.
    pub fn ready(version: i64, pinyin: Pinyin, scanner: Scanner) -> Self {
        Self { version, pinyin, list: OnceLock::new(), scanner: OnceLock::from(scanner) }
    }

    /// Ready to look with. The first time it takes a second for 200,000 words.
    pub fn scanner(&self) -> &Scanner {
        self.scanner.get_or_init(|| {
            let options = options(self.pinyin);
            let list = self.list.get_or_init(WordList::starter);
            Scanner::build(list, options).unwrap_or_else(|error| {
                // It was built when it was put in; an older binary may take less than the one that did.
                tracing::error!(version = self.version, %error, "a word list cannot be used: the starter list holds");
                let starter = Scanner::build(&WordList::starter(), options);
                starter.expect("the shipped list is built by a test")
            })
        })
    }
}

/// What is looked for beyond the words themselves.
pub fn options(pinyin: Pinyin) -> Options {
    Options { pinyin, splits: Splits::On }
}

/// The lists in force: that of all accounts, and those that accounts have of their own.
#[derive(Clone)]
pub(crate) struct Lists {
    general: Arc<Words>,
    own: HashMap<AccountId, Arc<Words>>,
}

impl Default for Lists {
    fn default() -> Self {
        Self { general: Arc::new(Words::starter()), own: HashMap::new() }
    }
}

/// Lists that were made ready and are about to be read.
pub(crate) type Prepared = Mutex<Vec<Arc<Words>>>;

impl Lists {
    /// The list that an account's messages are held against.
    pub(crate) fn of(&self, account: AccountId) -> &Arc<Words> {
        self.own.get(&account).unwrap_or(&self.general)
    }

    /// Of all accounts that have none of their own.
    pub(crate) fn general(&self) -> &Arc<Words> {
        &self.general
    }

    /// Reads those in force; what is ready already goes on being used.
    pub(crate) async fn read(
        store: &Store,
        previous: &Self,
        prepared: &Prepared,
    ) -> Result<Self, EngineError> {
        let mut lists = Self { general: previous.starter(), own: HashMap::new() };
        for found in store.word_lists().await? {
            let known = previous.all().find(|words| words.version == found.version).cloned();
            let known = known
                .or_else(|| prepared.lock().iter().find(|words| words.version == found.version).cloned());
            let words = match known {
                Some(words) => words,
                None => Arc::new(stored(store, &found).await?),
            };
            match found.account {
                Some(account) => drop(lists.own.insert(account, words)),
                None => lists.general = words,
            }
        }
        prepared.lock().retain(|words| lists.all().all(|held| held.version != words.version));
        Ok(lists)
    }

    fn starter(&self) -> Arc<Words> {
        if self.general.version == STARTER { self.general.clone() } else { Arc::new(Words::starter()) }
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Words>> {
        std::iter::once(&self.general).chain(self.own.values())
    }
}

async fn stored(store: &Store, found: &WordListVersion) -> Result<Words, EngineError> {
    let text = store.word_list(found.account, found.version).await?.unwrap_or_default();
    let pinyin = Pinyin::parse(&found.pinyin).unwrap_or_default();
    let list = WordList::parse(&text).unwrap_or_else(|error| {
        tracing::error!(version = found.version, %error, "a stored word list cannot be read: the starter list holds");
        WordList::starter()
    });
    Ok(Words::of(found.version, pinyin, Some(list)))
}

/// Makes a list ready where nothing waits for it.
pub async fn make_ready(words: Arc<Words>) {
    if words.scanner.get().is_none() {
        // It ends by itself; a panic in it shows again where the scanner is asked.
        let _ = tokio::task::spawn_blocking(move || words.scanner().word_count()).await;
    }
}

/// One word that was found, as people are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The word as the list has it.
    pub word: String,
    /// Why it is on the list.
    pub category: String,
    /// What it does by the list: `refuse`, `hold` or `note`.
    pub severity: String,
    /// What it comes to in a message of this kind: `pass`, `hold` or `refuse`.
    pub verdict: String,
    /// `title`, `label` or `value`.
    pub place: String,
    /// The field of a label or value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Where it begins, in characters: of what the phone shows, or of what was written where only that says the word.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
}

/// What the word list says of a text, as people are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// `pass`, `hold` or `refuse`.
    pub verdict: &'static str,
    /// Which list said so; 0: the one that is shipped.
    pub words_version: i64,
    /// What was found.
    pub findings: Vec<Found>,
}

/// The word of a verdict.
pub fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Hold => "hold",
        Verdict::Refuse => "refuse",
    }
}

/// Findings as people are told, with the fields' names in order of their lines.
pub fn told(said: &ContentVerdict, names: &[&str]) -> Vec<Found> {
    let name = |index: usize| names.get(index).map(|name| (*name).to_owned());
    let one = |finding: &hongyan_content::Finding| {
        let (place, field) = match finding.place {
            Place::Title => ("title", None),
            Place::Label(index) => ("label", name(index)),
            Place::Value(index) => ("value", name(index)),
        };
        Found {
            word: finding.hit.word.to_string(),
            category: finding.hit.category.as_str().to_owned(),
            severity: finding.hit.severity.as_str().to_owned(),
            verdict: verdict_word(finding.verdict).to_owned(),
            place: place.to_owned(),
            field,
            from: finding.hit.chars.start,
            to: finding.hit.chars.end,
        }
    };
    said.findings.iter().map(one).collect()
}

/// Holds a filled template against a list: what the phone will show, and nothing that nobody sees. Where that is not
/// what was written, both are looked at and the heavier counts: what WeChat takes out is known by experience only.
pub fn look_at(words: &Words, template: &Template, data: &Data<'_>, category: Category) -> ContentVerdict {
    let written = |field: &Field| match field.kind {
        FieldKind::First | FieldKind::Remark => "",
        _ => data.value(&field.name).unwrap_or_default(),
    };
    let written: Vec<_> = template.fields.iter().map(written).collect();
    let shown: Vec<_> = written.iter().map(|value| shown(value)).collect();
    let labels = || template.fields.iter().map(|field| field.label.as_str());
    let lines: Vec<_> = labels().zip(shown.iter().map(|value| &**value)).collect();
    let said = look(words.scanner(), &lines, &template.title, category);
    if shown.iter().all(|value| matches!(value, Cow::Borrowed(_))) {
        return said;
    }
    let lines: Vec<_> = labels().zip(written).collect();
    let raw = look(words.scanner(), &lines, &template.title, category);
    if raw.verdict > said.verdict { raw } else { said }
}

/// The same, as people are told.
pub fn tell(words: &Words, template: &Template, data: &Data<'_>, category: Category) -> Told {
    let said = look_at(words, template, data, category);
    let names: Vec<_> = template.fields.iter().map(|field| field.name.as_str()).collect();
    Told { verdict: verdict_word(said.verdict), words_version: words.version, findings: told(&said, &names) }
}

/// What is said of a new message, where it is not plainly `send`. Where it is, the list is noted on it; else it is looked
/// at again when it goes, unless a person approved it: a brake or a rule that is only observed or lenient may let it
/// through now, and the rule may be stricter then.
pub(crate) fn worded(
    account: &Account,
    template: &Template,
    data: &Data<'_>,
    message: &mut NewMessage,
) -> Option<Box<Worded>> {
    let policy = account.policies.of(message.category, message.scenario.as_deref());
    if policy.content.mode == Mode::Off {
        return None;
    }
    let until = message.expires_at.unwrap_or(message.due_at.plus(WAIT));
    let worded = stopped(account, template, data, message.category, until);
    message.marks.words = worded.is_none().then_some(account.words.version);
    worded
}

fn stopped(
    account: &Account,
    template: &Template,
    data: &Data<'_>,
    category: Category,
    until: Timestamp,
) -> Option<Box<Worded>> {
    let said = look_at(&account.words, template, data, category);
    let wording = match said.verdict {
        Verdict::Pass => return None,
        Verdict::Hold => Wording::Doubtful { until },
        Verdict::Refuse => Wording::Forbidden,
    };
    let names: Vec<_> = template.fields.iter().map(|field| field.name.as_str()).collect();
    let findings = serde_json::to_string(&told(&said, &names)).unwrap_or_default();
    Some(Box::new(Worded { wording, alike: said.alike(&template.template_id), findings }))
}

/// Looks again at the messages of a claim whose list is not in force any more.
pub(crate) fn look_again(account: &Account, messages: &mut [Ready], now: Timestamp) {
    let version = account.words.version;
    for message in messages {
        let words = message.marks.words;
        if words == Some(version) || words == Some(APPROVED) || message.taken.is_some() {
            continue;
        }
        let policy = account.policies.of(message.category, message.scenario.as_deref());
        if policy.content.mode == Mode::Off {
            continue;
        }
        // A template that is gone is WeChat's to refuse.
        let Some(template) = account.template(&message.template_id) else { continue };
        let Ok(data) = Data::parse(&message.content.data) else { continue };
        let until = message.expires_at.unwrap_or(now.plus(WAIT));
        message.worded = stopped(account, template, &data, message.category, until);
        message.marks.words = Some(version);
    }
}

/// What was found, from where it is kept.
pub fn read_findings(json: &str) -> Vec<Found> {
    serde_json::from_str(json).unwrap_or_default()
}
