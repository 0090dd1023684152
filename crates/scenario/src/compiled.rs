//! A scenario that was read and found sound: built once when it is saved or loaded, used for every trigger.

use std::collections::BTreeMap;
use std::sync::Arc;

use hongyan_domain::FieldError;

use crate::expression::{Expression, Expressions, Target};
use crate::faults;
use crate::link::LinkForm;
use crate::param::Declared;
use crate::scenario::Scenario;
use crate::scope::ITEMS;

/// A scenario, ready to render.
#[derive(Debug)]
pub struct Compiled {
    pub(crate) scenario: Scenario,
    pub(crate) expressions: Expressions,
    pub(crate) declared: Declared,
    /// What is said to those who get no variant.
    pub(crate) base: Wording,
    /// The wordings of the variants, in their order.
    pub(crate) variants: Vec<Wording>,
    /// Whether any expression looks at the items.
    pub(crate) uses_items: bool,
}

/// The expressions of one wording.
#[derive(Clone, Debug)]
pub(crate) struct Wording {
    /// By the name of the template's field.
    pub(crate) fields: BTreeMap<String, Expression>,
    pub(crate) link: Option<LinkForm>,
}

impl Wording {
    fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.fields.values().chain(self.link.iter().flat_map(LinkForm::expressions))
    }
}

impl Compiled {
    /// Reads all expressions and checks all that can be known without the template.
    /// Errors: everything that is wrong, with its place in the scenario.
    pub fn new(scenario: Scenario) -> Result<Self, Vec<FieldError>> {
        let mut faults = faults::of(&scenario);
        let mut expressions = Expressions::new();
        let declared: Declared = Arc::new(scenario.params.clone());
        let base = read_base(&mut expressions, &scenario, &mut faults);
        let variants = read_variants(&mut expressions, &scenario, &base, &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let uses_items = [&base].into_iter().chain(&variants).flat_map(Wording::expressions);
        let uses_items = uses_items.flat_map(|expression| &expression.uses).any(|name| name == ITEMS);
        Ok(Self { scenario, expressions, declared, base, variants, uses_items })
    }

    /// The scenario as it was given.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The params that any expression uses.
    pub(crate) fn used(&self) -> impl Iterator<Item = &str> {
        let wordings = [&self.base].into_iter().chain(&self.variants);
        wordings.flat_map(Wording::expressions).flat_map(|expression| &expression.uses).map(String::as_str)
    }
}

fn read_base(expressions: &mut Expressions, scenario: &Scenario, faults: &mut Vec<FieldError>) -> Wording {
    let fields = read_fields(expressions, "", &scenario.fields, (scenario, faults));
    let link = scenario.link.as_ref().and_then(|link| {
        LinkForm::read(expressions, "link", link, &scenario.params).map_err(|found| faults.extend(found)).ok()
    });
    Wording { fields, link }
}

fn read_variants(
    expressions: &mut Expressions,
    scenario: &Scenario,
    base: &Wording,
    faults: &mut Vec<FieldError>,
) -> Vec<Wording> {
    let mut wordings = Vec::with_capacity(scenario.variants.len());
    for (place, variant) in scenario.variants.iter().enumerate() {
        let path = format!("variants[{place}].");
        let mut wording = base.clone();
        wording.fields.extend(read_fields(expressions, &path, &variant.fields, (scenario, faults)));
        if let Some(link) = &variant.link {
            let read = LinkForm::read(expressions, &format!("{path}link"), link, &scenario.params);
            wording.link = read.map_err(|found| faults.extend(found)).ok();
        }
        wordings.push(wording);
    }
    wordings
}

fn read_fields(
    expressions: &mut Expressions,
    path: &str,
    fields: &BTreeMap<String, String>,
    (scenario, faults): (&Scenario, &mut Vec<FieldError>),
) -> BTreeMap<String, Expression> {
    let mut read = BTreeMap::new();
    for (name, source) in fields {
        let place = format!("{path}fields.{}", crate::param::shown(name));
        match expressions.read(place, source, Target::Field, &scenario.params) {
            Ok(expression) => _ = read.insert(name.clone(), expression),
            Err(found) => faults.extend(found),
        }
    }
    read
}
