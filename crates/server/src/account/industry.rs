//! WeChat's industries, and the account's two, which open its old template library.

use axum::extract::State;
use hongyan_domain::industry::{self, may_change};
use hongyan_domain::{FieldError, Timestamp, says};
use hongyan_wechat::Industry;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::auth::{MayAdmin, MayRead};
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::Json;
use crate::request::field::{self, bad};
use crate::request::path::Named;

/// All industries.
#[derive(Serialize, ToSchema)]
#[schema(as = IndustryTable)]
pub(crate) struct TableBody {
    /// By code; each with `code`, `primary_zh`, `secondary_zh`, `primary_en`, `secondary_en`.
    #[schema(value_type = Vec<Object>)]
    industries: &'static [industry::Industry],
}

/// The industries set now.
#[derive(Serialize, ToSchema)]
#[schema(as = Industries)]
pub(crate) struct IndustriesBody {
    primary: IndustryBody,
    secondary: IndustryBody,
    /// When we changed them last; null: never from here.
    #[schema(value_type = Option<String>)]
    changed_at: Option<Timestamp>,
    /// From when WeChat is expected to take another change; null: now.
    #[schema(value_type = Option<String>)]
    allowed_at: Option<Timestamp>,
}

/// An industry by WeChat's names.
#[derive(Serialize, ToSchema)]
#[schema(as = Industry)]
pub(crate) struct IndustryBody {
    /// Its number; null: a name that is not in the table.
    code: Option<u8>,
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
    /// Ask WeChat even where the month is not over.
    #[serde(default)]
    force: bool,
}

/// Lists WeChat's 41 industries with their codes, in Chinese and English.
#[utoipa::path(get, path = "/api/v1/industries", tag = "templates",
    responses((status = 200, description = "The industries", body = TableBody)))]
pub(crate) async fn list_industries(MayRead(_caller): MayRead) -> Answer {
    answer::ok(&TableBody { industries: industry::all() })
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
    let changed_at = app.store().industry_changed_at(account.id()).await?;
    answer::ok(&IndustriesBody {
        primary: industries.primary.into(),
        secondary: industries.secondary.into(),
        changed_at,
        allowed_at: may_change(changed_at, app.now()).err(),
    })
}

/// Sets both industries. WeChat allows it once a month, and deletes the templates of an industry that is left: sync
/// them afterwards. A change that comes too early is 409 with `allowed_at`; `"force": true` asks WeChat all the same.
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
    let _alone = app.changing().await;
    if !asked.force {
        let last = app.store().industry_changed_at(account.id()).await?;
        may_change(last, app.now()).map_err(too_early)?;
    }
    app.engine().by(caller.actor()).set_industry(&account, (asked.primary, asked.secondary)).await?;
    answer::done()
}

fn fault((name, number): (&'static str, u8)) -> Option<FieldError> {
    let unknown = industry::of_code(number).is_none();
    unknown.then(|| bad(name, "is not an industry of WeChat's: 1 to 41, see /api/v1/industries"))
}

fn too_early(allowed_at: Timestamp) -> Problem {
    let day = allowed_at.day_text();
    let detail = says!(
        "the industries were changed this month, and WeChat takes one change a month: again from {day} on, or with \
         `\"force\": true` if WeChat is to decide",
        day
    );
    Problem::new(Code::TooSoon, detail).allowed_at(allowed_at)
}

impl From<Industry> for IndustryBody {
    fn from(Industry { first_class, second_class }: Industry) -> Self {
        let code = industry::of_second_class(&second_class).map(|industry| industry.code);
        Self { code, first_class, second_class }
    }
}
