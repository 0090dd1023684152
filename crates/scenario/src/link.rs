//! Where a tap leads: the link of a scenario, read and filled. Only path, query and fragment hold values: a trigger
//! never chooses the host.

use std::collections::BTreeMap;

use hongyan_domain::FieldCode::{BadExpression, BadFormat, Missing};
use hongyan_domain::request::{check_miniprogram, check_url};
use hongyan_domain::{FieldError, Miniprogram};
use minijinja::Value;

use crate::expression::{Expression, Expressions, Target};
use crate::scan;
use crate::scenario::{Link, Param};

/// A link that was read.
#[derive(Clone, Debug)]
pub(crate) struct LinkForm {
    url: Option<Expression>,
    appid: Option<String>,
    pagepath: Option<Expression>,
}

/// A link that was filled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filled {
    pub(crate) url: Option<String>,
    pub(crate) miniprogram: Option<Miniprogram>,
}

impl LinkForm {
    /// Reads the link that stands at `place`. Errors: all that is wrong with it.
    pub(crate) fn read(
        expressions: &mut Expressions,
        place: &str,
        link: &Link,
        declared: &BTreeMap<String, Param>,
    ) -> Result<Self, Vec<FieldError>> {
        let mut faults = Vec::new();
        if link.url.is_none() && link.miniprogram.is_none() {
            faults.push(FieldError::new(
                place.to_owned(),
                Missing,
                "leads nowhere: give url, miniprogram or both",
            ));
        }
        let mut part = |name: &str, source: Option<&str>, fault: fn(&str) -> Option<&'static str>| {
            let (source, place) = (source?, format!("{place}.{name}"));
            faults.extend(fault(source).map(|message| FieldError::new(place.clone(), BadFormat, message)));
            expressions.read(place, source, Target::Link, declared).map_err(|found| faults.extend(found)).ok()
        };
        let pagepath = link.miniprogram.as_ref().and_then(|miniprogram| miniprogram.pagepath.as_deref());
        let url = part("url", link.url.as_deref(), url_fault);
        let pagepath = part("miniprogram.pagepath", pagepath, pagepath_fault);
        if let Some(miniprogram) = &link.miniprogram {
            let bare = Miniprogram { appid: miniprogram.appid.clone(), pagepath: Some("pages".to_owned()) };
            faults.extend(check_miniprogram(bare).err().into_iter().flatten().map(|fault| at(place, fault)));
        }
        let appid = link.miniprogram.as_ref().map(|miniprogram| miniprogram.appid.clone());
        if faults.is_empty() { Ok(Self { url, appid, pagepath }) } else { Err(faults) }
    }

    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.url.iter().chain(&self.pagepath)
    }

    /// Fills it. Errors: an expression fails, or the result is no link.
    pub(crate) fn fill(
        &self,
        expressions: &Expressions,
        scope: &Value,
        faults: &mut Vec<FieldError>,
    ) -> Filled {
        let url = self.url.as_ref().and_then(|url| filled_part(expressions, url, scope, faults));
        let pagepath =
            self.pagepath.as_ref().and_then(|pagepath| filled_part(expressions, pagepath, scope, faults));
        let miniprogram = self.appid.clone().map(|appid| Miniprogram { appid, pagepath });
        if let (Some(url), Some(expression)) = (&url, &self.url) {
            faults.extend(
                check_url(url)
                    .err()
                    .map(|fault| FieldError { field: expression.place.clone().into(), ..fault }),
            );
        }
        let Some(miniprogram) = miniprogram else { return Filled { url, miniprogram: None } };
        let miniprogram = check_miniprogram(miniprogram).map_err(|found| {
            faults.extend(found.into_iter().map(|fault| at("link", fault)));
        });
        Filled { url, miniprogram: miniprogram.ok().flatten() }
    }
}

fn filled_part(
    expressions: &Expressions,
    expression: &Expression,
    scope: &Value,
    faults: &mut Vec<FieldError>,
) -> Option<String> {
    let text = expressions.work_out(expression, scope).map_err(|fault| faults.push(fault)).ok()?;
    if steps_aside(&text) {
        let message = "has a step . or .. in its path, which leads to another page: give a whole name";
        faults.push(FieldError::new(expression.place.clone(), BadExpression, message));
        return None;
    }
    Some(text)
}

/// The domain's `miniprogram.appid`, where it stands in the scenario.
fn at(place: &str, fault: FieldError) -> FieldError {
    FieldError { field: format!("{place}.{}", fault.field).into(), ..fault }
}

/// Whether the path has a step that a client takes before it asks.
fn steps_aside(link: &str) -> bool {
    let path = link.split(['?', '#']).next().unwrap_or(link);
    path.split('/').any(|step| step == "." || step == "..")
}

fn url_fault(source: &str) -> Option<&'static str> {
    let fixed = &source[..scan::first_code(source).unwrap_or(source.len())];
    let is_whole =
        scan::is_constant(source) || host_of(fixed).is_some_and(|rest| rest.contains(['/', '?', '#']));
    let message =
        "has to begin with scheme and host written out, like https://shop.example/orders/{{ order_no }}";
    match check_url(fixed) {
        Ok(()) if is_whole => None,
        _ => Some(message),
    }
}

fn host_of(url: &str) -> Option<&str> {
    url.split_once("://").map(|(_, rest)| rest)
}

fn pagepath_fault(source: &str) -> Option<&'static str> {
    let begins = scan::first_code(source) != Some(0) && !source.is_empty();
    let message = "has to begin with the page written out, like pages/order?id={{ order_no }}";
    (!begins).then_some(message)
}
