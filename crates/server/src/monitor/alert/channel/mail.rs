//! Of a channel that sends e-mail: its server and its mailboxes, as they are put in, checked and shown.

use hongyan_domain::alert::MailTls;
use hongyan_domain::{FieldCode, FieldError, says};
use hongyan_outgoing::{Failure, mail};
use hongyan_store::{Channel, MailWay, Way};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::request::field::{bad, keep, missing};

/// Mailboxes of one channel: people on duty; more of them are a list of the mail server.
const MAILBOXES_MAX: usize = 20;
/// Longest name of a host (RFC 1035), and of anything else here.
const TEXT_MAX: usize = 253;

/// By which mail server whom to tell.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AlertMail)]
pub(crate) struct MailBody {
    /// The mail server, like `smtp.example.com`.
    host: String,
    /// 465 for `implicit`, 587 for `starttls`, 25 for `none` if left out.
    port: Option<u16>,
    /// `implicit` (the default), `starttls`, or `none` for a relay beside us that wants no password.
    tls: Option<String>,
    /// As whom to log in; the password is the channel's `secret`. Left out: without.
    user: Option<String>,
    /// Whom letters come from: `name@example.com`, or `Name <name@example.com>`.
    from: String,
    /// Whom they go to: 1 to 20 of the same.
    to: Vec<String>,
}

impl MailBody {
    /// As it is kept; what cannot be read is a finding.
    pub(super) fn into_way(self, errors: &mut Vec<FieldError>) -> MailWay {
        let tls = self.tls.as_deref().map_or(Some(MailTls::Implicit), MailTls::parse);
        if tls.is_none() {
            errors.push(bad("mail.tls", "is not implicit, starttls or none"));
        }
        let tls = tls.unwrap_or(MailTls::Implicit);
        let Self { host, port, user, from, to, .. } = self;
        MailWay {
            host: host.trim().to_ascii_lowercase(),
            port: port.unwrap_or(tls.port()),
            tls,
            user: user.filter(|user| !user.is_empty()),
            from,
            to,
        }
    }

    /// As an admin sees it; `None`: this channel sends no e-mail.
    pub(super) fn of(channel: &Channel) -> Option<Self> {
        let Way::Mail(way) = &channel.way else { return None };
        let MailWay { host, port, tls, user, from, to } = way.clone();
        Some(Self { host, port: Some(port), tls: Some(tls.as_str().to_owned()), user, from, to })
    }
}

/// All that is wrong with it; `secret` is the password, if there is one.
pub(super) async fn check(app: &App, way: &MailWay, secret: Option<&str>, errors: &mut Vec<FieldError>) {
    check_login(way, secret, errors);
    if mail::check_mailbox(&way.from).is_err() {
        errors.push(bad("mail.from", "is no mailbox: write name@example.com or Name <name@example.com>"));
    }
    if !(1..=MAILBOXES_MAX).contains(&way.to.len()) {
        let message = says!(
            "has {given} mailboxes: give 1 to {allowed}",
            given = way.to.len(),
            allowed = MAILBOXES_MAX
        );
        errors.push(FieldError::new("mail.to", FieldCode::TooMany, message));
    }
    if let Some(nth) = way.to.iter().position(|to| mail::check_mailbox(to).is_err()) {
        let message =
            says!("is no mailbox at {nth}: write name@example.com or Name <name@example.com>", nth = nth + 1);
        errors.push(bad("mail.to", message));
    }
    keep(errors, check_host(app, way).await);
}

fn check_login(way: &MailWay, secret: Option<&str>, errors: &mut Vec<FieldError>) {
    let is_line = |text: &str| text.len() <= TEXT_MAX && !text.chars().any(char::is_control);
    if !way.user.iter().all(|user| is_line(user)) || !secret.into_iter().all(is_line) {
        errors.push(bad("mail.user", "or its password is longer than 253 bytes or has a control character"));
    }
    match (&way.user, secret) {
        (Some(_), None) => errors.push(missing("secret")),
        (None, Some(_)) => errors.push(missing("mail.user")),
        (Some(_), Some(_)) if way.tls == MailTls::None => {
            errors
                .push(bad("mail.tls", "is none: a password goes to the server by implicit or starttls only"));
        }
        _ => {}
    }
}

/// The same wall that stands before webhooks.
async fn check_host(app: &App, way: &MailWay) -> Result<(), FieldError> {
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
    if way.host.is_empty() || way.host.len() > TEXT_MAX || !way.host.chars().all(is_host) || way.port == 0 {
        return Err(bad(
            "mail.host",
            "is no name of a mail server like smtp.example.com, with a port from 1",
        ));
    }
    match app.engine().check_host(&way.host, way.port).await {
        // A name that is not known yet may be so later: the call asks again.
        Ok(()) | Err(Failure::Dns(_) | Failure::Timeout(_)) => Ok(()),
        Err(_) => Err(bad("mail.host", super::CLOSED)),
    }
}
