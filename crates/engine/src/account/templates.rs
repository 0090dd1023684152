//! An account's templates: read from WeChat, kept in the store, parsed once.

use hongyan_domain::template::Template;
use hongyan_store::{Changes, StoredTemplate};
use hongyan_wechat::PrivateTemplate;

use crate::account::catalog::Account;
use crate::{Engine, EngineError};

/// Parses what the store keeps of a template.
pub(crate) fn parse(stored: &StoredTemplate) -> Template {
    let mut template = Template::parse(stored.template_id.as_str(), &stored.title, &stored.content);
    template.example.clone_from(&stored.example);
    template.primary_industry.clone_from(&stored.primary_industry);
    template.deputy_industry.clone_from(&stored.deputy_industry);
    template
}

impl Engine {
    /// Makes our list of an account's templates equal to WeChat's. What others did there is noted.
    pub async fn sync_templates(&self, account: &Account) -> Result<Changes, EngineError> {
        self.sync_after(account, None).await
    }

    async fn sync_after(&self, account: &Account, ours: Option<&str>) -> Result<Changes, EngineError> {
        let token = self.token(account).await?;
        let listed = account.client.list_templates(token.value.expose()).await?;
        let templates = listed.into_iter().map(stored).collect();
        let store = self.shared.store.by(self.actor.clone());
        let changes = store.sync_templates_after(account.id(), ours, templates, self.now()).await?;
        self.reload().await?;
        Ok(changes)
    }

    /// Adds a template of WeChat's library by its short id, with keywords in the wanted order; answers its id.
    pub async fn add_template(
        &self,
        account: &Account,
        short_id: &str,
        keywords: &[&str],
    ) -> Result<String, EngineError> {
        let token = self.token(account).await?;
        let template_id = account.client.add_template(token.value.expose(), short_id, keywords).await?;
        self.sync_after(account, Some(&template_id)).await?;
        Ok(template_id)
    }

    /// Deletes a template at WeChat and here.
    pub async fn delete_template(&self, account: &Account, template_id: &str) -> Result<(), EngineError> {
        let token = self.token(account).await?;
        account.client.delete_template(token.value.expose(), template_id).await?;
        self.sync_after(account, Some(template_id)).await?;
        Ok(())
    }
}

impl Engine {
    /// Sets both industries at WeChat and keeps the time: it allows that once a month. Whether it is time is the
    /// caller's to know ([`hongyan_domain::industry::may_change`]). WeChat deletes the templates of an industry that
    /// is left.
    pub async fn set_industry(
        &self,
        account: &Account,
        (primary, secondary): (u8, u8),
    ) -> Result<(), EngineError> {
        let token = self.token(account).await?;
        account.client.set_industry(token.value.expose(), primary, secondary).await?;
        let store = self.shared.store.by(self.actor.clone());
        store.put_industry_change(account.id(), (primary, secondary), self.now()).await?;
        Ok(())
    }
}

fn stored(template: PrivateTemplate) -> StoredTemplate {
    StoredTemplate {
        template_id: template.template_id,
        title: template.title,
        content: template.content,
        example: template.example,
        primary_industry: template.primary_industry,
        deputy_industry: template.deputy_industry,
    }
}
