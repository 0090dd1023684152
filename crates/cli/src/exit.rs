//! How a command ends: the exit codes, which scripts may rely on.

use std::fmt;

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
