//! `template`: an account's templates, at WeChat and as they are kept here.

use anyhow::Result;
use clap::{Args, Subcommand};
use hongyan_domain::Template as Parsed;
use hongyan_store::{Action, Secret, StoredTemplate};
use hongyan_wechat::PrivateTemplate;
use serde_json::json;

use crate::config::Config;
use crate::context::Context;
use crate::exit::Code;
use crate::line::Line;
use crate::{local, print};

#[derive(Debug, Subcommand)]
pub(crate) enum Template {
    List(Named),
    Sync(Named),
    Add(Add),
    Delete(Delete),
    Industry(Industry),
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
}

#[derive(Debug, Args)]
pub(crate) struct Industry {
    #[arg(long)]
    appid: Option<String>,
    #[arg(long, requires = "secondary", value_parser = clap::value_parser!(u8).range(1..=41))]
    primary: Option<u8>,
    #[arg(long, requires = "primary", value_parser = clap::value_parser!(u8).range(1..=41))]
    secondary: Option<u8>,
}

pub(crate) async fn run(context: &Context, template: Template) -> Result<Code> {
    let config = context.config()?;
    match template {
        Template::List(named) => list(context, &config, named.appid.as_deref()).await,
        Template::Sync(named) => sync(context, &config, named.appid.as_deref()).await,
        Template::Add(add) => put(context, &config, &add).await,
        Template::Delete(delete) => remove(context, &config, &delete).await,
        Template::Industry(industry) => work(context, &config, &industry).await,
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
    context.table(&["template_id", "title", "fields"], templates.iter().map(row).collect());
    if templates.is_empty() {
        context.say("say.no_templates", &[]);
    }
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
    read_templates(context, &line, &token).await
}

async fn put(context: &Context, config: &Config, add: &Add) -> Result<Code> {
    let line = Line::open(context, config, add.appid.as_deref()).await?;
    let token = line.token().await?;
    let keywords: Vec<_> = add.keywords.iter().map(String::as_str).collect();
    let template_id = line.client.add_template(token.expose(), &add.short_id, &keywords).await?;
    line.note(Action::TemplateAdd, json!({ "template_id": template_id, "short_id": add.short_id })).await?;
    context.say("say.template_added", &[("id", &template_id)]);
    read_templates(context, &line, &token).await
}

async fn remove(context: &Context, config: &Config, delete: &Delete) -> Result<Code> {
    let line = Line::open(context, config, delete.appid.as_deref()).await?;
    let token = line.token().await?;
    line.client.delete_template(token.expose(), &delete.template_id).await?;
    line.note(Action::TemplateDelete, json!({ "template_id": delete.template_id })).await?;
    read_templates(context, &line, &token).await
}

async fn work(context: &Context, config: &Config, industry: &Industry) -> Result<Code> {
    let line = Line::open(context, config, industry.appid.as_deref()).await?;
    let token = line.token().await?;
    if let (Some(primary), Some(secondary)) = (industry.primary, industry.secondary) {
        line.client.set_industry(token.expose(), primary, secondary).await?;
        line.note(Action::IndustrySet, json!({ "primary": primary, "secondary": secondary })).await?;
    }
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

async fn read_templates(context: &Context, line: &Line, token: &Secret) -> Result<Code> {
    let listed = line.client.list_templates(token.expose()).await?;
    let count = listed.len();
    let templates = listed.into_iter().map(stored).collect();
    let changes = line.store.sync_templates(line.account.id, templates, local::now()).await?;
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
