//! What is sealed, and in what form: `version | key id | nonce | ciphertext and tag`.
//!
//! The text sealed is bound to its place (table, column, account, row), so that a row copied over another
//! does not open. The keys for it stand beside: the master key, the accounts' keyring, and how they are changed.

pub(crate) mod keyring;
pub(crate) mod master_key;
pub(crate) mod rotate;
pub(crate) mod secret;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hkdf, hmac};
use hongyan_domain::message::Miniprogram;
use hongyan_domain::{AccountId, Content, Openid};
use zeroize::Zeroizing;

use crate::{Result, StoreError};

/// The form described above.
const VERSION: u8 = 1;
const KEY_ID_AT: usize = 1;
const NONCE_AT: usize = 5;
const NONCE_LEN: usize = 12;
const HEADER_LEN: usize = NONCE_AT + NONCE_LEN;
const TAG_LEN: usize = 16;
/// AES-256, HMAC-SHA-256.
pub(crate) const KEY_LEN: usize = 32;
/// A blind index: 128 bits of an HMAC are enough to tell people apart.
pub(crate) type Blind = [u8; 16];

/// The columns with sealed values: a closed set. One that a data key seals has its place in `rotate.rs`, or a new key
/// would make it unreadable; a test looks at every blob there is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    MessageBody,
    ReceiptRaw,
    RecipientOpenid,
    AccountSecrets,
    TokenValue,
    /// By a key that is derived from the pepper and never changes.
    UserTotp,
    /// Wrapped by the master key, as the next two.
    DataKey,
    IndexKey,
    Pepper,
    /// Sealed by the installation's own key, as the next.
    ChannelSecrets,
    WebhookSecrets,
}

impl Column {
    /// What the sealed text is bound to; never another word.
    fn as_str(self) -> &'static str {
        match self {
            Self::MessageBody => "message.body",
            Self::ReceiptRaw => "receipt.raw",
            Self::RecipientOpenid => "recipient.openid",
            Self::AccountSecrets => "account.secrets",
            Self::TokenValue => "token.value",
            Self::UserTotp => "user.totp",
            Self::DataKey => "data_key.wrapped/data",
            Self::IndexKey => "data_key.wrapped/index",
            Self::Pepper => "data_key.wrapped/pepper",
            Self::ChannelSecrets => "alert_channel.secrets",
            Self::WebhookSecrets => "webhook.secrets",
        }
    }
}

/// Where a sealed value stands.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) column: Column,
    pub(crate) account: AccountId,
    pub(crate) row: i64,
}

impl Place {
    fn aad(self) -> ([u8; 64], usize) {
        let mut aad = [0; 64];
        let column = self.column.as_str().as_bytes();
        debug_assert!(column.len() <= 48, "a column's name leaves room for account and row");
        aad[..8].copy_from_slice(&self.account.0.to_be_bytes());
        aad[8..16].copy_from_slice(&self.row.to_be_bytes());
        aad[16..16 + column.len()].copy_from_slice(column);
        (aad, 16 + column.len())
    }
}

/// A key that seals, and the number that finds it again.
pub(crate) struct SealKey {
    id: u32,
    key: RandomizedNonceKey,
}

impl SealKey {
    pub(crate) fn new(id: u32, bytes: &[u8; KEY_LEN]) -> Result<Self> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes);
        Ok(Self { id, key: key.map_err(|_| StoreError::BadKey("the cipher refused it".to_owned()))? })
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Seals what `fill` appends. The buffer is wiped by being sealed in place.
    pub(crate) fn seal(&self, place: Place, fill: impl FnOnce(&mut Vec<u8>)) -> Result<Vec<u8>> {
        // Most bodies fit; growing would leave plain text behind in freed memory.
        let mut sealed = Vec::with_capacity(1024);
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.id.to_be_bytes());
        sealed.extend_from_slice(&[0; NONCE_LEN]);
        fill(&mut sealed);
        let (aad, len) = place.aad();
        let (nonce, tag) = self
            .key
            .seal_in_place_separate_tag(Aad::from(&aad[..len]), &mut sealed[HEADER_LEN..])
            .map_err(|_| StoreError::Corrupt(format!("{} cannot be sealed", place.column.as_str())))?;
        sealed[NONCE_AT..HEADER_LEN].copy_from_slice(nonce.as_ref());
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what was sealed at this place under this key.
    pub(crate) fn open(&self, place: Place, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let bad = || StoreError::Corrupt(format!("{} does not open", place.column.as_str()));
        if sealed.len() < HEADER_LEN + TAG_LEN || sealed[0] != VERSION {
            return Err(bad());
        }
        let nonce = Nonce::try_assume_unique_for_key(&sealed[NONCE_AT..HEADER_LEN]).map_err(|_| bad())?;
        let mut text = Zeroizing::new(sealed[HEADER_LEN..].to_vec());
        let (aad, len) = place.aad();
        let plain = self.key.open_in_place(nonce, Aad::from(&aad[..len]), &mut text).map_err(|_| bad())?;
        let len = plain.len();
        text.truncate(len);
        Ok(text)
    }
}

/// The key that a sealed value names.
pub(crate) fn key_id(sealed: &[u8]) -> Result<u32> {
    let id = sealed.get(KEY_ID_AT..NONCE_AT).and_then(|bytes| bytes.try_into().ok());
    id.map(u32::from_be_bytes).ok_or_else(|| StoreError::Corrupt("a sealed value is too short".to_owned()))
}

/// HMAC-SHA-256, cut.
pub(crate) fn blind(key: &hmac::Key, parts: &[&[u8]]) -> Blind {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    let mut cut = Blind::default();
    cut.copy_from_slice(&context.sign().as_ref()[..16]);
    cut
}

/// A key for one purpose out of a key.
pub(crate) fn derive(bytes: &[u8; KEY_LEN], purpose: &str) -> Zeroizing<[u8; KEY_LEN]> {
    let mut derived = Zeroizing::new([0; KEY_LEN]);
    let info = [purpose.as_bytes()];
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, b"hongyan").extract(bytes);
    let filled = extracted.expand(&info, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut *derived));
    filled.expect("HKDF gives 32 bytes for any key and purpose");
    derived
}

/// What a body begins with: which of the optional parts follow.
const HAS_URL: u8 = 1;
const HAS_MINIPROGRAM: u8 = 2;
const HAS_PAGEPATH: u8 = 4;
/// The params of several triggers stand at the end, their length behind them.
const HAS_ITEMS: u8 = 8;

/// Writes openid and content behind one another: each part but the last with its length in front.
pub(crate) fn write_body(openid: &Openid, content: &Content, out: &mut Vec<u8>) {
    let program = content.miniprogram.as_ref();
    let page = program.and_then(|program| program.pagepath.as_deref());
    let flag = |there: bool, flag: u8| if there { flag } else { 0 };
    out.push(
        flag(content.url.is_some(), HAS_URL)
            | flag(program.is_some(), HAS_MINIPROGRAM)
            | flag(page.is_some(), HAS_PAGEPATH),
    );
    let parts =
        [Some(openid.expose()), content.url.as_deref(), program.map(|program| program.appid.as_str()), page];
    for part in parts.into_iter().flatten() {
        let len = u32::try_from(part.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(part.as_bytes());
    }
    out.extend_from_slice(content.data.as_bytes());
}

/// Adds the params of all triggers to the body that begins at `start`.
pub(crate) fn write_items(items: &str, start: usize, out: &mut Vec<u8>) {
    out[start] |= HAS_ITEMS;
    out.extend_from_slice(items.as_bytes());
    let len = u32::try_from(items.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&len.to_be_bytes());
}

/// The params of all triggers, where there may be several.
pub(crate) fn read_items(body: &[u8]) -> Option<&str> {
    let (&flags, rest) = body.split_first()?;
    if flags & HAS_ITEMS == 0 {
        return None;
    }
    std::str::from_utf8(split_items(rest)?.1).ok()
}

fn split_items(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (before, len) = rest.split_last_chunk::<4>()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    before.split_at_checked(before.len().checked_sub(len)?)
}

/// Reads what `write_body` wrote.
pub(crate) fn read_body(body: &[u8]) -> Result<(Openid, Content)> {
    parse_body(body).ok_or_else(|| StoreError::Corrupt("message.body has another form".to_owned()))
}

fn parse_body(body: &[u8]) -> Option<(Openid, Content)> {
    let (&flags, mut rest) = body.split_first()?;
    if flags & HAS_ITEMS != 0 {
        rest = split_items(rest)?.0;
    }
    let openid = Openid::new(take_text(&mut rest)?).ok()?;
    let url = if flags & HAS_URL != 0 { Some(take_text(&mut rest)?.to_owned()) } else { None };
    let miniprogram = if flags & HAS_MINIPROGRAM != 0 {
        let appid = take_text(&mut rest)?.to_owned();
        let pagepath = if flags & HAS_PAGEPATH != 0 { Some(take_text(&mut rest)?.to_owned()) } else { None };
        Some(Miniprogram { appid, pagepath })
    } else {
        None
    };
    Some((openid, Content { url, miniprogram, data: std::str::from_utf8(rest).ok()?.into() }))
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let (len, after) = rest.split_first_chunk::<4>()?;
    let (text, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)?;
    *rest = after;
    std::str::from_utf8(text).ok()
}
