//! Alerts: what rules found, the rules, and the channels by which people are told.

mod channel;
mod rule;

use axum::extract::State;
use hongyan_domain::Timestamp;
use hongyan_domain::alert::{AlertRule, AlertState, Metric, News, Severity, Standing};
use hongyan_engine::{Catalog, Reading};
use hongyan_store::{AlertKey, Note};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::auth::{Caller, MayOperate, MayRead};
use crate::answer::problem::{Code, Problem};
use crate::answer::text::Text;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::Json;
use crate::request::field;
use crate::request::path::Named;
use crate::request::query::{self, Asked};

pub(crate) use channel::{
    __path_change_channel, __path_create_channel, __path_delete_channel, __path_list_channels,
    __path_test_channel, change_channel, create_channel, delete_channel, list_channels, test_channel,
};
pub(crate) use channel::{address, may_call};
pub(crate) use rule::{
    __path_change_rule, __path_create_rule, __path_delete_rule, __path_list_rules, change_rule, create_rule,
    delete_rule, list_rules,
};

/// Longest silence: longer ones are forgotten, and the rule should be changed.
const SILENCE_MAX_MINUTES: u32 = 7 * 24 * 60;

/// Which alerts.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Of this account.
    appid: Option<String>,
    /// In this state: `pending`, `firing` or `resolved`; left out: all.
    state: Option<String>,
}

/// Alerts.
#[derive(Serialize, ToSchema)]
#[schema(as = Alerts)]
pub(crate) struct AlertsBody {
    /// Those that fire first, then by when they began.
    alerts: Vec<AlertBody>,
}

/// Something a rule found.
#[derive(Serialize, ToSchema)]
#[schema(as = Alert)]
pub(crate) struct AlertBody {
    /// Its name in URLs.
    id: String,
    /// The rule's id.
    rule: String,
    /// The rule's name.
    name: String,
    #[schema(value_type = String)]
    severity: Severity,
    /// Whose; null: of the installation.
    appid: Option<String>,
    /// Of which template (or, of the installation, which webhook); null: of the whole account.
    template_id: Option<String>,
    /// What is measured; null: the rule is gone.
    #[schema(value_type = Option<String>)]
    metric: Option<Metric>,
    /// Of which error code.
    errcode: Option<i64>,
    /// How far back is counted.
    window_minutes: Option<u32>,
    /// What it means, what was done, what to do; null: the rule is gone.
    reading: Option<ReadingBody>,
    /// `pending` (too much, but not for long enough), `firing` or `resolved`.
    #[schema(value_type = String)]
    state: AlertState,
    /// What was measured last.
    value: f64,
    threshold: f64,
    #[schema(value_type = String)]
    since: Timestamp,
    #[schema(value_type = Option<String>)]
    fired_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    resolved_at: Option<Timestamp>,
    /// When somebody was last told.
    #[schema(value_type = Option<String>)]
    told_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    silenced_until: Option<Timestamp>,
}

/// How to read an alert.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertReading)]
pub(crate) struct ReadingBody {
    /// What it means.
    meaning: Text,
    /// What Hongyan does about it by itself.
    done: Text,
    /// What to do.
    advice: Text,
}

/// How long nobody is to be told.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SilenceRequest {
    /// So many minutes from now, at most 10,080 (a week); 0: people are told again at once.
    minutes: u32,
}

/// What was told to channels, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertNotes)]
pub(crate) struct NotesBody {
    notes: Vec<NoteBody>,
}

/// Something told, or to be told, to one channel.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertNote)]
pub(crate) struct NoteBody {
    #[schema(value_type = String)]
    at: Timestamp,
    channel: String,
    rule: String,
    /// `firing`, `again` or `resolved`.
    #[schema(value_type = String)]
    news: News,
    title: String,
    lines: Vec<String>,
    /// `queued`, `sent` or `failed`.
    state: String,
    attempts: u32,
    /// What went wrong the last time.
    error: Option<String>,
}

/// How many notes.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HowMany {
    /// 1 to 500; 50 if left out.
    limit: Option<String>,
}

/// Lists what rules found, also what is over.
#[utoipa::path(get, path = "/api/v1/alerts", tag = "alerts", params(Wanted),
    responses((status = 200, description = "The alerts", body = AlertsBody)))]
pub(crate) async fn list_alerts(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Asked(asked): Asked<Wanted>,
) -> Answer {
    let only = match asked.appid.as_deref().filter(|appid| !appid.is_empty()) {
        Some(appid) => Some(app.account(&caller, appid)?.id()),
        None => None,
    };
    let mut errors = Vec::new();
    let allowed = "pending, firing or resolved";
    let state = query::read(&mut errors, ("state", asked.state.as_deref()), AlertState::parse, allowed);
    field::none_of(errors)?;
    let mut alerts = alerts(&app, &caller).await?;
    alerts.retain(|(key, alert)| {
        only.is_none_or(|only| only == key.account) && state.is_none_or(|state| state == alert.state)
    });
    answer::ok(&AlertsBody { alerts: alerts.into_iter().map(|(_, alert)| alert).collect() })
}

/// The alerts this caller may know of, those that fire first.
pub(crate) async fn alerts(app: &App, caller: &Caller) -> Result<Vec<(AlertKey, AlertBody)>, Problem> {
    let rules = hongyan_engine::alert_rules(app.store()).await?;
    let catalog = app.engine().catalog();
    let stored = app.store().alerts().await?.into_iter();
    let mine = stored.filter(|(key, _)| may_know(caller, key));
    let mut alerts: Vec<_> = mine
        .map(|(key, standing)| {
            let body = AlertBody::of(&key, &standing, &rules, &catalog);
            (key, body)
        })
        .collect();
    alerts.sort_by_key(|(_, alert)| (alert.state != AlertState::Firing, std::cmp::Reverse(alert.since)));
    Ok(alerts)
}

fn may_know(caller: &Caller, key: &AlertKey) -> bool {
    if key.account.0 == 0 { caller.is_for_all() } else { caller.may_touch(key.account) }
}

/// Silences an alert for some time: it is still looked at, and nobody is told.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/silence", tag = "alerts", request_body = SilenceRequest,
    responses((status = 200, description = "The alert", body = AlertBody)))]
pub(crate) async fn silence(
    MayOperate(caller): MayOperate,
    State(app): State<App>,
    Named(id): Named<String>,
    Json(asked): Json<SilenceRequest>,
) -> Answer {
    if asked.minutes > SILENCE_MAX_MINUTES {
        let message = hongyan_domain::says!("is more than {allowed}", allowed = SILENCE_MAX_MINUTES);
        return Err(Problem::invalid(vec![field::bad("minutes", message)]));
    }
    let unknown = || Problem::new(Code::UnknownAlert, "there is no alert of this id");
    let found = alerts(&app, &caller).await?.into_iter().find(|(_, alert)| alert.id == id);
    let (key, _) = found.ok_or_else(unknown)?;
    let length = std::time::Duration::from_secs(60 * u64::from(asked.minutes));
    let until = (asked.minutes > 0).then(|| app.now().plus(length));
    if !app.store_of(&caller).silence_alert(key, until, app.now()).await? {
        return Err(unknown());
    }
    let silenced = alerts(&app, &caller).await?.into_iter().find(|(_, alert)| alert.id == id);
    let (_, alert) = silenced.ok_or_else(unknown)?;
    answer::ok(&alert)
}

/// Lists what channels were told, and what could not be told.
#[utoipa::path(get, path = "/api/v1/alerts/notes", tag = "alerts", params(HowMany),
    responses((status = 200, description = "The notes", body = NotesBody)))]
pub(crate) async fn list_notes(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Asked(asked): Asked<HowMany>,
) -> Answer {
    let mut errors = Vec::new();
    let limit = query::limit(&mut errors, asked.limit.as_deref());
    field::none_of(errors)?;
    let catalog = app.engine().catalog();
    let mut accounts: Vec<_> =
        catalog.accounts().map(|account| account.id()).filter(|id| caller.may_touch(*id)).collect();
    if caller.is_for_all() {
        accounts.push(hongyan_domain::AccountId(0));
    }
    let notes = app.store().notes(accounts, limit).await?;
    answer::ok(&NotesBody { notes: notes.into_iter().map(NoteBody::from).collect() })
}

impl From<Note> for NoteBody {
    fn from(note: Note) -> Self {
        Self {
            at: note.at,
            channel: note.new.channel,
            rule: note.new.key.rule,
            news: note.new.news,
            title: note.new.words.title,
            lines: note.new.words.lines,
            state: note.state,
            attempts: note.attempts,
            error: note.error,
        }
    }
}

impl ReadingBody {
    fn of(Reading { meaning, done, advice }: Reading) -> Self {
        let text = |(zh, en): (&'static str, &'static str)| Text::new(zh, en);
        Self { meaning: text(meaning), done: text(done), advice: text(advice) }
    }
}

impl AlertBody {
    fn of(key: &AlertKey, standing: &Standing, rules: &[AlertRule], catalog: &Catalog) -> Self {
        let rule = rules.iter().find(|rule| rule.id == key.rule);
        let appid = catalog.by_id(key.account).map(|account| account.appid().to_string());
        let parts = [appid.as_deref().unwrap_or("-"), &key.rule, &key.template_id];
        Self {
            id: parts.join(".").trim_end_matches('.').to_owned(),
            rule: key.rule.clone(),
            name: rule.map_or_else(|| key.rule.clone(), |rule| rule.name.clone()),
            severity: rule.map_or(Severity::Info, |rule| rule.severity),
            appid,
            template_id: Some(key.template_id.clone()).filter(|template| !template.is_empty()),
            metric: rule.map(|rule| rule.metric),
            errcode: rule.and_then(|rule| rule.errcode),
            window_minutes: rule.map(|rule| rule.window_minutes),
            reading: rule.map(hongyan_engine::alert_reading).map(ReadingBody::of),
            state: standing.state,
            value: standing.value,
            threshold: rule.map_or(0.0, |rule| rule.threshold),
            since: standing.since,
            fired_at: standing.fired_at,
            resolved_at: standing.resolved_at,
            told_at: standing.told_at,
            silenced_until: standing.silenced_until,
        }
    }

    /// Whether it fires.
    pub(crate) fn is_firing(&self) -> bool {
        self.state == AlertState::Firing
    }
}

/// Rules and channels are of the installation.
fn for_all(caller: &Caller) -> Result<(), Problem> {
    if caller.is_for_all() {
        return Ok(());
    }
    let detail = "a key for certain accounts cannot change what is told of all";
    Err(Problem::new(Code::Forbidden, detail))
}
