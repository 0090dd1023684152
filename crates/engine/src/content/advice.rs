//! How a message could be read and tapped more: the adviser, asked about what is at hand. It never blocks.

use hongyan_content::{Advice, Draft, DraftField, Industry, advise};
use hongyan_domain::{Data, Tap, Template, industry};

use crate::account::catalog::Account;

/// What could be better of a filled template, by the figures of this industry.
pub fn with(template: &Template, data: &Data<'_>, tap: &Tap, industry: Option<Industry>) -> Vec<Advice> {
    let field = |name| Some(DraftField { name, value: data.value(name)?, coloured: data.is_coloured(name) });
    let fields: Vec<_> = data.names().filter_map(field).collect();
    advise(&Draft { template, fields: &fields, tap, industry })
}

/// The trade whose figures a template is compared with: its own, as far as WeChat names one; templates by category have
/// none, and go by their account's.
pub fn industry_of(account: &Account, template: &Template) -> Option<Industry> {
    match industry::of_second_class(&template.deputy_industry) {
        Some(own) => Industry::of_wechat_code(own.code),
        None => account.industry,
    }
}

/// The trade of an account with these industries of WeChat's: the primary one's, or else the secondary's.
pub(crate) fn industry_of_codes((primary, secondary): (u8, u8)) -> Option<Industry> {
    Industry::of_wechat_code(primary).or_else(|| Industry::of_wechat_code(secondary))
}
