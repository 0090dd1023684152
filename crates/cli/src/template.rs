//! `template`: an account's templates, at WeChat and as they are kept here; its industries.

use anyhow::Result;
use clap::{Args, Subcommand};
use hongyan_domain::Template as Parsed;
use hongyan_domain::industry::may_change;
use hongyan_domain::template::TEMPLATES_MAX;
use hongyan_store::{Action, Secret, StoredTemplate, TemplateNotice};
use hongyan_wechat::PrivateTemplate;
use serde_json::json;

use crate::config::Config;
use crate::context::Context;
use crate::exit::{Code, Failure};
use crate::line::Line;
use crate::{application, local, print};

/// Notices in one list; older ones are in the API.
const NOTICES: usize = 100;

#[derive(Debug, Subcommand)]
pub(crate) enum Template {
    List(Named),
    Sync(Named),
    Add(Add),
    Delete(Delete),
    Notices(Named),
    Industry(Industry),
    Industries,
    #[command(flatten)]
    Application(application::Command),
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    #[arg(long)]
    appid: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    #[arg(long)]
    appid: Option<String>,
    #[arg(long)]
    short_id: String,
    #[arg(long, value_delimiter = ',')]
    keywords: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    #[arg(long)]
    appid: Option<String>,
    #[arg(long)]
    template_id: String,
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Industry {
    #[arg(long)]
    appid: Option<String>,
    #[arg(long, requires = "secondary", value_parser = clap::value_parser!(u8).range(1..=41))]
    primary: Option<u8>,
    #[arg(long, requires = "primary", value_parser = clap::value_parser!(u8).range(1..=41))]
    secondary: Option<u8>,
    #[arg(long, requires = "primary")]
    force: bool,
}

pub(crate) async fn run(context: &Context, template: Template) -> Result<Code> {
    let config = context.config()?;
    match template {
        Template::List(named) => list(context, &config, named.appid.as_deref()).await,
        Template::Sync(named) => sync(context, &config, named.appid.as_deref()).await,
        Template::Add(add) => put(context, &config, &add).await,
        Template::Delete(delete) => remove(context, &config, &delete).await,
        Template::Notices(named) => notices(context, &config, named.appid.as_deref()).await,
        Template::Industry(industry) => work(context, &config, &industry).await,
        Template::Industries => Ok(industries(context)),
        Template::Application(command) => application::run(context, &config, command).await,
    }
}

async fn list(context: &Context, config: &Config, appid: Option<&str>) -> Result<Code> {
    let store = local::open(context, config).await?;
    let account = local::account(context, &store, appid).await?;
    let templates = store.templates(account.id).await?;
    if context.is_for_machines() {
        print::json(&json!({ "templates": templates.iter().map(shown).collect::<Vec<_>>() }));
        return Ok(Code::Done);
    }
    let row = |stored: &StoredTemplate| {
        let fields: Vec<_> =
            parsed(stored).fields.iter().map(|field| format!("{} {}", field.name, field.label)).collect();
        vec![stored.template_id.clone(), stored.title.clone(), fields.join("\n")]
    };
    let rows = templates.iter().map(row).collect();
    context.table_or("say.no_templates", &["template_id", "title", "fields"], rows);
    Ok(Code::Done)
}

fn parsed(stored: &StoredTemplate) -> Parsed {
    Parsed::parse(stored.template_id.as_str(), &stored.title, &stored.content)
}

fn shown(stored: &StoredTemplate) -> serde_json::Value {
    json!({
        "template_id": stored.template_id,
        "title": stored.title,
        "content": stored.content,
        "fields": parsed(stored).fields,
        "primary_industry": stored.primary_industry,
        "deputy_industry": stored.deputy_industry,
    })
}

async fn sync(context: &Context, config: &Config, appid: Option<&str>) -> Result<Code> {
    let line = Line::open(context, config, appid).await?;
    let token = line.token().await?;
    read_templates(context, &line, (&token, None)).await
}

async fn put(context: &Context, config: &Config, add: &Add) -> Result<Code> {
    let line = Line::open(context, config, add.appid.as_deref()).await?;
    if line.store.templates(line.account.id).await?.len() >= TEMPLATES_MAX {
        return Err(Failure::Failed(context.texts.get("say.library_full").to_owned()).into());
    }
    let token = line.token().await?;
    let keywords: Vec<_> = add.keywords.iter().map(String::as_str).collect();
    let template_id = line.client.add_template(token.expose(), &add.short_id, &keywords).await?;
    line.note(Action::TemplateAdd, json!({ "template_id": template_id, "short_id": add.short_id })).await?;
    context.say("say.template_added", &[("id", &template_id)]);
    read_templates(context, &line, (&token, Some(&template_id))).await
}

async fn remove(context: &Context, config: &Config, delete: &Delete) -> Result<Code> {
    let line = Line::open(context, config, delete.appid.as_deref()).await?;
    let used_by = if delete.force { Vec::new() } else { scenarios_of(&line, &delete.template_id).await? };
    if !used_by.is_empty() {
        let words = context.texts.fill("say.template_in_use", &[("scenarios", &used_by.join(", "))]);
        return Err(Failure::Failed(words).into());
    }
    let token = line.token().await?;
    line.client.delete_template(token.expose(), &delete.template_id).await?;
    line.note(Action::TemplateDelete, json!({ "template_id": delete.template_id })).await?;
    read_templates(context, &line, (&token, Some(&delete.template_id))).await
}

/// The names of the account's scenarios that fill this template.
async fn scenarios_of(line: &Line, template_id: &str) -> Result<Vec<String>> {
    let all = line.store.scenarios().await?.into_iter().filter(|one| one.account == line.account.id);
    let fills = |definition: &str| {
        let scenario = serde_json::from_str::<serde_json::Value>(definition);
        scenario.is_ok_and(|scenario| scenario["template_id"] == template_id)
    };
    Ok(all.filter(|one| fills(&one.definition)).map(|one| one.name).collect())
}

async fn work(context: &Context, config: &Config, industry: &Industry) -> Result<Code> {
    let line = Line::open(context, config, industry.appid.as_deref()).await?;
    if let (Some(primary), Some(secondary)) = (industry.primary, industry.secondary) {
        if !industry.force {
            refuse_early(context, &line).await?;
        }
        let codes = (primary, secondary);
        line.client.set_industry(line.token().await?.expose(), primary, secondary).await?;
        line.store.put_industry_change(line.account.id, codes, local::now()).await?;
        line.store.put_industries(line.account.id, codes).await?;
    }
    let token = line.token().await?;
    let industries = line.client.get_industry(token.expose()).await?;
    let words =
        |industry: &hongyan_wechat::Industry| format!("{} / {}", industry.first_class, industry.second_class);
    let (primary, secondary) = (words(&industries.primary), words(&industries.secondary));
    if context.is_for_machines() {
        print::json(&json!({ "primary": primary, "secondary": secondary }));
    }
    context.say("say.industries", &[("primary", &primary), ("secondary", &secondary)]);
    Ok(Code::Done)
}

/// WeChat takes one change a month.
async fn refuse_early(context: &Context, line: &Line) -> Result<()> {
    let last = line.store.industry_changed_at(line.account.id).await?;
    let words = |day: &str| context.texts.fill("say.industry_too_early", &[("day", &day)]);
    Ok(may_change(last, local::now()).map_err(|from| Failure::Failed(words(&from.day_text())))?)
}

fn industries(context: &Context) -> Code {
    let all = hongyan_domain::industry::all();
    if context.is_for_machines() {
        print::json(&json!({ "industries": all }));
        return Code::Done;
    }
    let texts = &context.texts;
    let row = |industry: &hongyan_domain::industry::Industry| {
        let primary = texts.pick(industry.primary_zh, industry.primary_en).to_owned();
        let secondary = texts.pick(industry.secondary_zh, industry.secondary_en).to_owned();
        vec![industry.code.to_string(), primary, secondary]
    };
    context.table(&["code", "primary", "secondary"], all.iter().map(row).collect());
    Code::Done
}

async fn notices(context: &Context, config: &Config, appid: Option<&str>) -> Result<Code> {
    let store = local::open(context, config).await?;
    let account = local::account(context, &store, appid).await?;
    let notices = store.template_notices(account.id, None, NOTICES).await?;
    if context.is_for_machines() {
        let notices = notices.iter().map(|one| {
            json!({ "id": one.id.to_string(), "at": one.at, "template_id": one.template_id, "title": one.title,
                "kind": one.kind.as_str(), "changed": one.changed })
        });
        print::json(&json!({ "notices": notices.collect::<Vec<_>>() }));
        return Ok(Code::Done);
    }
    let row = |one: &TemplateNotice| {
        let what = [one.kind.as_str().to_owned(), one.changed.join(", ")].join(" ");
        vec![one.at.to_string(), what.trim_end().to_owned(), one.template_id.clone(), one.title.clone()]
    };
    context.table(&["at", "what", "template_id", "title"], notices.iter().map(row).collect());
    Ok(Code::Done)
}

async fn read_templates(
    context: &Context,
    line: &Line,
    (token, ours): (&Secret, Option<&str>),
) -> Result<Code> {
    let listed = line.client.list_templates(token.expose()).await?;
    let count = listed.len();
    let templates = listed.into_iter().map(stored).collect();
    let changes = line.store.sync_templates_after(line.account.id, ours, templates, local::now()).await?;
    let (added, changed, removed) = (changes.added.len(), changes.changed.len(), changes.removed.len());
    if context.is_for_machines() {
        let all = json!({ "count": count, "added": changes.added, "changed": changes.changed, "removed": changes.removed });
        print::json(&all);
    }
    let values: [(&str, &dyn std::fmt::Display); 4] =
        [("count", &count), ("added", &added), ("changed", &changed), ("removed", &removed)];
    context.say("say.templates_read", &values);
    Ok(Code::Done)
}

fn stored(listed: PrivateTemplate) -> StoredTemplate {
    StoredTemplate {
        template_id: listed.template_id,
        title: listed.title,
        content: listed.content,
        example: listed.example,
        primary_industry: listed.primary_industry,
        deputy_industry: listed.deputy_industry,
    }
}
