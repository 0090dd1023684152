//! The path of a message through the store, a file a step: `accept` (with `gather`, where triggers meet, and what the
//! rules said: `verdicts`, `approvals`) → `ready`, `shelve` (due) → `own`, `hold`, `claim` → `settle` → `reconcile`
//! (with `attribute`); `cancel` and `withdraw` take it back, `resend` sends it once more. All of them change a row's state by `moves`, and only there.

pub(crate) mod accept;
pub(crate) mod approvals;
pub(crate) mod attribute;
pub(crate) mod cancel;
pub(crate) mod claim;
pub(crate) mod gather;
pub(crate) mod hold;
pub(crate) mod moves;
pub(crate) mod own;
pub(crate) mod ready;
pub(crate) mod reconcile;
pub(crate) mod resend;
pub(crate) mod settle;
pub(crate) mod shelve;
pub(crate) mod verdicts;
pub(crate) mod withdraw;
