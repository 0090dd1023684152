//! The channels by which people are told; where they are is sealed.

use std::fmt;

use hongyan_domain::alert::{ChannelKind, MailTls};
use hongyan_domain::{Lang, Timestamp};
use rusqlite::params;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::seal::keyring::INSTALLATION;
use crate::seal::{Column, Place};
use crate::sqlite::row;
use crate::watch::alerts::deed;
use crate::watch::json::{corrupt, parse, written};
use crate::{Action, Result, Secret, Store};

/// Channels of an installation: each alert goes to each.
pub const CHANNELS_MAX: usize = 50;

/// By what people are told.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its name in URLs.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whose robot, a webhook, or e-mail.
    pub kind: ChannelKind,
    /// In which language it is told.
    pub lang: Lang,
    /// Whether it is told anything.
    pub enabled: bool,
    /// The host it is told by, for people.
    pub host: String,
    /// Where it is.
    pub way: Way,
    /// What calls are signed with; of a mail server the password.
    pub secret: Option<Secret>,
}

/// Where a channel is.
#[derive(Clone, Debug)]
pub enum Way {
    /// A URL; with robots it is the key as well.
    Url(Secret),
    /// A mail server, and mailboxes.
    Mail(MailWay),
}

/// By which mail server whom to tell.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailWay {
    /// The server's name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way to it is encrypted.
    pub tls: MailTls,
    /// As whom to log in; `None`: it wants no login.
    pub user: Option<String>,
    /// Whom letters come from.
    pub from: String,
    /// Whom they go to.
    pub to: Vec<String>,
}

/// Without mailboxes: they are of people.
impl fmt::Debug for MailWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, tls, .. } = self;
        f.debug_struct("MailWay")
            .field("host", host)
            .field("port", port)
            .field("tls", tls)
            .finish_non_exhaustive()
    }
}

/// What is no secret of a channel.
#[derive(Serialize, Deserialize)]
struct Open {
    name: String,
    kind: ChannelKind,
    english: bool,
    enabled: bool,
    host: String,
}

/// What is.
#[derive(Serialize, Deserialize)]
struct Sealed {
    #[serde(flatten)]
    way: SealedWay,
    secret: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SealedWay {
    Url(String),
    Mail(MailWay),
}

const CHANNELS: &str = "
SELECT id, channel, secrets
FROM alert_channel
WHERE account = 0
ORDER BY id";

const PUT_CHANNEL: &str = "
INSERT INTO alert_channel (account, id, channel, secrets, changed_at)
VALUES (0, ?1, ?2, ?3, ?4)
ON CONFLICT (account, id)
DO UPDATE SET channel = excluded.channel, secrets = excluded.secrets, changed_at = excluded.changed_at";

const DELETE_CHANNEL: &str = "
DELETE FROM alert_channel
WHERE account = 0
  AND id = ?1";

impl Store {
    /// All channels.
    pub async fn alert_channels(&self) -> Result<Vec<Channel>> {
        let shared = self.shared.clone();
        self.read(move |conn| {
            let mut channels = conn.prepare_cached(CHANNELS)?;
            row::all(channels.query([])?, |row| {
                let open: Open = parse(row, 1)?;
                let plain = shared
                    .keyring
                    .addresses()
                    .open(place(Column::ChannelSecrets), &row.get::<_, Vec<u8>>(2)?)?;
                let sealed: Sealed = serde_json::from_slice(&plain).map_err(corrupt)?;
                Ok(Channel {
                    id: row.get(0)?,
                    name: open.name,
                    kind: open.kind,
                    lang: if open.english { Lang::En } else { Lang::Zh },
                    enabled: open.enabled,
                    host: open.host,
                    way: match sealed.way {
                        SealedWay::Url(url) => Way::Url(Secret::new(url)),
                        SealedWay::Mail(mail) => Way::Mail(mail),
                    },
                    secret: sealed.secret.map(Secret::new),
                })
            })
        })
        .await
    }

    /// Puts a channel in the place of the one with its id.
    pub async fn put_alert_channel(&self, channel: Channel, now: Timestamp) -> Result<()> {
        let actor = self.actor.clone();
        let Channel { id, name, kind, enabled, host, .. } = channel;
        let detail = json!({ "kind": kind, "host": host, "enabled": enabled });
        let open = written(&Open { name, kind, english: channel.lang == Lang::En, enabled, host })?;
        let secret = channel.secret.as_ref().map(Secret::expose);
        let secrets = match &channel.way {
            Way::Url(url) => json!({ "url": url.expose(), "secret": secret }),
            Way::Mail(mail) => json!({ "mail": mail, "secret": secret }),
        };
        let secrets = self.seal_address(Column::ChannelSecrets, &secrets)?;
        self.write(1, move |ledger| {
            ledger.conn.prepare_cached(PUT_CHANNEL)?.execute(params![id, open, secrets, now.ms()])?;
            let deed = deed(Action::ChannelChange, &id, detail.clone(), now);
            ledger.audit(&actor, &deed)
        })
        .await
    }

    /// Deletes a channel. `false`: there is none.
    pub async fn delete_alert_channel(&self, id: &str, now: Timestamp) -> Result<bool> {
        let (id, actor) = (id.to_owned(), self.actor.clone());
        self.write(1, move |ledger| {
            if ledger.conn.prepare_cached(DELETE_CHANNEL)?.execute([&id])? == 0 {
                return Ok(false);
            }
            let deed = deed(Action::ChannelChange, &id, json!({ "deleted": true }), now);
            ledger.audit(&actor, &deed)?;
            Ok(true)
        })
        .await
    }

    /// Seals an address with its secret.
    pub(crate) fn seal_address(&self, column: Column, secrets: &serde_json::Value) -> Result<Vec<u8>> {
        let text = zeroize::Zeroizing::new(secrets.to_string());
        self.shared.keyring.addresses().seal(place(column), |plain| plain.extend_from_slice(text.as_bytes()))
    }
}

/// Where an address stands: those of one kind may change places, since one key seals them all for one reader.
pub(crate) fn place(column: Column) -> Place {
    Place { column, account: INSTALLATION, row: 0 }
}
