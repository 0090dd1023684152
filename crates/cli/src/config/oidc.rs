//! The house's identity provider.

use hongyan_outgoing::Target;
use hongyan_server::Oidc;
use hongyan_store::{Role, Secret};

use super::read::Reader;

/// Where it sends browsers back to, behind the public URL.
const CALLBACK: &str = "/api/v1/login/oidc/callback";

/// `None`: there is none.
pub(super) fn read(reader: &mut Reader<'_>, public_url: Option<&str>) -> Option<Oidc> {
    let (issuer, client_id) = (reader.text("oidc.issuer"), reader.text("oidc.client_id"));
    let secret = Secret::new(reader.text("oidc.client_secret"));
    let (button, name_claim) = (reader.text("oidc.button"), reader.text("oidc.name_claim"));
    let role_claim = reader.text("oidc.role_claim");
    let keys =
        [("oidc.admins", Role::Admin), ("oidc.operators", Role::Operator), ("oidc.viewers", Role::Viewer)];
    let mut roles = Vec::new();
    for (key, role) in keys {
        roles.extend(reader.texts(key).into_iter().map(|value| (value, role)));
    }
    if issuer.is_empty() {
        return None;
    }
    if !is_safe(&issuer) {
        reader.wrong("oidc.issuer", reader.texts.get("config.allowed_issuer"));
    }
    if client_id.is_empty() {
        reader.wrong("oidc.client_id", reader.texts.get("config.allowed_client_id"));
    }
    if roles.is_empty() {
        reader.wrong("oidc.admins", reader.texts.get("config.allowed_roles"));
    }
    if public_url.is_none() {
        reader.wrong("http.public_url", reader.texts.get("config.allowed_url_for_oidc"));
    }
    Some(Oidc {
        issuer,
        client_id,
        client_secret: Some(secret).filter(|secret| !secret.expose().is_empty()),
        redirect_uri: format!("{}{CALLBACK}", public_url.unwrap_or_default()),
        button,
        name_claim,
        role_claim,
        roles,
    })
}

/// By https, or on this machine: what it says decides who is let in.
fn is_safe(issuer: &str) -> bool {
    let Ok(target) = Target::parse(issuer) else { return false };
    issuer.starts_with("https://") || ["127.0.0.1", "::1", "localhost"].contains(&target.host())
}
