//! The way to WeChat for one account, for commands that call it without a running engine.

use anyhow::{Context as _, Result};
use hongyan_domain::Timestamp;
use hongyan_store::{Account, Action, Deed, Secret, Store, StoredToken, TokenSource};
use hongyan_wechat::{CallError, Client, Credential, ExposeSecret, Refresh};
use serde_json::Value;

use crate::config::Config;
use crate::context::Context;
use crate::local;

/// An account and the client that its calls take.
pub(crate) struct Line {
    pub(crate) store: Store,
    pub(crate) account: Account,
    pub(crate) client: Client,
}

impl Line {
    pub(crate) async fn open(context: &Context, config: &Config, appid: Option<&str>) -> Result<Self> {
        let store = local::open(context, config).await?;
        let account = local::account(context, &store, appid).await?;
        Self::of(store, account, &Client::new(config.wechat.clone())?)
    }

    /// By way of the account's proxy, where it has one.
    pub(crate) fn of(store: Store, account: Account, direct: &Client) -> Result<Self> {
        let client = match &account.proxy {
            Some(proxy) => direct.through_proxy(proxy.expose())?,
            None => direct.clone(),
        };
        Ok(Self { store, account, client })
    }

    /// Writes down what was done to the account at WeChat.
    pub(crate) async fn note(&self, action: Action, detail: Value) -> Result<()> {
        let (subject, account) = (self.account.appid.to_string(), Some(self.account.id));
        let deed = Deed { action, account, subject, detail, at: local::now() };
        self.store.note(deed).await.context("it was done at WeChat, and could not be written into the audit")
    }

    pub(crate) async fn token(&self) -> Result<Secret> {
        Ok(self.stored_token(local::now()).await??.value)
    }

    /// The token that is kept while it is good, which a running server uses too; otherwise a new one, kept for the
    /// others. Inside: WeChat's answer to the fetch.
    pub(crate) async fn stored_token(&self, now: Timestamp) -> Result<Result<StoredToken, CallError>> {
        let kept = self.store.tokens().await?.into_iter().find(|(account, _)| *account == self.account.id);
        if let Some((_, kept)) = kept.filter(|(_, kept)| now < kept.expires_at) {
            return Ok(Ok(kept));
        }
        let fetched = self.fetch(now).await;
        if let Ok(token) = &fetched {
            self.store.put_token(self.account.id, token.clone()).await?;
        }
        Ok(fetched)
    }

    async fn fetch(&self, now: Timestamp) -> Result<StoredToken, CallError> {
        let credential =
            Credential { appid: self.account.appid.as_str(), secret: self.account.secret.expose() };
        let token = match &self.account.token_source {
            TokenSource::Stable => self.client.stable_token(&credential, Refresh::Normal).await?,
            TokenSource::Classic => self.client.token(&credential).await?,
            TokenSource::Outside(url) => self.client.token_from(url).await?,
        };
        let value = Secret::new(token.value.expose_secret());
        Ok(StoredToken { value, fetched_at: now, expires_at: now.plus(token.expires_in) })
    }
}
