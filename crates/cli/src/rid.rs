//! `rid`: what WeChat recorded of a call that it refused. Its body and query hold openids and a token: they are not shown.

use anyhow::Result;
use clap::Args;
use hongyan_domain::Timestamp;
use hongyan_wechat::errcode;
use serde_json::{Value, json};

use crate::context::Context;
use crate::exit::Code;
use crate::line::Line;
use crate::print;

#[derive(Debug, Args)]
pub(crate) struct Rid {
    rid: String,
    #[arg(long)]
    appid: Option<String>,
}

pub(crate) async fn run(context: &Context, args: &Rid) -> Result<Code> {
    let line = Line::open(context, &context.config()?, args.appid.as_deref()).await?;
    let report = line.client.rid(line.token().await?.expose(), &args.rid).await?;
    let at = Timestamp::from_ms(report.invoked_at_s.saturating_mul(1_000));
    let answer: Value = serde_json::from_str(&report.response_body).unwrap_or_default();
    let (errcode, errmsg) = (answer["errcode"].as_i64(), answer["errmsg"].as_str().unwrap_or_default());
    let row = errcode.and_then(errcode::lookup);
    let pick = |zh: &'static str, en: &'static str| context.texts.pick(zh, en).to_owned();
    let (meaning, advice) =
        (row.map(|row| pick(row.zh, row.en)), row.map(|row| pick(row.advice_zh, row.advice_en)));
    if context.is_for_machines() {
        print::json(&json!({
            "rid": args.rid, "appid": line.account.appid.as_str(), "invoked_at": at, "took_ms": report.cost_in_ms,
            "client_ip": report.client_ip, "errcode": errcode, "errmsg": errmsg, "meaning": meaning, "advice": advice,
        }));
        return Ok(Code::Done);
    }
    let code = errcode.map_or_else(|| "-".to_owned(), |code| code.to_string());
    context.say("say.rid_came", &[("at", &at), ("took_ms", &report.cost_in_ms), ("ip", &report.client_ip)]);
    context.say("say.rid_answered", &[("errcode", &code), ("errmsg", &errmsg)]);
    if let (Some(meaning), Some(advice)) = (meaning, advice) {
        context.say("say.rid_means", &[("meaning", &meaning), ("advice", &advice)]);
    }
    Ok(Code::Done)
}
