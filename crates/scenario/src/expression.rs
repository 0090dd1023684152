//! Texts with expressions: read once, worked out for every trigger, fenced on all sides.
//!
//! The fence: no other template, no function, a closed list of filters; fuel for what they do and make; a bound on
//! the source and on the result. An undefined param is an error that names it.

use std::collections::BTreeMap;

use hongyan_domain::FieldCode::{self, BadExpression, Missing, TooLong, UnknownParam};
use hongyan_domain::{FieldError, Sentence, says};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};

use crate::filters::{self, FILTERS, Refusal, TESTS};
use crate::param::{names, shown};
use crate::scan::{self, Role, Word};
use crate::scenario::Param;
use crate::scope::{COUNT, ITEMS};

/// Longest text with expressions, in bytes.
pub const EXPRESSION_MAX: usize = 1024;
/// Longest result, in bytes: the longest value that a message takes.
const RESULT_MAX: usize = hongyan_domain::data::VALUE_MAX;
/// What one text may cost: about so many steps, or 64 bytes of text for each. A merged message of 100 items with
/// three steps an item needs 2,000; all of it is spent in under a millisecond and 640 KB.
const FUEL: u64 = 10_000;
/// Statements, after `{%`.
const STATEMENTS: [&str; 8] = ["if", "elif", "else", "endif", "for", "endfor", "set", "endset"];

/// Where a result goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A field of the template: as it is.
    Field,
    /// A link: values percent-encoded.
    Link,
}

/// The texts of one scenario, read.
#[derive(Debug)]
pub(crate) struct Expressions {
    fields: Environment<'static>,
    links: Environment<'static>,
}

/// A text that was read.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    /// Where it stands in the scenario: `fields.thing1`. Also its name among the others.
    pub(crate) place: String,
    /// The params that it uses, sorted.
    pub(crate) uses: Vec<String>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Constant(String),
    Code(Target),
}

impl Expressions {
    pub(crate) fn new() -> Self {
        Self { fields: environment(Target::Field), links: environment(Target::Link) }
    }

    /// Reads a text. Errors: all that is wrong with it, with its place.
    pub(crate) fn read(
        &mut self,
        place: String,
        source: &str,
        target: Target,
        declared: &BTreeMap<String, Param>,
    ) -> Result<Expression, Vec<FieldError>> {
        if source.len() > EXPRESSION_MAX {
            let message = says!(
                "has {given} bytes: at most {allowed} are allowed",
                given = source.len(),
                allowed = EXPRESSION_MAX
            );
            return Err(vec![FieldError::new(place, TooLong, message)]);
        }
        if scan::is_constant(source) {
            return Ok(Expression { place, uses: Vec::new(), kind: Kind::Constant(source.to_owned()) });
        }
        let env = match target {
            Target::Field => &mut self.fields,
            Target::Link => &mut self.links,
        };
        let uses = match env.add_template_owned(place.clone(), source.to_owned()) {
            Ok(()) => env.get_template(&place).map(|template| sorted(template.undeclared_variables(false))),
            Err(error) => Err(error),
        };
        let uses = uses.map_err(|error| vec![unreadable(&place, source, &error)])?;
        let faults = strange_words(&place, source, &uses, declared);
        if faults.is_empty() { Ok(Expression { place, uses, kind: Kind::Code(target) }) } else { Err(faults) }
    }

    /// Works a text out. Errors name the place and the params that are absent, never a value.
    pub(crate) fn work_out(&self, expression: &Expression, scope: &Value) -> Result<String, FieldError> {
        let env = match &expression.kind {
            Kind::Constant(text) => return Ok(text.clone()),
            Kind::Code(Target::Field) => &self.fields,
            Kind::Code(Target::Link) => &self.links,
        };
        let result = env.get_template(&expression.place).and_then(|template| template.render(scope.clone()));
        match result {
            Ok(text) if text.len() <= RESULT_MAX => Ok(text),
            Ok(text) => {
                let message = says!(
                    "comes to {given} bytes: at most {allowed} are allowed, shorten(n) it",
                    given = text.len(),
                    allowed = RESULT_MAX
                );
                Err(FieldError::new(expression.place.clone(), TooLong, message))
            }
            Err(error) => Err(failed(expression, &error, scope)),
        }
    }
}

fn environment(target: Target) -> Environment<'static> {
    let mut env = Environment::empty();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    env.set_debug(false);
    match target {
        Target::Field => env.set_formatter(filters::write),
        Target::Link => env.set_formatter(filters::write_encoded),
    }
    filters::add_to(&mut env);
    env
}

fn sorted(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_unstable();
    names
}

fn is_known(declared: &BTreeMap<String, Param>, name: &str) -> bool {
    declared.contains_key(name) || name == ITEMS || name == COUNT
}

/// The character at a byte, counted from 1.
fn character(source: &str, at: usize) -> usize {
    source.char_indices().take_while(|&(start, _)| start < at).count() + 1
}

fn unreadable(place: &str, source: &str, error: &Error) -> FieldError {
    let at = error.range().map_or(1, |range| character(source, range.start));
    let what = error.detail().unwrap_or("this cannot be read");
    let message = says!(
        "at character {at}: {what}; write text and {form}, like {example}",
        at,
        what,
        form = "{{ param | filter }}",
        example = "{{ amount | yuan }}"
    );
    FieldError::new(place.to_owned(), BadExpression, message)
}

/// Words that mean nothing here: filters, tests, statements, functions, params.
fn strange_words(
    place: &str,
    source: &str,
    uses: &[String],
    declared: &BTreeMap<String, Param>,
) -> Vec<FieldError> {
    let words = scan::words(source);
    let is_called = |name: &str| words.iter().any(|word| word.role == Role::Call && word.name == name);
    let unknown = uses.iter().filter(|name| !is_known(declared, name) && !is_called(name));
    let unknown = unknown.map(|name| unknown_param(place, name, declared));
    words.iter().filter_map(|word| strange(place, source, word)).chain(unknown).collect()
}

fn strange(place: &str, source: &str, word: &Word<'_>) -> Option<FieldError> {
    let (what, allowed) = match word.role {
        Role::Filter => ("filter", &FILTERS[..]),
        Role::Test => ("test", &TESTS[..]),
        Role::Statement => ("statement", &STATEMENTS[..]),
        Role::Call => ("function", &[][..]),
    };
    if allowed.contains(&word.name) {
        return None;
    }
    let (at, name) = (character(source, word.at), shown(word.name));
    let message = match allowed.join(", ") {
        none if none.is_empty() => {
            says!(
                "at character {at}: {name} is no {what} here: nothing can be called, use a filter",
                at,
                name,
                what
            )
        }
        allowed => {
            says!(
                "at character {at}: {name} is no {what} here: allowed are {allowed}",
                at,
                name,
                what,
                allowed
            )
        }
    };
    Some(FieldError::new(place.to_owned(), BadExpression, message))
}

fn unknown_param(place: &str, name: &str, declared: &BTreeMap<String, Param>) -> FieldError {
    let name = shown(name);
    let message = match names(declared) {
        none if none.is_empty() => says!("uses {name}, which is no param: the scenario declares none", name),
        known => says!("uses {name}, which is no param: declared are {known}", name, known),
    };
    FieldError::new(place.to_owned(), UnknownParam, message)
}

fn failed(expression: &Expression, error: &Error, scope: &Value) -> FieldError {
    let absent = |name: &&String| scope.get_attr(name).is_ok_and(|value| value.is_undefined());
    let (code, message): (FieldCode, Sentence) = match (error.kind(), refusal(error)) {
        (_, Some(refusal)) => (BadExpression, refusal.0.into()),
        (ErrorKind::UndefinedError, None) => {
            match expression.uses.iter().filter(absent).map(String::as_str).collect::<Vec<_>>() {
                none if none.is_empty() => {
                    (BadExpression, "asks for a part that is not there: use default(\"…\")".into())
                }
                names => (Missing, not_given(&names.join(", "))),
            }
        }
        (ErrorKind::OutOfFuel, None) => {
            (BadExpression, "does too much: give fewer or shorter items, or shorten(n) them earlier".into())
        }
        // The engine's own words may repeat a value.
        (kind, None) => (
            BadExpression,
            says!(
                "cannot be worked out with these params ({kind}): compare and compute only whole numbers",
                kind
            ),
        ),
    };
    FieldError::new(expression.place.clone(), code, message)
}

fn not_given(names: &str) -> Sentence {
    let default = format!("{{{{ {names} | default(\"…\") }}}}");
    says!("uses {names}, which is not given: give it, or write {default}", names, default)
}

fn refusal(error: &Error) -> Option<&Refusal> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(refusal) = error.downcast_ref() {
            return Some(refusal);
        }
        next = error.source();
    }
    None
}
