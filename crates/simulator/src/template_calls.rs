//! template/*: industries, the account's templates, and the messages that the platform stopped.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::account::Blocked;
use crate::errcode::Refusal;
use crate::send_body::has_escapes;
use crate::template::Template;
use crate::wire::{Call, Reply};

pub(crate) fn read<'a, T: Deserialize<'a>>(call: &Call<'a>) -> Result<T, Refusal> {
    if call.request.body.is_empty() {
        return Err(Refusal::of(44002));
    }
    serde_json::from_slice(call.request.body).map_err(|_| Refusal::of(47001))
}

/// A code that WeChat writes as a string and some callers as a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Code {
    Text(String),
    Number(u64),
}

impl Code {
    fn number(&self) -> u64 {
        match self {
            Code::Text(text) => text.parse().unwrap_or(0),
            Code::Number(number) => *number,
        }
    }
}

#[derive(Deserialize)]
struct SetIndustry {
    industry_id1: Code,
    industry_id2: Code,
}

pub(crate) fn set_industry(call: &Call<'_>) -> Result<Reply, Refusal> {
    let body: SetIndustry = read(call)?;
    let (primary, secondary) = (body.industry_id1.number(), body.industry_id2.number());
    call.account.industry.lock().choose(primary, secondary, call.now_ms)?;
    Ok(Reply::ok())
}

pub(crate) fn get_industry(call: &Call<'_>) -> Reply {
    let [primary, secondary] = call.account.industry.lock().names();
    let class = |(first, second): (&str, &str)| {
        format!("{{\"first_class\":\"{first}\",\"second_class\":\"{second}\"}}")
    };
    let (primary, secondary) = (class(primary), class(secondary));
    Reply::text(format!("{{\"primary_industry\":{primary},\"secondary_industry\":{secondary}}}"))
}

#[derive(Deserialize)]
struct AddTemplate {
    template_id_short: String,
    #[serde(default)]
    keyword_name_list: Vec<String>,
}

pub(crate) fn add(call: &Call<'_>) -> Result<Reply, Refusal> {
    let body: AddTemplate = read(call)?;
    if has_escapes(call.request.body) {
        // Seen live: escaped keywords are not understood.
        return Err(Refusal::of(40246));
    }
    let seed = call.account.next_template_seed();
    let mut templates = call.account.templates.write();
    let template_id = templates.add_from_library(&body.template_id_short, &body.keyword_name_list, seed)?;
    Ok(Reply::text(format!("{{\"errcode\":0,\"errmsg\":\"ok\",\"template_id\":\"{template_id}\"}}")))
}

#[derive(Serialize)]
struct Listed<'a> {
    template_id: &'a str,
    title: &'a str,
    primary_industry: &'a str,
    deputy_industry: &'a str,
    content: &'a str,
    example: &'a str,
}

/// Category templates carry no industry.
pub(crate) fn list(call: &Call<'_>) -> Reply {
    let [(first_class, second_class), _] = call.account.industry.lock().names();
    let templates = call.account.templates.read();
    let listed = |template: &Template| {
        let (first, second) = if template.is_of_category() { ("", "") } else { (first_class, second_class) };
        serde_json::to_string(&Listed {
            template_id: &template.template_id,
            title: &template.title,
            primary_industry: first,
            deputy_industry: second,
            content: &template.content,
            example: &template.example,
        })
    };
    let all: Vec<String> = templates.all().iter().filter_map(|template| listed(template).ok()).collect();
    Reply::text(format!("{{\"template_list\":[{}]}}", all.join(",")))
}

#[derive(Deserialize)]
struct DeleteTemplate {
    template_id: String,
}

pub(crate) fn delete(call: &Call<'_>) -> Result<Reply, Refusal> {
    let body: DeleteTemplate = read(call)?;
    call.account.templates.write().remove(&body.template_id)?;
    Ok(Reply::ok())
}

#[derive(Deserialize)]
struct BlockedQuery {
    tmpl_msg_id: String,
    #[serde(default)]
    largest_id: usize,
    #[serde(default)]
    limit: usize,
}

/// A page of at most 100, from after `largest_id` on.
pub(crate) fn blocked_messages(call: &Call<'_>) -> Result<Reply, Refusal> {
    const PAGE: usize = 100;
    let query: BlockedQuery = read(call)?;
    let blocked = call.account.blocked.lock();
    let of_template = |(_, message): &(usize, &Blocked)| *message.template_id == *query.tmpl_msg_id;
    let all = blocked.iter().enumerate().filter(of_template);
    let page = all.filter(|(index, _)| index + 1 > query.largest_id).take(query.limit.min(PAGE));
    let page: Vec<String> = page.map(|(index, message)| blocked_message(index + 1, message)).collect();
    Ok(Reply::text(format!("{{\"errcode\":0,\"errmsg\":\"ok\",\"msginfo\":[{}]}}", page.join(","))))
}

fn blocked_message(id: usize, message: &Blocked) -> String {
    json!({
        "id": id,
        "tmpl_msg_id": *message.template_id,
        "title": *message.title,
        "content": *message.content,
        "send_timestamp": message.at_seconds,
        "openid": *message.openid,
    })
    .to_string()
}
