//! Up to 1,000 triggers of a scenario in one JSON array, up to 10,000 as lines of NDJSON or CSV. Each is read on its
//! own and answered in its own row, as messages in a batch are.

use axum::extract::State;
use hongyan_domain::{FieldCode, FieldError, Lang};
use hongyan_engine::accept::Request;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::access::auth::{Caller, MaySend};
use crate::answer::problem::Problem;
use crate::answer::{self, Answer};
use crate::app::App;
use crate::message::accept_all;
use crate::message::batch::{
    BATCH_MAX, BatchAnswer, Elements, LINES_MAX, ROW_SIZE, RowBody, check_lines, spread, write_row,
};
use crate::request::body::{self, Form, Raw};
use crate::request::table::{self, Table};
use crate::scenario::{Of, ScenarioQuery, TriggerRequest};

/// The columns of a table that are not params.
const HEAD: [&str; 5] = ["touser", "client_msg_id", "appid", "occurred_at", "overflow"];

#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    triggers: Elements<'a>,
}

/// Takes in many triggers of one scenario: a JSON array of up to 1,000, or up to 10,000 lines of NDJSON or CSV. The
/// first line of a table names its columns: `touser`, `client_msg_id`, `appid`, `occurred_at`, `overflow`, all others are
/// params; an empty cell is no param. UTF-8 or GBK. Tables are answered as NDJSON, a row a line. Of those that name no
/// account it is the one of the query.
#[utoipa::path(post, path = "/api/v1/scenarios/{name}/trigger/batch", tag = "scenarios", params(ScenarioQuery),
    request_body(content((Vec<TriggerRequest<'_>> = "application/json",
        example = json!([{ "touser": "OPENID_1", "params": { "order_no": "A-1", "amount": "88.00" }, "client_msg_id": "order-1-paid" },
            { "touser": "OPENID_2", "params": { "order_no": "A-2", "amount": "12.50" }, "client_msg_id": "order-2-paid" }])), (TriggerRequest<'_> = "application/x-ndjson"),
        (String = "text/csv"))),
    responses((status = 200, description = "One result a trigger, in order",
        content((BatchAnswer = "application/json"), (RowBody<'_> = "application/x-ndjson")))))]
pub(crate) async fn accept_triggers(
    MaySend(caller): MaySend,
    State(app): State<App>,
    Of { name, appid, lang }: Of<String>,
    raw: Raw,
) -> Answer {
    let by = By { app: &app, caller: &caller, scenario: &name, appid: appid.as_deref(), lang };
    let (content_type, answer) = match raw.form {
        Form::Json => ("application/json", by.array(&raw).await?),
        Form::Ndjson => ("application/x-ndjson", by.lines(&raw).await?),
        Form::Csv => ("application/x-ndjson", by.table(&raw).await?),
    };
    Ok(answer::bytes(StatusCode::OK, content_type, raw.answered(answer)))
}

/// Who triggers what.
#[derive(Clone, Copy)]
struct By<'a> {
    app: &'a App,
    caller: &'a Caller,
    scenario: &'a str,
    appid: Option<&'a str>,
    lang: Lang,
}

impl<'a> By<'a> {
    async fn array(self, raw: &Raw) -> Result<Vec<u8>, Problem> {
        let text = body::json(raw)?;
        let wrapped = format!("{{\"triggers\":{text}}}");
        let whole = if text.trim_ascii_start().starts_with('[') { wrapped.as_str() } else { text };
        let Batch { triggers } = body::read(whole)?;
        triggers.check()?;
        let read: Vec<_> = triggers.elements.iter().map(|element| self.read(element.get())).collect();
        let answers = accept_all(self.app, self.caller, read).await?;
        let mut out = Vec::with_capacity(32 + answers.len() * ROW_SIZE);
        out.extend_from_slice(b"{\"results\":[");
        for (index, answer) in answers.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write_row(&mut out, (index, answer), self.lang);
        }
        out.extend_from_slice(b"]}");
        Ok(out)
    }

    async fn lines(self, raw: &Raw) -> Result<Vec<u8>, Problem> {
        let lines = raw.bytes.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        let lines: Vec<&[u8]> = lines.take(LINES_MAX + 1).collect();
        check_lines(lines.len())?;
        let read = lines.iter().map(|line| body::utf8(line).and_then(|line| self.read(line))).collect();
        self.in_slices(read).await
    }

    async fn table(self, raw: &Raw) -> Result<Vec<u8>, Problem> {
        let table = table::read(&raw.bytes, LINES_MAX)?;
        if !table.columns.iter().any(|name| name == "touser") {
            let message = "has no column `touser`: the first line names the columns";
            return Err(Problem::invalid(vec![FieldError::new("body", FieldCode::Missing, message)]));
        }
        let texts: Vec<_> = (0..table.rows.len()).map(|row| as_json(&table, row)).collect();
        self.in_slices(texts.iter().map(|text| self.read(text)).collect()).await
    }

    fn read<'t>(self, text: &'t str) -> Result<Request<'t>, Problem>
    where
        'a: 't,
    {
        body::read::<TriggerRequest<'t>>(text)?.of(self.scenario, self.appid)
    }

    /// Committed in slices: after one that the store could not take, the rest is told so in its own rows.
    async fn in_slices(self, read: Vec<Result<Request<'_>, Problem>>) -> Result<Vec<u8>, Problem> {
        let mut out = Vec::with_capacity(read.len() * ROW_SIZE);
        let (mut read, mut index) = (read.into_iter(), 0);
        loop {
            let slice: Vec<_> = read.by_ref().take(BATCH_MAX).collect();
            if slice.is_empty() {
                return Ok(out);
            }
            let len = slice.len();
            let answers = match accept_all(self.app, self.caller, slice).await {
                Err(error) if index == 0 => return Err(error.into()),
                answers => spread(answers, len),
            };
            for answer in &answers {
                write_row(&mut out, (index, answer), self.lang);
                out.push(b'\n');
                index += 1;
            }
        }
    }
}

/// A row as the JSON that the API takes: params are texts, which their types read.
fn as_json(table: &Table, row: usize) -> String {
    let (mut trigger, mut params) = (Map::new(), Map::new());
    for (name, cell) in table.columns.iter().zip(&table.rows[row]) {
        let cell = cell.trim();
        if cell.is_empty() {
            continue;
        }
        let into = if HEAD.contains(&name.as_str()) { &mut trigger } else { &mut params };
        into.insert(name.clone(), Value::from(cell));
    }
    trigger.entry("touser").or_insert_with(|| Value::from(""));
    trigger.insert("params".to_owned(), Value::Object(params));
    Value::Object(trigger).to_string()
}
