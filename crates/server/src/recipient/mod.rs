//! People: what is known of them, whether one may be written to, what they did, who is not written to; what is held
//! of one, given out or removed.

mod check;
mod interaction;
mod list_file;
pub mod personal;
mod show;
mod suppression;

pub(crate) use check::*;
pub(crate) use interaction::*;
pub(crate) use list_file::*;
pub(crate) use show::*;
pub(crate) use suppression::*;

use hongyan_domain::{FieldError, Openid};

use crate::request::field::bad;

/// Reads an openid.
fn openid(field: &'static str, text: &str) -> Result<Openid, FieldError> {
    Openid::new(text).map_err(|wrong| bad(field, wrong.to_string()))
}
