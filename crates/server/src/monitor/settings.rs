//! What this installation runs with.

use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::access::auth::MayAdmin;
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::{App, InForce};

/// Every setting in force.
#[derive(Serialize, ToSchema)]
#[schema(as = Settings)]
pub(crate) struct SettingsBody<'a> {
    /// Of this build.
    version: &'static str,
    /// In the order of the manual, `config.default.toml`.
    settings: Vec<SettingBody<'a>>,
}

/// One setting.
#[derive(Serialize, ToSchema)]
#[schema(as = Setting)]
pub(crate) struct SettingBody<'a> {
    /// Like `http.listen`.
    key: &'a str,
    /// A text, a number, or a list of texts; of a secret only whether there is one.
    #[schema(value_type = Object)]
    value: &'a Value,
    /// `default`, a file, or a variable of the environment.
    source: &'a str,
}

/// Shows what this installation runs with, and who says so. They are read when it starts; secrets are not shown.
#[utoipa::path(get, path = "/api/v1/settings", tag = "operation",
    responses((status = 200, description = "The settings", body = SettingsBody<'_>)))]
pub(crate) async fn show(MayAdmin(caller): MayAdmin, State(app): State<App>) -> Answer {
    if !caller.is_for_all() {
        return Err(Problem::new(Code::Forbidden, "the settings are seen by whoever is for all accounts"));
    }
    let settings = app.settings().in_force.iter().map(SettingBody::of).collect();
    answer::ok(&SettingsBody { version: env!("CARGO_PKG_VERSION"), settings })
}

impl<'a> SettingBody<'a> {
    fn of(one: &'a InForce) -> Self {
        Self { key: &one.key, value: &one.value, source: &one.source }
    }
}
