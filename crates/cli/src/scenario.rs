//! `scenario`: business reasons to write, as the running server keeps them; and `catalogue`, those it knows by itself.

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::door::Reach;
use crate::exit::{Code, Failure};
use crate::message::escaped;
use crate::print;
use crate::remote::{JSON, call, file, form, get, of_account, show, table};

#[derive(Debug, Subcommand)]
pub(crate) enum Scenario {
    List(All),
    Show(Named),
    Put(Put),
    Delete(Named),
    Bind(Bind),
    Stop(Stop),
    Trigger(Box<Trigger>),
}

#[derive(Debug, Args)]
pub(crate) struct All {
    #[arg(long)]
    appid: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    all: All,
}

#[derive(Debug, Args)]
pub(crate) struct Put {
    #[arg(value_name = "FILE")]
    file: String,
    #[command(flatten)]
    named: Named,
}

#[derive(Debug, Args)]
pub(crate) struct Bind {
    #[command(flatten)]
    named: Named,
    #[arg(long)]
    template_id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Stop {
    #[command(flatten)]
    named: Named,
    #[arg(value_name = "VARIANT")]
    variant: String,
}

#[derive(Debug, Args)]
pub(crate) struct Trigger {
    #[command(flatten)]
    named: Named,
    #[arg(long, value_name = "OPENID")]
    touser: Option<String>,
    #[arg(long, value_name = "JSON", default_value = "{}")]
    params: String,
    #[arg(long)]
    client_msg_id: Option<String>,
    #[arg(long, value_name = "RFC3339")]
    occurred_at: Option<String>,
    #[arg(long, value_parser = ["error", "shorten"])]
    overflow: Option<String>,
    #[arg(long)]
    dry_run: bool,
    #[arg(long, value_name = "FILE", conflicts_with_all = ["touser", "client_msg_id", "occurred_at", "overflow", "dry_run"])]
    from: Option<String>,
}

/// The built-in scenarios.
#[derive(Debug, Args)]
pub(crate) struct Catalogue {
    #[command(flatten)]
    reach: Reach,
}

const COLUMNS: [(&str, &str); 5] = [
    ("name", "name"),
    ("title", "title"),
    ("category", "category"),
    ("lane", "lane"),
    ("template_id", "template_id"),
];

pub(crate) async fn catalogue(context: &Context, args: &Catalogue) -> Result<Code> {
    let known = get(context, &args.reach, "/api/v1/catalogue").await?;
    table(context, &known, ("scenarios", &COLUMNS[..4]), "say.no_scenarios");
    Ok(Code::Done)
}

pub(crate) async fn run(context: &Context, scenario: Scenario) -> Result<Code> {
    match scenario {
        Scenario::List(all) => {
            let path = of_account("/api/v1/scenarios", all.appid.as_deref());
            table(
                context,
                &get(context, &all.reach, &path).await?,
                ("scenarios", &COLUMNS),
                "say.no_scenarios",
            );
        }
        Scenario::Show(named) => show(context, &get(context, &named.all.reach, &named.path()).await?),
        Scenario::Put(put) => store(context, &put).await?,
        Scenario::Delete(named) => {
            call(context, &named.all.reach, (Method::DELETE, &named.path(), JSON), "").await?;
        }
        Scenario::Bind(bind) => {
            let path = format!("/api/v1/catalogue/{}/bind", escaped(&bind.named.name));
            let body = json!({ "appid": bind.named.all.appid, "template_id": bind.template_id }).to_string();
            show(context, &call(context, &bind.named.all.reach, (Method::POST, &path, JSON), body).await?);
        }
        Scenario::Stop(stop) => {
            let Named { name, all } = &stop.named;
            let path =
                format!("/api/v1/scenarios/{}/variants/{}/stop", escaped(name), escaped(&stop.variant));
            let path = of_account(&path, all.appid.as_deref());
            show(context, &call(context, &all.reach, (Method::POST, &path, JSON), "{}").await?);
        }
        Scenario::Trigger(trigger) => set_off(context, &trigger).await?,
    }
    Ok(Code::Done)
}

impl Named {
    fn path(&self) -> String {
        of_account(&format!("/api/v1/scenarios/{}", escaped(&self.name)), self.all.appid.as_deref())
    }
}

/// The file is a scenario, or what `bind` or `show` printed around one.
async fn store(context: &Context, put: &Put) -> Result<()> {
    let mut given: Value = serde_json::from_slice(&file(&put.file)?).with_context(|| put.file.clone())?;
    if given["scenario"].is_object() {
        given = given["scenario"].take();
    }
    let named = &put.named;
    if let (Some(appid), Some(scenario)) = (&named.all.appid, given.as_object_mut()) {
        scenario.insert("appid".to_owned(), json!(appid));
    }
    let path = format!("/api/v1/scenarios/{}", escaped(&named.name));
    let kept = call(context, &named.all.reach, (Method::PUT, &path, JSON), given.to_string()).await?;
    show(context, &kept);
    Ok(())
}

async fn set_off(context: &Context, trigger: &Trigger) -> Result<()> {
    let named = &trigger.named;
    let path = format!("/api/v1/scenarios/{}/trigger", escaped(&named.name));
    if let Some(from) = &trigger.from {
        return set_off_many(context, &named.all.reach, (&format!("{path}/batch"), from)).await;
    }
    let Some(touser) = &trigger.touser else {
        return Err(
            Failure::Usage(context.texts.fill("say.missing_argument", &[("arg", &"--touser")])).into()
        );
    };
    let params: Value = serde_json::from_str(&trigger.params).context("--params")?;
    let mut body = Map::from_iter([("touser".to_owned(), json!(touser)), ("params".to_owned(), params)]);
    let given = [
        ("appid", &named.all.appid),
        ("client_msg_id", &trigger.client_msg_id),
        ("occurred_at", &trigger.occurred_at),
        ("overflow", &trigger.overflow),
    ];
    body.extend(
        given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?)))),
    );
    if trigger.dry_run {
        body.insert("dry_run".to_owned(), json!(true));
    }
    let text = Value::Object(body).to_string();
    show(context, &call(context, &named.all.reach, (Method::POST, &path, JSON), text).await?);
    Ok(())
}

/// Every row's answer as it came: one JSON object a line, or one for an array.
async fn set_off_many(context: &Context, reach: &Reach, (path, from): (&str, &str)) -> Result<()> {
    let mut connection = reach.door(context)?.connect().await?;
    let reply = connection.call(Method::POST, path, form(from), file(from)?.into()).await?;
    if reply.status != 200 {
        crate::door::understood(context, &reply)?;
    }
    print::line(String::from_utf8_lossy(&reply.body).trim_end());
    Ok(())
}
