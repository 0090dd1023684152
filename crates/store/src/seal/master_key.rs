//! The master key: the one secret that stays outside the database and opens all that is inside.

use std::fmt;
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::{Result, Secret, StoreError};

/// Tells a key file from any other, and this form from a later one.
const PREFIX: &str = "hymk1_";
/// AES-256.
const KEY_LEN: usize = 32;
/// A key's text has 49 characters; a file longer than this is something else.
const FILE_MAX: u64 = 1024;
/// Any bit for group or world.
const FOREIGN_BITS: u32 = 0o077;

/// 256 bits that wrap every account's data key.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; KEY_LEN]>);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl MasterKey {
    /// Draws one.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        rng.fill_bytes(&mut *bytes);
        Self(bytes)
    }

    /// Reads the text form, `hymk1_` and 43 characters; blanks around it are allowed.
    pub fn from_text(text: &str) -> Result<Self> {
        let bad = || StoreError::BadKey(format!("it is not `{PREFIX}` and 43 characters of base64url"));
        let digits = text.trim().strip_prefix(PREFIX).ok_or_else(bad)?;
        let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(digits).map_err(|_| bad())?);
        let bytes: [u8; KEY_LEN] = decoded.as_slice().try_into().map_err(|_| bad())?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// The text form, for the file.
    pub fn to_text(&self) -> Secret {
        let digits = Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.as_slice()));
        Secret::new(format!("{PREFIX}{}", digits.as_str()))
    }

    /// Reads the key file at `path`, or draws a key and writes it there with mode 0600. A file that group or world
    /// may read is refused.
    pub fn read_or_create(path: &Path, rng: &mut impl CryptoRng) -> Result<Self> {
        match std::fs::File::open(path) {
            Ok(file) => Self::read(path, file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let key = Self::generate(rng);
                key.create(path).map_err(|error| bad_file(path, &error))?;
                Ok(key)
            }
            Err(error) => Err(bad_file(path, &error)),
        }
    }

    fn read(path: &Path, file: std::fs::File) -> Result<Self> {
        let mode = file.metadata().map_err(|error| bad_file(path, &error))?.permissions().mode();
        if mode & FOREIGN_BITS != 0 {
            let shown = path.display();
            return Err(StoreError::BadKey(format!(
                "{shown} may be read by others (mode {:o}): chmod 600 {shown}",
                mode & 0o777
            )));
        }
        let mut text = Zeroizing::new(String::new());
        file.take(FILE_MAX).read_to_string(&mut text).map_err(|error| bad_file(path, &error))?;
        Self::from_text(&text)
    }

    fn create(&self, path: &Path) -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(self.to_text().expose().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        // The name must outlive a power cut as well, or the database could never be opened again.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::File::open(folder)?.sync_all()
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

fn bad_file(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::BadKey(format!("{}: {error}", path.display()))
}
