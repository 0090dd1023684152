//! Users, and where they are logged in.

use aws_lc_rs::hmac;
use hongyan_domain::{AccountId, FieldError, Timestamp};
use rusqlite::{Connection, Row, params};
use serde_json::json;

use crate::access::user::check_user_name;
use crate::seal::keyring::{INSTALLATION, Keyring};
use crate::seal::{Column, Place};
use crate::sqlite::row;
use crate::{
    Action, Deed, NewUser, PasswordHash, Result, Role, Secret, Session, SessionId, SessionToken, Store,
    StoreError, User, UserAnswer, UserChange,
};

/// A user's sessions; the one that was used longest ago makes room for the next.
const SESSIONS_MAX: i64 = 20;
/// Longest address and name of a browser that are kept, in characters.
const ADDRESS_MAX: usize = 64;
const AGENT_MAX: usize = 128;
/// Of a session's hash, what names it: the other 24 bytes keep their secret.
const ID_BYTES: usize = 8;

const INSERT_USER: &str = "
INSERT INTO user (account, name, password, role, accounts, totp_step, language, created_at, updated_at)
VALUES (0, ?1, ?2, ?3, ?4, 0, ?5, ?6, ?6)
ON CONFLICT (account, name)
DO NOTHING";

const USER: &str = "
SELECT name, password, role, accounts, totp, language, disabled_at, created_at, last_login_at
FROM user
WHERE account = 0
  AND name = ?1";

const USERS: &str = "
SELECT name, password, role, accounts, totp, language, disabled_at, created_at, last_login_at
FROM user
WHERE account = 0
ORDER BY name";

const UPDATE_USER: &str = "
UPDATE user
SET password = ?2, role = ?3, accounts = ?4, totp = ?5, language = ?6, disabled_at = ?7, updated_at = ?8
WHERE account = 0
  AND name = ?1";

const DELETE_USER: &str = "
DELETE FROM user
WHERE account = 0
  AND name = ?1";

const OTHER_ADMINS: &str = "
SELECT COUNT(*)
FROM user
WHERE account = 0
  AND role = 'admin'
  AND accounts = ''
  AND disabled_at IS NULL
  AND name <> ?1";

impl Store {
    /// Puts a user in. `false`: there is one of this name.
    ///
    /// # Errors
    /// `Fields`: the name is not one.
    pub async fn put_user(&self, user: NewUser, now: Timestamp) -> Result<bool> {
        check_user_name(&user.name).map_err(|fault: FieldError| StoreError::Fields(vec![fault]))?;
        let actor = self.actor.clone();
        self.write(1, move |ledger| {
            let NewUser { name, password, role, accounts, language } = &user;
            let put = params![name, password.0, role.as_str(), joined(accounts), language, now.ms()];
            let is_new = ledger.conn.prepare_cached(INSERT_USER)?.execute(put)? == 1;
            if is_new {
                let detail = json!({ "role": role.as_str(), "accounts": numbers(accounts) });
                ledger.audit(&actor, &deed(Action::UserCreate, name, detail, now))?;
            }
            Ok(is_new)
        })
        .await
    }

    /// The user of this name.
    pub async fn user(&self, name: &str) -> Result<Option<User>> {
        let (name, shared) = (name.to_owned(), self.shared.clone());
        self.read(move |conn| find(conn, &shared.keyring, &name)).await
    }

    /// All users, by name.
    pub async fn users(&self) -> Result<Vec<User>> {
        let shared = self.shared.clone();
        self.read(move |conn| {
            row::all(conn.prepare_cached(USERS)?.query([])?, |row| read_user(&shared.keyring, row))
        })
        .await
    }

    /// Changes a user. Another password, role or other accounts, and being disabled end their sessions, but for `keep`.
    pub async fn change_user(&self, name: &str, change: UserChange, now: Timestamp) -> Result<UserAnswer> {
        let (name, actor, shared) = (name.to_owned(), self.actor.clone(), self.shared.clone());
        self.write(1, move |ledger| {
            let Some(before) = find(ledger.conn, &shared.keyring, &name)? else {
                return Ok(UserAnswer::NotFound);
            };
            let after = changed(&before, &change, now);
            if governs(&before) && !governs(&after) && is_last_admin(ledger.conn, &name)? {
                return Ok(UserAnswer::LastAdmin);
            }
            update(ledger.conn, &shared.keyring, &after, now)?;
            if change.ends_sessions() {
                end_all(ledger.conn, &name, change.keep.as_ref())?;
            }
            ledger.audit(&actor, &deed(Action::UserChange, &name, told(&before, &after, &change), now))?;
            Ok(UserAnswer::Done)
        })
        .await
    }

    /// Deletes a user and logs them out everywhere. What they did stays in the audit under their name.
    pub async fn delete_user(&self, name: &str, now: Timestamp) -> Result<UserAnswer> {
        let (name, actor, shared) = (name.to_owned(), self.actor.clone(), self.shared.clone());
        self.write(1, move |ledger| {
            let Some(user) = find(ledger.conn, &shared.keyring, &name)? else {
                return Ok(UserAnswer::NotFound);
            };
            if governs(&user) && is_last_admin(ledger.conn, &name)? {
                return Ok(UserAnswer::LastAdmin);
            }
            end_all(ledger.conn, &name, None)?;
            if ledger.conn.prepare_cached(DELETE_USER)?.execute([&name])? != 1 {
                return Ok(UserAnswer::NotFound);
            }
            ledger.audit(&actor, &deed(Action::UserDelete, &name, json!({}), now))?;
            Ok(UserAnswer::Done)
        })
        .await
    }
}

impl UserChange {
    fn ends_sessions(&self) -> bool {
        self.password.is_some()
            || self.role.is_some()
            || self.accounts.is_some()
            || self.disabled == Some(true)
    }
}

/// An admin of everything who can log in.
fn governs(user: &User) -> bool {
    user.role == Role::Admin && user.accounts.is_empty() && user.disabled_at.is_none()
}

fn is_last_admin(conn: &Connection, name: &str) -> Result<bool> {
    let others: i64 = conn.prepare_cached(OTHER_ADMINS)?.query_row([name], |row| row.get(0))?;
    Ok(others == 0)
}

fn changed(before: &User, change: &UserChange, now: Timestamp) -> User {
    let mut after = before.clone();
    after.password = change.password.clone().unwrap_or(after.password);
    after.role = change.role.unwrap_or(after.role);
    after.accounts = change.accounts.clone().unwrap_or(after.accounts);
    after.totp = change.totp.clone().unwrap_or(after.totp);
    after.language = change.language.clone().or(after.language);
    after.disabled_at = match change.disabled {
        Some(true) => after.disabled_at.or(Some(now)),
        Some(false) => None,
        None => after.disabled_at,
    };
    after
}

/// What is audited of a change.
fn told(before: &User, after: &User, change: &UserChange) -> serde_json::Value {
    let mut told = serde_json::Map::new();
    if change.password.is_some() {
        told.insert("password".to_owned(), "changed".into());
    }
    if before.role != after.role {
        told.insert("role".to_owned(), after.role.as_str().into());
    }
    if before.accounts != after.accounts {
        told.insert("accounts".to_owned(), numbers(&after.accounts).into());
    }
    if before.disabled_at.is_some() != after.disabled_at.is_some() {
        told.insert("disabled".to_owned(), after.disabled_at.is_some().into());
    }
    if before.totp.is_some() != after.totp.is_some() {
        told.insert("totp".to_owned(), after.totp.is_some().into());
    }
    told.into()
}

fn update(conn: &Connection, keyring: &Keyring, user: &User, now: Timestamp) -> Result<()> {
    let seal = |secret: &Secret| {
        let text = secret.expose().as_bytes();
        keyring.users().seal(totp_place(keyring, &user.name), |plain| plain.extend_from_slice(text))
    };
    let totp = user.totp.as_ref().map(seal).transpose()?;
    let changed = conn.prepare_cached(UPDATE_USER)?.execute(params![
        user.name,
        user.password.0,
        user.role.as_str(),
        joined(&user.accounts),
        totp,
        user.language,
        user.disabled_at.map(Timestamp::ms),
        now.ms(),
    ])?;
    match changed {
        1 => Ok(()),
        _ => Err(StoreError::Corrupt("a user went away in the middle of a change".to_owned())),
    }
}

fn find(conn: &Connection, keyring: &Keyring, name: &str) -> Result<Option<User>> {
    let mut users = conn.prepare_cached(USER)?;
    let mut rows = users.query([name])?;
    rows.next()?.map(|row| read_user(keyring, row)).transpose()
}

fn read_user(keyring: &Keyring, row: &Row<'_>) -> Result<User> {
    let name: String = row.get(0)?;
    let sealed: Option<Vec<u8>> = row.get(4)?;
    let totp = sealed.map(|sealed| open_totp(keyring, &name, &sealed)).transpose()?;
    let accounts: String = row.get(3)?;
    Ok(User {
        totp,
        name,
        password: PasswordHash(row.get(1)?),
        role: row::word(row, 2, Role::parse)?,
        // What is no number (its account was deleted) opens nothing: accounts are numbered from 1.
        accounts: accounts
            .split(',')
            .filter(|part| !part.is_empty())
            .map(|number| AccountId(number.parse().unwrap_or(0)))
            .collect(),
        language: row.get(5)?,
        disabled_at: row::at_or_never(row, 6)?,
        created_at: row::at(row, 7)?,
        last_login_at: row::at_or_never(row, 8)?,
    })
}

fn open_totp(keyring: &Keyring, name: &str, sealed: &[u8]) -> Result<Secret> {
    let plain = keyring.users().open(totp_place(keyring, name), sealed)?;
    let text = std::str::from_utf8(&plain);
    text.map(Secret::new).map_err(|_| StoreError::Corrupt("user.totp is no text".to_owned()))
}

/// Bound to the name, so that one user's does not open as another's.
fn totp_place(keyring: &Keyring, name: &str) -> Place {
    let tag = hmac::sign(keyring.pepper(), name.as_bytes());
    let mut row = [0; 8];
    row.copy_from_slice(&tag.as_ref()[..8]);
    Place { column: Column::UserTotp, account: INSTALLATION, row: i64::from_be_bytes(row) }
}

fn joined(accounts: &[AccountId]) -> String {
    accounts.iter().map(|account| account.0.to_string()).collect::<Vec<_>>().join(",")
}

fn numbers(accounts: &[AccountId]) -> Vec<i64> {
    accounts.iter().map(|account| account.0).collect()
}

fn deed(action: Action, name: &str, detail: serde_json::Value, at: Timestamp) -> Deed {
    Deed { action, account: None, subject: name.to_owned(), detail, at }
}

// A code counts from one step before to one step after now: what is more than two ahead of it was used by a clock that
// has been set back since, and would keep its owner out until the time comes again.
const USE_STEP: &str = "
UPDATE user
SET totp_step = ?2
WHERE account = 0
  AND name = ?1
  AND (totp_step < ?2 OR totp_step > ?2 + 2)";

impl Store {
    /// Uses up the step of a code that is right now. `false`: it, or a later one, was used before.
    pub async fn use_totp_step(&self, name: &str, step: i64) -> Result<bool> {
        let name = name.to_owned();
        self.write(1, move |ledger| {
            Ok(ledger.conn.prepare_cached(USE_STEP)?.execute(params![name, step])? == 1)
        })
        .await
    }
}

const INSERT_SESSION: &str = "
INSERT INTO session (account, hash, user, created_at, last_seen_at, address, agent)
VALUES (0, ?1, ?2, ?3, ?3, ?4, ?5)";

const LOGGED_IN: &str = "
UPDATE user
SET last_login_at = ?2
WHERE account = 0
  AND name = ?1
  AND disabled_at IS NULL";

// A user has few: all are looked at.
const MAKE_ROOM: &str = "
DELETE FROM session
WHERE account = 0
  AND user = ?1
  AND hash NOT IN (
    SELECT hash
    FROM session
    WHERE account = 0
      AND user = ?1
    ORDER BY last_seen_at DESC
    LIMIT ?2)";

const SESSION: &str = "
SELECT hash, user, created_at, last_seen_at, address, agent
FROM session
WHERE account = 0
  AND hash = ?1";

const SESSIONS: &str = "
SELECT hash, user, created_at, last_seen_at, address, agent
FROM session
WHERE account = 0
ORDER BY last_seen_at DESC";

const END: &str = "
DELETE FROM session
WHERE account = 0
  AND hash = ?1";

const TOUCH: &str = "
UPDATE session
SET last_seen_at = ?2
WHERE account = 0
  AND hash = ?1
  AND last_seen_at < ?2";

/// Where a login comes from.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    /// The address.
    pub address: String,
    /// What the browser says it is.
    pub agent: String,
}

impl Store {
    /// Logs a user in under this token. `false`: they are gone or disabled.
    pub async fn begin_session(
        &self,
        user: &str,
        token: &SessionToken,
        from: Visitor,
        now: Timestamp,
    ) -> Result<bool> {
        let (user, hash, actor) = (user.to_owned(), self.hash_of(token), self.actor.clone());
        let (address, agent) = (cut(&from.address, ADDRESS_MAX), cut(&from.agent, AGENT_MAX));
        self.write(1, move |ledger| {
            if ledger.conn.prepare_cached(LOGGED_IN)?.execute(params![user, now.ms()])? != 1 {
                return Ok(false);
            }
            ledger.conn.prepare_cached(MAKE_ROOM)?.execute(params![user, SESSIONS_MAX - 1])?;
            let put = params![hash.as_ref(), user, now.ms(), address, agent];
            ledger.conn.prepare_cached(INSERT_SESSION)?.execute(put)?;
            let detail = json!({ "session": id_of(hash.as_ref()).0 });
            ledger.audit(&actor, &deed(Action::UserLogin, &user, detail, now))?;
            Ok(true)
        })
        .await
    }

    /// The session of this token and its user, if neither has ended.
    pub async fn session(&self, token: &SessionToken, now: Timestamp) -> Result<Option<(Session, User)>> {
        let (hash, shared) = (self.hash_of(token), self.shared.clone());
        self.read(move |conn| {
            let mut found = conn.prepare_cached(SESSION)?;
            let mut rows = found.query([hash.as_ref()])?;
            let Some(row) = rows.next()? else { return Ok(None) };
            let (_, session) = read_session(row)?;
            let user = find(conn, &shared.keyring, &session.user)?;
            let user = user.filter(|user| user.disabled_at.is_none() && now < session.ends_at());
            Ok(user.map(|user| (session, user)))
        })
        .await
    }

    /// All sessions that have not ended, the last used first; those of one user, if named.
    pub async fn sessions(&self, user: Option<&str>, now: Timestamp) -> Result<Vec<Session>> {
        let user = user.map(str::to_owned);
        let all = self.read(|conn| row::all(conn.prepare_cached(SESSIONS)?.query([])?, read_session)).await?;
        let is_asked_for = |session: &Session| user.as_ref().is_none_or(|user| *user == session.user);
        let all = all.into_iter().map(|(_, session)| session);
        Ok(all.filter(|session| now < session.ends_at() && is_asked_for(session)).collect())
    }

    /// Logs out. `false`: there is no such session, or it is not this user's.
    pub async fn end_session(&self, id: &SessionId, user: Option<&str>, now: Timestamp) -> Result<bool> {
        let (id, user, actor) = (id.clone(), user.map(str::to_owned), self.actor.clone());
        self.write(1, move |ledger| {
            let all = row::all(ledger.conn.prepare_cached(SESSIONS)?.query([])?, read_session)?;
            let is_it = |session: &Session| {
                session.id == id && user.as_ref().is_none_or(|user| *user == session.user)
            };
            let Some((hash, session)) = all.into_iter().find(|(_, session)| is_it(session)) else {
                return Ok(false);
            };
            let ended = ledger.conn.prepare_cached(END)?.execute([&hash])? == 1;
            let detail = json!({ "session": id.0 });
            ledger.audit(&actor, &deed(Action::UserLogout, &session.user, detail, now))?;
            Ok(ended)
        })
        .await
    }

    /// Notes when sessions were last used, and forgets those that have ended; call it once a minute or so.
    pub async fn touch_sessions(&self, used: Vec<(SessionId, Timestamp)>, now: Timestamp) -> Result<()> {
        self.write(used.len().max(1), move |ledger| {
            for (hash, session) in row::all(ledger.conn.prepare_cached(SESSIONS)?.query([])?, read_session)? {
                let used = used.iter().find(|(id, _)| *id == session.id);
                if let Some((_, at)) = used {
                    ledger.conn.prepare_cached(TOUCH)?.execute(params![hash, at.ms()])?;
                } else if session.ends_at() <= now {
                    ledger.conn.prepare_cached(END)?.execute([&hash])?;
                }
            }
            Ok(())
        })
        .await
    }

    fn hash_of(&self, token: &SessionToken) -> hmac::Tag {
        hmac::sign(self.shared.keyring.pepper(), token.expose().as_bytes())
    }
}

fn end_all(conn: &Connection, user: &str, keep: Option<&SessionId>) -> Result<()> {
    for (hash, session) in row::all(conn.prepare_cached(SESSIONS)?.query([])?, read_session)? {
        if session.user == user && Some(&session.id) != keep {
            conn.prepare_cached(END)?.execute([&hash])?;
        }
    }
    Ok(())
}

fn read_session(row: &Row<'_>) -> Result<(Vec<u8>, Session)> {
    let hash: Vec<u8> = row.get(0)?;
    let session = Session {
        id: id_of(&hash),
        user: row.get(1)?,
        created_at: row::at(row, 2)?,
        last_seen_at: row::at(row, 3)?,
        address: row.get(4)?,
        agent: row.get(5)?,
    };
    Ok((hash, session))
}

fn id_of(hash: &[u8]) -> SessionId {
    SessionId(hash.iter().take(ID_BYTES).map(|byte| format!("{byte:02x}")).collect())
}

fn cut(text: &str, max: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(max).collect()
}
