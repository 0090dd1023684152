//! The account's two industries, which open WeChat's old template library.

use axum::extract::State;
use hongyan_domain::FieldError;
use hongyan_store::Action;
use hongyan_wechat::Industry;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::answer::{self, Answer};
use crate::app::App;
use crate::auth::{MayAdmin, MayRead};
use crate::body::Json;
use crate::field::{self, bad};
use crate::path::Named;

/// WeChat numbers its industries from 1 to 41.
const INDUSTRIES: std::ops::RangeInclusive<u8> = 1..=41;

/// The industries set now.
#[derive(Serialize, ToSchema)]
#[schema(as = Industries)]
pub(crate) struct IndustriesBody {
    primary: IndustryBody,
    secondary: IndustryBody,
}

/// An industry by WeChat's names.
#[derive(Serialize, ToSchema)]
#[schema(as = Industry)]
pub(crate) struct IndustryBody {
    /// 一级行业
    first_class: String,
    /// 二级行业
    second_class: String,
}

/// Both industries by WeChat's numbers, 1 to 41.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IndustryRequest {
    primary: u8,
    secondary: u8,
}

/// Asks WeChat for the account's industries.
#[utoipa::path(get, path = "/api/v1/accounts/{appid}/industry", tag = "templates",
    responses((status = 200, description = "The industries", body = IndustriesBody)))]
pub(crate) async fn show_industry(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Named(appid): Named<String>,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    let token = app.engine().token(&account).await?;
    let industries = account.client.get_industry(token.value.expose()).await?;
    let body = |Industry { first_class, second_class }| IndustryBody { first_class, second_class };
    answer::ok(&IndustriesBody { primary: body(industries.primary), secondary: body(industries.secondary) })
}

/// Sets both industries. WeChat allows it once a month, and deletes the templates of an industry that is left.
#[utoipa::path(put, path = "/api/v1/accounts/{appid}/industry", tag = "templates", request_body = IndustryRequest,
    responses((status = 204, description = "They are set")))]
pub(crate) async fn set_industry(
    MayAdmin(caller): MayAdmin,
    State(app): State<App>,
    Named(appid): Named<String>,
    Json(asked): Json<IndustryRequest>,
) -> Answer {
    let account = app.account(&caller, &appid)?;
    let errors = [("primary", asked.primary), ("secondary", asked.secondary)].into_iter().filter_map(fault);
    field::none_of(errors.collect())?;
    let token = app.engine().token(&account).await?;
    account.client.set_industry(token.value.expose(), asked.primary, asked.secondary).await?;
    let detail = json!({ "primary": asked.primary, "secondary": asked.secondary });
    app.note(&caller, (Action::IndustrySet, &account), detail).await?;
    answer::done()
}

fn fault((name, number): (&'static str, u8)) -> Option<FieldError> {
    (!INDUSTRIES.contains(&number)).then(|| bad(name, "is not an industry of WeChat's: 1 to 41"))
}
