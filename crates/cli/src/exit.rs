//! How a command ends: the exit codes, which scripts may rely on.

use std::{fmt, io};

use hongyan_domain::{FieldError, Lang, Sentence, says};
use hongyan_engine::EngineError;
use hongyan_store::StoreError;
use hongyan_wechat::CallError;

/// The exit codes. They are listed in the help, and never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// It was done.
    Done = 0,
    /// It could not be done.
    Failed = 1,
    /// The command line or the configuration is wrong; nothing was tried.
    Usage = 2,
    /// WeChat refused.
    Refused = 3,
    /// The account, template, message or key named is not there.
    NotFound = 4,
    /// The store cannot be used: wrong master key, in another process's hands, disk full.
    Store = 5,
    /// The message is accepted and on its way; what becomes of it is not known yet. Not to be sent again.
    UnderWay = 6,
}

impl Code {
    /// The word in `--json`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Refused => "refused",
            Self::NotFound => "not_found",
            Self::Store => "store",
            Self::UnderWay => "under_way",
        }
    }
}

/// An end that carries its own code, with the words for the person.
#[derive(Debug)]
pub(crate) enum Failure {
    Failed(String),
    Usage(String),
    NotFound(String),
    Store(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(words) | Self::Usage(words) | Self::NotFound(words) | Self::Store(words) => {
                f.write_str(words)
            }
        }
    }
}

impl std::error::Error for Failure {}

/// The code that an error ends with.
pub(crate) fn code_of(error: &anyhow::Error) -> Code {
    error.chain().find_map(code_of_one).unwrap_or(Code::Failed)
}

fn code_of_one(error: &(dyn std::error::Error + 'static)) -> Option<Code> {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return Some(match failure {
            Failure::Failed(_) => Code::Failed,
            Failure::Usage(_) => Code::Usage,
            Failure::NotFound(_) => Code::NotFound,
            Failure::Store(_) => Code::Store,
        });
    }
    if let Some(error) = error.downcast_ref::<StoreError>() {
        return Some(of_store(error));
    }
    if let Some(error) = error.downcast_ref::<CallError>() {
        return error.code().map(|_| Code::Refused);
    }
    match error.downcast_ref::<EngineError>()? {
        EngineError::Store(error) => Some(of_store(error)),
        EngineError::WeChat(error) => error.code().map(|_| Code::Refused),
        EngineError::Token(trouble) => trouble.errcode.map(|_| Code::Refused),
        EngineError::Unavailable => Some(Code::Store),
        _ => None,
    }
}

/// An error's own words in this language, where they can be told in both.
pub(crate) fn words_of(error: &(dyn std::error::Error + 'static), lang: Lang) -> String {
    if let Some(StoreError::Fields(faults)) = error.downcast_ref::<StoreError>() {
        let told = |fault: &FieldError| format!("{}: {}", fault.field, fault.message.in_lang(lang));
        return faults.iter().map(told).collect::<Vec<_>>().join("; ");
    }
    sentence_of(error).in_lang(lang).into_owned()
}

fn sentence_of(error: &(dyn std::error::Error + 'static)) -> Sentence {
    if let Some(error) = error.downcast_ref::<CallError>() {
        return hongyan_server::told(error);
    }
    if let Some(error) = error.downcast_ref::<StoreError>() {
        return told_by_store(error);
    }
    if let Some(error) = error.downcast_ref::<serde_json::Error>() {
        return hongyan_server::json_fault(error);
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return told_by_system(error);
    }
    if let Some(Unreachable { authority, .. }) = error.downcast_ref() {
        return says!("cannot connect to {authority}", authority);
    }
    match error.downcast_ref::<EngineError>() {
        Some(EngineError::WeChat(error)) => hongyan_server::told(error),
        Some(EngineError::Store(error)) => told_by_store(error),
        _ => error.to_string().into(),
    }
}

/// What the operating system says, in the words of whoever types a command.
fn told_by_system(error: &io::Error) -> Sentence {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".into(),
        io::ErrorKind::PermissionDenied => "this user may not open it".into(),
        io::ErrorKind::IsADirectory => "is a folder, not a file".into(),
        io::ErrorKind::InvalidData => "is not UTF-8 text".into(),
        io::ErrorKind::StorageFull => "the disk is full".into(),
        io::ErrorKind::ConnectionRefused => {
            "nobody listens there: start `hongyan serve`, or name another by --server".into()
        }
        _ => error.to_string().into(),
    }
}

fn told_by_store(error: &StoreError) -> Sentence {
    match error {
        StoreError::Unavailable(reason) => says!("the store is unavailable: {reason}", reason),
        StoreError::Url(given) => {
            says!("store.url `{given}` is not understood: sqlite:PATH is allowed", given)
        }
        StoreError::BadKey(reason) => says!("the master key is not usable: {reason}", reason),
        StoreError::Owned(holder) => {
            says!(
                "another process already sends from this database (it holds {holder}); stop it first",
                holder
            )
        }
        StoreError::Newer { found, known } => says!(
            "this database has schema version {found}, this program knows {known}: use the newer program",
            found,
            known
        ),
        // A fixed text has its Chinese under the English; the rest are defects, which the log tells in English.
        other => other.to_string().into(),
    }
}

/// A server that cannot be connected to.
#[derive(Debug)]
pub(crate) struct Unreachable {
    pub(crate) authority: String,
    pub(crate) source: io::Error,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot connect to {}", self.authority)
    }
}

impl std::error::Error for Unreachable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// The error code that WeChat answered with, if that is what went wrong.
pub(crate) fn errcode_of(error: &anyhow::Error) -> Option<i64> {
    error.chain().find_map(|error| match error.downcast_ref::<EngineError>() {
        Some(EngineError::Token(trouble)) => trouble.errcode,
        _ => error.downcast_ref::<CallError>()?.code(),
    })
}

fn of_store(error: &StoreError) -> Code {
    match error {
        StoreError::Url(_) | StoreError::BadKey(_) | StoreError::Invalid(_) | StoreError::Fields(_) => {
            Code::Usage
        }
        StoreError::NoAccount(_) => Code::NotFound,
        _ => Code::Store,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn an_error_keeps_its_code_under_any_context() {
        let wrapped = |failure: Failure| code_of(&Err::<(), _>(failure).context("while trying").unwrap_err());

        assert_eq!(wrapped(Failure::Usage("x".into())), Code::Usage);
        assert_eq!(wrapped(Failure::NotFound("x".into())), Code::NotFound);
        assert_eq!(code_of(&anyhow::anyhow!("anything")), Code::Failed);
    }

    #[test]
    fn the_errors_of_the_crates_have_codes() {
        let refused = CallError::Errcode { code: 40013, errmsg: "invalid appid".into(), rid: None };

        assert_eq!(code_of(&anyhow::Error::new(refused)), Code::Refused);
        assert_eq!(code_of(&anyhow::Error::new(StoreError::WrongKey)), Code::Store);
        assert_eq!(code_of(&anyhow::Error::new(StoreError::Url("x:y".into()))), Code::Usage);
        assert_eq!(code_of(&anyhow::Error::new(EngineError::Unavailable)), Code::Store);
    }
}
