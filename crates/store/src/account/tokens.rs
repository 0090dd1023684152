//! The accounts' tokens, sealed.

use hongyan_domain::AccountId;
use rusqlite::{Connection, Row, params};

use crate::account::accounts::readable;
use crate::seal::keyring::Keyring;
use crate::seal::{Column, Place};
use crate::sqlite::row;
use crate::{Result, Secret, Store, StoreError, StoredToken};

const PUT_TOKEN: &str = "
INSERT INTO token (account, value, expires_at, fetched_at)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (account)
DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at, fetched_at = excluded.fetched_at";

const TOKENS: &str = "
SELECT account, value, expires_at, fetched_at
FROM token
ORDER BY account";

pub(crate) fn token_place(account: AccountId) -> Place {
    Place { column: Column::TokenValue, account, row: 0 }
}

impl Store {
    /// Keeps an account's token in place of the one before.
    pub async fn put_token(&self, account: AccountId, token: StoredToken) -> Result<()> {
        let shared = self.shared.clone();
        self.write(1, move |ledger| {
            // In the transaction, by the keys of this very moment: a key that is taken out of use seals nothing more.
            let keys = shared.keyring.read(ledger.conn, account)?;
            let text = token.value.expose().as_bytes();
            let sealed = keys.current().seal(token_place(account), |plain| plain.extend_from_slice(text))?;
            let (expires_at, fetched_at) = (token.expires_at.ms(), token.fetched_at.ms());
            ledger
                .conn
                .prepare_cached(PUT_TOKEN)?
                .execute(params![account.0, sealed, expires_at, fetched_at])?;
            Ok(())
        })
        .await
    }

    /// All tokens kept, those past their time as well. One that cannot be read is logged and left out.
    pub async fn tokens(&self) -> Result<Vec<(AccountId, StoredToken)>> {
        let shared = self.shared.clone();
        self.read(move |conn| {
            let mut tokens = conn.prepare_cached(TOKENS)?;
            let all = row::all(tokens.query([])?, |row| readable(row, token(conn, &shared.keyring, row)))?;
            Ok(all.into_iter().flatten().collect())
        })
        .await
    }
}

fn token(conn: &Connection, keyring: &Keyring, row: &Row<'_>) -> Result<(AccountId, StoredToken)> {
    let account = AccountId(row.get(0)?);
    let sealed: Vec<u8> = row.get(1)?;
    let plain = keyring.keys_for(conn, account, &sealed)?.open(token_place(account), &sealed)?;
    let text = std::str::from_utf8(&plain);
    let value = Secret::new(text.map_err(|_| StoreError::Corrupt("token.value is no text".to_owned()))?);
    Ok((account, StoredToken { value, expires_at: row::at(row, 2)?, fetched_at: row::at(row, 3)? }))
}
