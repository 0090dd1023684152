//! Messages: taken in one by one or in batches, shown with what became of them, taken back, sent once more.

pub(crate) mod batch;
mod cancel;
mod find;
mod resend;
mod show;
mod take_in;

pub(crate) use batch::{__path_accept_batch, accept_batch};
pub(crate) use cancel::{__path_cancel, cancel};
pub(crate) use find::{__path_find, find};
pub(crate) use resend::{__path_resend, resend};
pub(crate) use show::{__path_show, ClicksBody, MessageBody, show};
pub(crate) use take_in::{__path_accept, AcceptedBody, accept, accept_all, accept_one};
