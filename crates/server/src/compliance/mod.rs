//! Compliance: the daily self-check, what WeChat blocked, risk, brakes, complaints.

mod blocked;
mod brakes;
mod complaints;
mod csv;
mod report;
mod risk;

pub(crate) use blocked::*;
pub(crate) use brakes::*;
pub(crate) use complaints::*;
pub(crate) use report::*;
pub(crate) use risk::*;

use hongyan_domain::AccountId;

use crate::access::auth::Caller;
use crate::answer::problem::Problem;
use crate::app::App;

/// The account named, or all this caller may know of.
fn accounts(app: &App, caller: &Caller, appid: Option<&str>) -> Result<Vec<AccountId>, Problem> {
    if let Some(appid) = appid.filter(|appid| !appid.is_empty()) {
        return Ok(vec![app.account(caller, appid)?.id()]);
    }
    let catalog = app.engine().catalog();
    let may = catalog.accounts().map(|account| account.id()).filter(|id| caller.may_touch(*id));
    Ok(may.collect())
}

/// Whose appid that is; empty: an account that is gone.
fn appid(app: &App, account: AccountId) -> String {
    let catalog = app.engine().catalog();
    catalog.by_id(account).map_or_else(String::new, |account| account.appid().to_string())
}
