//! What is written: word lists, the check against them, and advice.

use std::sync::Arc;

use axum::extract::{Request, State};
use hongyan_content::word_list::{LineError, LineFault};
use hongyan_content::{Advice, BuildError, Industry, Pinyin, Scanner, WordList, WordListError};
use hongyan_domain::{
    AccountId, AccountKind, Category, Data, Field, FieldCode, FieldError, FieldKind, FieldRules, Openid,
    Preview, Sentence, Tap, Template, Timestamp, preview, says,
};
use hongyan_engine::content::{self, Told, Words, links};
use hongyan_engine::{Account, advice};
use hongyan_scenario::{Params, Trigger, render, variant_of};
use hongyan_store::WordListVersion;
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use crate::access::auth::{Caller, MayAdmin, MayRead};
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::{self, Json};
use crate::request::field;
use crate::request::query::{self, Asked as Query};
use crate::scenario;

/// The longest list: 500,000 lines of 32 characters would be 48 MiB, and 200,000 of usual words are 5.
const LIST_MAX: usize = 16 << 20;

/// Whose words, and how they are shown.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WordsQuery {
    /// The account's own list; left out: the list of all accounts that have none.
    appid: Option<String>,
    /// Which pinyin of the words is found too: `off`, `whole` (weixin) or `mixed` (the default: wei信 too; six times the
    /// memory). Where a list is put in as CSV.
    pinyin: Option<String>,
}

/// A word list.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WordsRequest {
    /// The account; left out: of all accounts that have none of their own.
    appid: Option<String>,
    /// One word a line: `word,category[,severity]`; `phrase,allow` names a phrase inside which no word counts.
    list: String,
    /// `off`, `whole` or `mixed` (the default).
    pinyin: Option<String>,
}

/// The word list in force.
#[derive(Serialize, ToSchema)]
#[schema(as = Words)]
pub(crate) struct WordsBody {
    /// The account whose own list it is; null: the list of all accounts that have none.
    appid: Option<String>,
    /// Counts up with every change; 0: the list that comes with Hongyan.
    version: i64,
    /// How many words.
    words: usize,
    /// Which pinyin is found too.
    pinyin: &'static str,
    /// Since when.
    #[schema(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// One word a line; null in the answer to a change.
    list: Option<String>,
}

/// Shows the word list in force, as JSON, or as CSV for `Accept: text/csv`.
#[utoipa::path(get, path = "/api/v1/words", tag = "content", params(WordsQuery),
    responses((status = 200, description = "The list", body = WordsBody)))]
pub(crate) async fn show_words(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Query(asked): Query<WordsQuery>,
    headers: http::HeaderMap,
) -> Answer {
    let own = asked.appid.as_deref().map(|appid| app.account(&caller, appid)).transpose()?;
    let body = words(&app, own.as_deref()).await?;
    let wants_csv = headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes() == b"text/csv");
    if wants_csv {
        return Ok(answer::bytes(StatusCode::OK, "text/csv; charset=utf-8", body.list.unwrap_or_default()));
    }
    answer::ok(&body)
}

async fn words(app: &App, own: Option<&Account>) -> Result<WordsBody, Problem> {
    let lists = app.store().word_lists().await?;
    let of = |account: Option<AccountId>| lists.iter().find(|list| list.account == account);
    let found = own.and_then(|account| of(Some(account.id()))).or(of(None));
    let Some(found) = found else {
        let starter = WordList::starter();
        return Ok(WordsBody {
            appid: None,
            version: 0,
            words: starter.words.len(),
            pinyin: Pinyin::Mixed.as_str(),
            since: None,
            list: Some(WordList::STARTER.to_owned()),
        });
    };
    let WordListVersion { account, version, words, since, .. } = found;
    Ok(WordsBody {
        appid: account.and(own).map(|account| account.appid().to_string()),
        version: *version,
        words: *words,
        pinyin: Pinyin::parse(&found.pinyin).unwrap_or_default().as_str(),
        since: Some(*since),
        list: app.store().word_list(*account, *version).await?,
    })
}

/// Puts a word list in force, for all accounts or for one: JSON, or the list itself as `text/csv`. The last ten are
/// kept.
/// It is made ready first; what is accepted meanwhile is held against the old one.
#[utoipa::path(put, path = "/api/v1/words", tag = "content", params(WordsQuery), request_body = WordsRequest,
    responses((status = 200, description = "The list in force", body = WordsBody)))]
pub(crate) async fn put_words(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Query(asked): Query<WordsQuery>,
    request: Request,
) -> Answer {
    let is_csv = request.headers().get(header::CONTENT_TYPE).is_some_and(|given| {
        given.as_bytes().starts_with(b"text/csv") || given.as_bytes().starts_with(b"text/plain")
    });
    let (bytes, _room) = body::take(request, &app, LIST_MAX).await?;
    let text = body::utf8(&bytes)?;
    let given = if is_csv {
        WordsRequest { appid: asked.appid, list: text.to_owned(), pinyin: asked.pinyin }
    } else {
        let given: WordsRequest = body::read(text)?;
        WordsRequest { appid: given.appid.or(asked.appid), pinyin: given.pinyin.or(asked.pinyin), ..given }
    };
    let account = whose(&app, &caller, given.appid.as_deref())?;
    let mut errors = Vec::new();
    let pinyin =
        query::read(&mut errors, ("pinyin", given.pinyin.as_deref()), Pinyin::parse, "off, whole or mixed");
    field::none_of(errors)?;
    let pinyin = pinyin.unwrap_or(Pinyin::Mixed);
    let list = made_ready(given.list, pinyin).await?;
    let words = list.1.word_count();
    let version = app.engine().by(caller.actor()).put_words(account, Some(list), pinyin).await?;
    let since = Some(app.now());
    answer::ok(&WordsBody { appid: given.appid, version, words, pinyin: pinyin.as_str(), since, list: None })
}

/// Takes a list back: an account's messages are held against that of all accounts again, and those against the list that
/// comes with Hongyan.
#[utoipa::path(delete, path = "/api/v1/words", tag = "content", params(WordsQuery),
    responses((status = 200, description = "The list in force now", body = WordsBody)))]
pub(crate) async fn delete_words(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Query(asked): Query<WordsQuery>,
) -> Answer {
    let account = whose(&app, &caller, asked.appid.as_deref())?;
    app.engine().by(caller.actor()).put_words(account, None, Pinyin::Off).await?;
    let own = asked.appid.as_deref().map(|appid| app.account(&caller, appid)).transpose()?;
    answer::ok(&words(&app, own.as_deref()).await?)
}

/// A key for certain accounts changes the lists of those only.
fn whose(app: &App, caller: &Caller, appid: Option<&str>) -> Result<Option<AccountId>, Problem> {
    match appid.filter(|appid| !appid.is_empty()) {
        Some(appid) => Ok(Some(app.account(caller, appid)?.id())),
        None if caller.is_for_all() => Ok(None),
        None => Err(Problem::new(Code::Forbidden, "this key is for certain accounts: name one by `appid`")),
    }
}

/// Read and built where nothing waits for it.
async fn made_ready(text: String, pinyin: Pinyin) -> Result<(String, Scanner), Problem> {
    let build = move || {
        let list = WordList::parse(&text).map_err(unreadable)?;
        let scanner = Scanner::build(&list, content::options(pinyin)).map_err(|error| unusable(&error))?;
        Ok((text, scanner))
    };
    let built = tokio::task::spawn_blocking(build).await;
    built.unwrap_or_else(|_| Err(Problem::new(Code::Internal, "it is in the server's log; nothing was done")))
}

fn unreadable(error: WordListError) -> Problem {
    let fault = |LineError { line, fault }: LineError| {
        FieldError::new(format!("list.{line}"), FieldCode::BadFormat, line_fault(&fault))
    };
    Problem::invalid(error.0.into_iter().map(fault).collect())
}

fn line_fault(fault: &LineFault) -> Sentence {
    match fault {
        LineFault::NoWord => "has no word".into(),
        LineFault::NoCategory => "has no category".into(),
        LineFault::UnknownCategory(given) => says!("`{given}` is not a category of words", given),
        LineFault::UnknownSeverity(given) => {
            says!("`{given}` is not a severity: refuse, hold or note", given)
        }
        LineFault::TooManyColumns => "has more than three columns".into(),
        LineFault::ControlCharacter => "has a control character: remove it".into(),
        LineFault::TooLong => "is too long: a word has at most 32 characters".into(),
        LineFault::TooManyLines => "is one line too many: a list has at most 500,000".into(),
    }
}

fn unusable(error: &BuildError) -> Problem {
    let message = match error {
        BuildError::TooShort(word) => {
            says!("`{word}` is too short: at least one character, or two letters or digits", word)
        }
        _ => "cannot be made ready: it has too many words, or too long ones".into(),
    };
    Problem::invalid(vec![FieldError::new("list", FieldCode::BadFormat, message)])
}

/// A text as it will be shown: `title` and `fields`, or `template_id` and `data`, or `scenario` and `params`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DraftRequest {
    /// The account; may be left out where there is only one.
    appid: Option<String>,
    /// The card's title.
    title: Option<String>,
    /// Its lines.
    #[serde(default)]
    fields: Vec<LineRequest>,
    /// A template, in place of title and lines.
    template_id: Option<String>,
    /// Its fields.
    #[schema(value_type = Option<Object>)]
    data: Option<Box<RawValue>>,
    /// A scenario, in place of all that.
    scenario: Option<String>,
    /// What its expressions are worked out with.
    #[schema(value_type = Option<Object>)]
    params: Option<Box<RawValue>>,
    /// Of a scenario with variants: to whom.
    touser: Option<String>,
    /// `transactional`, `service` (the default) or `marketing`; a scenario has its own.
    #[schema(value_type = Option<String>)]
    category: Option<Category>,
    /// For advice: `retail`, `education` or `services`; left out: what the template's own
    /// industry says, or else the account's.
    #[schema(value_type = Option<String>)]
    industry: Option<Industry>,
    /// For advice: where a tap leads.
    url: Option<String>,
}

/// One line of a card.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineRequest {
    /// What stands before the value.
    #[serde(default)]
    label: String,
    /// The value.
    value: String,
}

/// A text ready to be looked at.
struct Draft {
    words: Arc<Words>,
    /// By whose figures it is measured, as far as its template or its account tells.
    industry: Option<Industry>,
    template: Template,
    data: String,
    category: Category,
    tap: Tap,
    rules: FieldRules,
}

impl Draft {
    fn data(&self) -> Result<Data<'_>, Problem> {
        Data::parse(&self.data).map_err(Problem::invalid)
    }
}

/// What the word list says.
#[derive(Serialize, ToSchema)]
#[schema(as = ContentCheck)]
pub(crate) struct CheckBody {
    /// `pass`, `hold` or `refuse`, the list that said so and what was found: each word with its category, severity, place
    /// and offsets in characters.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    told: Told,
    /// What the phone will show: `title`, `rows`, `dropped` and `tap`, as of a dry run.
    #[schema(value_type = Object)]
    preview: Preview,
}

/// Holds a text against the word list in force, and shows what the phone will show of it. Nothing is sent or kept.
#[utoipa::path(post, path = "/api/v1/content/check", tag = "content", request_body = DraftRequest,
    responses((status = 200, description = "What the list says", body = CheckBody)))]
pub(crate) async fn check(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Json(asked): Json<DraftRequest>,
) -> Answer {
    let draft = draft(&app, &caller, &asked)?;
    content::make_ready(draft.words.clone()).await;
    let data = draft.data()?;
    let told = content::tell(&draft.words, &draft.template, &data, draft.category);
    let preview = preview(&draft.template, &data, draft.tap.clone(), draft.rules);
    answer::ok(&CheckBody { told, preview })
}

/// What could be better.
#[derive(Serialize, ToSchema)]
#[schema(as = ContentAdvice)]
pub(crate) struct AdviceBody {
    /// The most telling first; empty is praise. Each with its reason, in both languages.
    #[schema(value_type = Vec<Object>)]
    advice: Vec<Advice>,
    /// By whose figures.
    #[schema(value_type = Option<String>)]
    industry: Option<Industry>,
}

/// Says how a text could be read and tapped more. Advice blocks nothing.
#[utoipa::path(post, path = "/api/v1/content/advise", tag = "content", request_body = DraftRequest,
    responses((status = 200, description = "What could be better", body = AdviceBody)))]
pub(crate) async fn advise(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Json(asked): Json<DraftRequest>,
) -> Answer {
    let draft = draft(&app, &caller, &asked)?;
    let industry = asked.industry.or(draft.industry);
    let advice = advice::with(&draft.template, &draft.data()?, &draft.tap, industry);
    answer::ok(&AdviceBody { advice, industry })
}

fn draft(app: &App, caller: &Caller, asked: &DraftRequest) -> Result<Draft, Problem> {
    let given = [asked.scenario.is_some(), asked.template_id.is_some(), !asked.fields.is_empty()];
    if given.iter().filter(|given| **given).count() > 1 {
        let message =
            "is one too many: give title and fields, or template_id and data, or scenario and params";
        let field = if given[0] { "scenario" } else { "template_id" };
        return Err(Problem::invalid(vec![FieldError::new(field, FieldCode::UnknownField, message)]));
    }
    let named = || app.account_or_only(caller, asked.appid.as_deref());
    match (&asked.scenario, &asked.template_id) {
        (Some(name), _) => {
            let account = named()?;
            of_scenario(&account, name, asked, app.now())
        }
        (None, Some(id)) => {
            let account = named()?;
            of_template(&account, id, asked)
        }
        (None, None) => {
            let account = asked.appid.as_deref().map(|appid| app.account(caller, appid)).transpose()?;
            let account = account.or_else(|| app.account_or_only(caller, None).ok());
            let words =
                account.map_or_else(|| app.engine().catalog().words().clone(), |one| one.words.clone());
            Ok(of_lines(words, asked))
        }
    }
}

fn of_lines(words: Arc<Words>, asked: &DraftRequest) -> Draft {
    let mut template = Template::parse("", asked.title.as_deref().unwrap_or_default(), "");
    let mut data = serde_json::Map::new();
    for (index, line) in asked.fields.iter().enumerate() {
        let name = name_of(&asked.fields, index);
        data.insert(name.clone(), line.value.clone().into());
        let label = line.label.clone();
        template.fields.push(Field { name, kind: FieldKind::Thing, label, limit: None });
    }
    Draft {
        words,
        industry: None,
        template,
        data: serde_json::Value::Object(data).to_string(),
        category: asked.category.unwrap_or(Category::Service),
        tap: Tap::of(asked.url.as_deref(), None),
        rules: FieldRules::of(AccountKind::Service),
    }
}

/// What a finding calls a line: its label, or its place where it has none of its own.
fn name_of(lines: &[LineRequest], index: usize) -> String {
    let label = lines[index].label.trim();
    let is_its_own = lines.iter().filter(|line| line.label.trim() == label).count() == 1;
    if label.is_empty() || !is_its_own { format!("fields[{index}]") } else { label.to_owned() }
}

fn of_template(account: &Account, id: &str, asked: &DraftRequest) -> Result<Draft, Problem> {
    let template = template(account, id)?;
    Ok(Draft {
        words: account.words.clone(),
        industry: advice::industry_of(account, &template),
        template,
        data: asked.data.as_ref().map_or("{}", |data| data.get()).to_owned(),
        category: asked.category.unwrap_or(Category::Service),
        tap: Tap::of(asked.url.as_deref(), None),
        rules: FieldRules::of(account.record.kind),
    })
}

fn of_scenario(
    account: &Account,
    name: &str,
    asked: &DraftRequest,
    now: Timestamp,
) -> Result<Draft, Problem> {
    let compiled = account.scenario(name).ok_or_else(scenario::unknown)?;
    let found = compiled.scenario();
    let params = asked.params.as_ref().map_or("{}", |params| params.get());
    let params = Params::parse(params).map_err(Problem::invalid)?;
    let openid = asked.touser.as_deref().and_then(|touser| Openid::new(touser).ok());
    let variant = openid.and_then(|openid| variant_of(found, openid.spread()));
    let variant = variant.map(|variant| variant.name.as_str());
    // Nothing is sent: a draft may speak of whatever day.
    let trigger = Trigger { params: &params, occurred_at: Some(now), items: &[], variant };
    let mut rendered = render(compiled, &trigger, now).map_err(Problem::invalid)?;
    links::mark(found, variant, &mut rendered).map_err(|fault| Problem::invalid(vec![fault]))?;
    let url = asked.url.as_deref().or(rendered.url.as_deref());
    let template = template(account, found.template_id.as_deref().unwrap_or_default())?;
    Ok(Draft {
        words: account.words.clone(),
        industry: advice::industry_of(account, &template),
        template,
        tap: Tap::of(url, rendered.miniprogram.as_ref()),
        data: rendered.data,
        category: found.category,
        rules: FieldRules::of(account.record.kind),
    })
}

fn template(account: &Account, id: &str) -> Result<Template, Problem> {
    let found = account.template(id).map(|template| Template::clone(template));
    found.ok_or_else(|| {
        Problem::new(Code::UnknownTemplate, "the account has no such template: sync its templates")
    })
}
