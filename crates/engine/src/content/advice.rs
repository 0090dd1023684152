//! How a message could be read and tapped more: the adviser, asked about what is at hand. It never blocks.

use hongyan_content::{Advice, Draft, DraftField, Industry, advise};
use hongyan_domain::{Data, Tap, Template};

/// What could be better of a filled template, by the figures of its own industry.
pub fn of(template: &Template, data: &Data<'_>, tap: &Tap) -> Vec<Advice> {
    with(template, data, tap, industry_of(template))
}

/// The same, by the figures of this industry.
pub fn with(template: &Template, data: &Data<'_>, tap: &Tap, industry: Option<Industry>) -> Vec<Advice> {
    let field = |name| Some(DraftField { name, value: data.value(name)?, colour: None });
    let fields: Vec<_> = data.names().filter_map(field).collect();
    advise(&Draft { template, fields: &fields, tap, industry })
}

/// The trade whose figures a template is compared with, as far as WeChat's industry tells.
pub fn industry_of(template: &Template) -> Option<Industry> {
    Industry::of_wechat(&template.deputy_industry)
}
