//! People: what is known of them, whether one may be written to, what they did, who is not written to.

mod check;
mod interaction;
mod list_file;
mod show;
mod suppression;

pub(crate) use check::*;
pub(crate) use interaction::*;
pub(crate) use list_file::*;
pub(crate) use show::*;
pub(crate) use suppression::*;

use hongyan_domain::{FieldError, Openid};

use crate::field::bad;

/// Reads an openid.
fn openid(field: &'static str, text: &str) -> Result<Openid, FieldError> {
    Openid::new(text).map_err(|wrong| bad(field, wrong.to_string()))
}
