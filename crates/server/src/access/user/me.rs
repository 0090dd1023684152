//! Who calls: what a page needs to know before it shows anything, and what users change of themselves.

use axum::extract::State;
use hongyan_domain::{FieldCode, FieldError, Timestamp};
use hongyan_store::{Secret, UserAnswer, UserChange, check_password, generate_totp, totp_step};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{fits, hash, unknown_user};
use crate::access::auth::{Caller, MayRead};
use crate::answer::problem::{Code, Problem};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::request::body::Json;
use crate::request::field::{self, bad};

/// Whoever calls.
#[derive(Serialize, ToSchema)]
#[schema(as = Me)]
pub(crate) struct MeBody {
    /// The user's name; null: the holder of a key.
    name: Option<String>,
    /// `viewer`, `operator` or `admin`; null: the holder of a key.
    role: Option<&'static str>,
    /// The accounts they may see; empty: all.
    appids: Vec<String>,
    /// `zh` or `en`; null: as the browser asks.
    language: Option<String>,
    /// Whether a code is asked for at login.
    totp: bool,
    /// The session of this call.
    session: Option<String>,
    /// Until when the session lasts, if nothing is done in it.
    #[schema(value_type = Option<String>)]
    session_ends_at: Option<Timestamp>,
    /// The address that people outside, and WeChat, reach this server by.
    public_url: Option<String>,
    /// The version that runs.
    version: &'static str,
    /// The server's clock.
    #[schema(value_type = String)]
    now: Timestamp,
}

/// What a user changes of themselves; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MeChange {
    /// The password until now; needed for everything but the language.
    #[schema(value_type = Option<String>)]
    current_password: Option<Secret>,
    /// Another password; all other sessions end.
    #[schema(value_type = Option<String>)]
    password: Option<Secret>,
    /// `zh` or `en`.
    language: Option<String>,
    /// The second factor: `begin` gives a secret, `on` with secret and code uses it from now on, `off` does not.
    totp: Option<TotpChange>,
}

/// What is to become of the second factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, tag = "turn", rename_all = "snake_case")]
pub(crate) enum TotpChange {
    /// Draws a secret for the authenticator app. Nothing is kept of it yet.
    Begin,
    /// Asks for codes from now on.
    On {
        /// The secret that `begin` gave.
        #[schema(value_type = String)]
        secret: Secret,
        /// What the app shows: proof that it has the secret.
        code: String,
    },
    /// Asks for none any more.
    Off,
}

/// A secret for an authenticator app.
#[derive(Serialize, ToSchema)]
#[schema(as = TotpSecret)]
pub(crate) struct TotpBody {
    /// In base32, to be typed.
    secret: String,
    /// The same as a link, to be opened on the telephone.
    uri: String,
}

/// Who calls.
#[utoipa::path(get, path = "/api/v1/me", tag = "users",
    responses((status = 200, description = "Whoever calls", body = MeBody)))]
pub(crate) async fn show(MayRead(caller): MayRead, State(app): State<App>) -> Answer {
    answer::ok(&MeBody::of(&app, &caller))
}

/// Changes password, second factor or language of the user who calls.
#[utoipa::path(patch, path = "/api/v1/me", tag = "users", request_body = MeChange,
    responses((status = 200, description = "The user; for `begin` the secret", body = MeBody)))]
pub(crate) async fn change(
    MayRead(caller): MayRead,
    State(app): State<App>,
    Json(asked): Json<MeChange>,
) -> Answer {
    let Some((session, user)) = caller.user() else {
        return Err(Problem::new(Code::Forbidden, "a key is nobody: log in as a user"));
    };
    if matches!(asked.totp, Some(TotpChange::Begin)) {
        let secret = app.draw(generate_totp).expose().to_owned();
        let uri = format!("otpauth://totp/Hongyan:{}?secret={secret}&issuer=Hongyan", user.name);
        return answer::ok(&TotpBody { secret, uri });
    }
    if asked.password.is_some() || asked.totp.is_some() {
        let shown = asked.current_password.clone().unwrap_or(Secret::new(""));
        if !fits(&app, user.password.clone(), shown).await? {
            return Err(Problem::invalid(vec![bad("current_password", "is not the password until now")]));
        }
    }
    let change = read(&app, (&user.name, asked)).await?;
    let change = UserChange { keep: Some(session.id.clone()), ..change };
    match app.store_of(&caller).change_user(&user.name, change, app.now()).await? {
        UserAnswer::Done => {}
        UserAnswer::NotFound | UserAnswer::LastAdmin => return Err(unknown_user()),
    }
    app.live().recheck();
    let user = app.store().user(&user.name).await?.ok_or_else(unknown_user)?;
    answer::ok(&MeBody::of(&app, &Caller::of_user(session.clone(), user, None)))
}

async fn read(app: &App, (name, asked): (&str, MeChange)) -> Result<UserChange, Problem> {
    let mut errors = Vec::new();
    if let Some(password) = &asked.password {
        field::keep(&mut errors, check_password(password.expose(), name));
    }
    field::keep(&mut errors, check_language(asked.language.as_deref()));
    let totp = match asked.totp {
        Some(TotpChange::On { secret, code }) => {
            if totp_step(&secret, &code, app.now()).is_none() {
                errors.push(bad("totp.code", "is not the code of now: check the telephone's clock"));
            }
            Some(Some(secret))
        }
        Some(TotpChange::Off) => Some(None),
        Some(TotpChange::Begin) | None => None,
    };
    field::none_of(errors)?;
    let password = match asked.password {
        Some(password) => Some(hash(app, password).await?),
        None => None,
    };
    Ok(UserChange { password, totp, language: asked.language, ..UserChange::default() })
}

/// Checks a language.
pub(super) fn check_language(language: Option<&str>) -> Result<(), FieldError> {
    match language {
        None | Some("zh" | "en") => Ok(()),
        Some(_) => Err(FieldError::new("language", FieldCode::BadFormat, "is not known: zh or en")),
    }
}

impl MeBody {
    /// Of this caller.
    pub(crate) fn of(app: &App, caller: &Caller) -> Self {
        let catalog = app.engine().catalog();
        let appids = caller.accounts().iter().filter_map(|id| catalog.by_id(*id));
        let (session, user) = caller.user().unzip();
        Self {
            name: user.map(|user| user.name.clone()),
            role: user.map(|user| user.role.as_str()),
            appids: appids.map(|account| account.appid().to_string()).collect(),
            language: user.and_then(|user| user.language.clone()),
            totp: user.is_some_and(|user| user.totp.is_some()),
            session: session.map(|session| session.id.to_string()),
            session_ends_at: session.map(hongyan_store::Session::ends_at),
            public_url: app.settings().public_url.clone(),
            version: env!("CARGO_PKG_VERSION"),
            now: app.now(),
        }
    }
}
