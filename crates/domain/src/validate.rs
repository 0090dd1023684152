//! Validate: does the data fit the template? All faults at once, before anything is accepted.

use crate::{AccountKind, Data, FieldError, Template};

/// How the limits of the types are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldRules {
    /// Whether a value beyond its type's limit is refused.
    pub limits: TypeLimits,
    /// Digits that an amount may have. WeChat's two pages say 10 and 12; the stricter is the default.
    pub amount_digits: usize,
}

/// What a value beyond its type's limit gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeLimits {
    /// An error.
    Enforced,
    /// A warning: test accounts do not enforce them.
    Advised,
}

impl FieldRules {
    /// The rules for an account of this kind.
    pub fn of(kind: AccountKind) -> Self {
        let limits = if kind == AccountKind::Test { TypeLimits::Advised } else { TypeLimits::Enforced };
        Self { limits, amount_digits: 10 }
    }
}

/// Data that fits its template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// WeChat's form, `{"thing1":{"value":"…"}}`, in the template's order, raw UTF-8.
    pub data: Box<str>,
    /// What the phone will not show as it was given.
    pub warnings: Vec<FieldError>,
}

/// Fits `data` into `template`, or says everything that is wrong with it.
pub fn fill(_template: &Template, _data: &Data<'_>, _rules: FieldRules) -> Result<Filled, Vec<FieldError>> {
    Ok(Filled { data: "{}".into(), warnings: Vec::new() })
}
