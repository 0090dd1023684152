//! `user`: the people who use the console.

use std::io::{BufRead, IsTerminal, stdin};

use anyhow::Result;
use clap::{Args, Subcommand};
use hongyan_domain::{AccountId, Timestamp};
use hongyan_store::{
    NewUser, PasswordHash, Role, Salt, Secret, Store, StoreError, User as Kept, UserAnswer, UserChange,
    check_password,
};
use serde_json::json;

use crate::context::Context;
use crate::exit::{Code, Failure};
use crate::{local, print};

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    Add(Add),
    List,
    Disable(Named),
    Enable(Named),
    Password(Password),
    Role(RoleArgs),
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    #[arg(value_name = "NAME")]
    name: String,
    #[arg(long, value_parser = ["viewer", "operator", "admin"], default_value = "viewer")]
    role: String,
    #[arg(long, value_delimiter = ',', value_name = "APPID")]
    account: Vec<String>,
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(Debug, Args)]
pub(crate) struct Password {
    #[arg(value_name = "NAME")]
    name: String,
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RoleArgs {
    #[arg(value_name = "NAME")]
    name: String,
    #[arg(value_parser = ["viewer", "operator", "admin"])]
    role: String,
}

pub(crate) async fn run(context: &Context, user: User) -> Result<Code> {
    let store = local::open(context, &context.config()?).await?;
    match user {
        User::Add(add) => make(context, &store, add).await,
        User::List => list(context, &store).await,
        User::Disable(named) => {
            let change = UserChange { disabled: Some(true), ..UserChange::default() };
            alter(context, &store, &named.name, change).await
        }
        User::Enable(named) => {
            let change = UserChange { disabled: Some(false), ..UserChange::default() };
            alter(context, &store, &named.name, change).await
        }
        User::Password(asked) => {
            let (password, drawn) = password(context, &asked.name, asked.password_stdin)?;
            let change = UserChange { password: Some(password), ..UserChange::default() };
            let code = alter(context, &store, &asked.name, change).await?;
            tell(context, &asked.name, drawn.as_ref());
            Ok(code)
        }
        User::Role(asked) => {
            let change = UserChange { role: Role::parse(&asked.role), ..UserChange::default() };
            alter(context, &store, &asked.name, change).await
        }
    }
}

async fn make(context: &Context, store: &Store, add: Add) -> Result<Code> {
    let mut accounts = Vec::new();
    for appid in &add.account {
        accounts.push(local::account(context, store, Some(appid)).await?.id);
    }
    let (password, drawn) = password(context, &add.name, add.password_stdin)?;
    let role = Role::parse(&add.role).unwrap_or(Role::Viewer);
    let new = NewUser { name: add.name.clone(), password, role, accounts, language: None };
    if !store.put_user(new, local::now()).await? {
        return Err(Failure::Usage(context.texts.fill("say.user_exists", &[("name", &add.name)])).into());
    }
    context.say("say.user_made", &[("name", &add.name), ("role", &add.role)]);
    tell(context, &add.name, drawn.as_ref());
    Ok(Code::Done)
}

/// The password from standard input, or one that is drawn and shown once.
fn password(context: &Context, name: &str, from_stdin: bool) -> Result<(PasswordHash, Option<Secret>)> {
    let (password, drawn) = if from_stdin {
        if stdin().is_terminal() {
            context.say("say.user_type_password", &[]);
        }
        let mut line = String::new();
        stdin().lock().read_line(&mut line)?;
        (Secret::new(line.trim_end_matches(['\r', '\n'])), false)
    } else {
        // Two thirds of a token: 128 bits, and short enough to type.
        let token = hongyan_store::SessionToken::generate(&mut local::chance());
        (Secret::new(token.expose().chars().take(32).collect::<String>()), true)
    };
    check_password(password.expose(), name).map_err(|fault| StoreError::Fields(vec![fault]))?;
    let hash = PasswordHash::of(&password, &Salt::generate(&mut local::chance()))?;
    Ok((hash, drawn.then_some(password)))
}

/// Shows a password that was drawn.
fn tell(context: &Context, name: &str, drawn: Option<&Secret>) {
    match drawn {
        Some(password) if context.is_for_machines() => {
            print::json(&json!({ "name": name, "password": password.expose() }));
        }
        Some(password) => {
            print::line(password.expose());
            context.say("say.password_once", &[]);
        }
        None if context.is_for_machines() => print::json(&json!({ "name": name })),
        None => {}
    }
}

async fn alter(context: &Context, store: &Store, name: &str, change: UserChange) -> Result<Code> {
    match store.change_user(name, change, local::now()).await? {
        UserAnswer::Done => {
            context.say("say.user_changed", &[("name", &name)]);
            Ok(Code::Done)
        }
        UserAnswer::NotFound => Err(context.not_found("say.no_user", &name).into()),
        UserAnswer::LastAdmin => {
            Err(Failure::Usage(context.texts.fill("say.last_admin", &[("name", &name)])).into())
        }
    }
}

async fn list(context: &Context, store: &Store) -> Result<Code> {
    let users = store.users().await?;
    if context.is_for_machines() {
        print::json(&json!({ "users": users.iter().map(shown).collect::<Vec<_>>() }));
        return Ok(Code::Done);
    }
    let time = |at: Option<Timestamp>| at.map_or_else(|| "–".to_owned(), |at| at.to_string());
    let row = |user: &Kept| {
        let live = if user.disabled_at.is_none() { "say.live" } else { "say.ended" };
        let role = user.role.as_str().to_owned();
        vec![user.name.clone(), role, context.texts.get(live).to_owned(), time(user.last_login_at)]
    };
    context.table_or(
        "say.no_users",
        &["name", "role", "state", "last_login_at"],
        users.iter().map(row).collect(),
    );
    Ok(Code::Done)
}

fn shown(user: &Kept) -> serde_json::Value {
    json!({
        "name": user.name,
        "role": user.role.as_str(),
        "accounts": user.accounts.iter().map(|AccountId(number)| number).collect::<Vec<_>>(),
        "totp": user.totp.is_some(),
        "disabled_at": user.disabled_at,
        "created_at": user.created_at,
        "last_login_at": user.last_login_at,
    })
}
