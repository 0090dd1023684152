//! Scenarios that most shops have, ready to bind to a template of an account.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::scenario::Scenario;

/// A scenario that is known by itself; only the template is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueEntry {
    /// Its title in English; the Chinese one is the scenario's.
    pub title_en: String,
    /// The draft: all but template, fields and link.
    pub scenario: Scenario,
    /// What a template shows of it, the most important first.
    pub needs: Vec<Need>,
}

/// A param that a template shows, and how such a field is labelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// The param. If it is required, the template has to show it or be told of otherwise.
    pub param: String,
    /// Words of labels in WeChat's library, the most telling first.
    pub words: Vec<String>,
    /// What is shown where a trigger does not give it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
}

static CATALOGUE: LazyLock<Vec<CatalogueEntry>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../data/catalogue.json")).expect("a test reads the embedded catalogue")
});

/// The built-in scenarios: orders, membership, marketing, logistics, appointments.
pub fn catalogue() -> &'static [CatalogueEntry] {
    &CATALOGUE
}

/// The built-in scenario of that name.
pub fn find(name: &str) -> Option<&'static CatalogueEntry> {
    catalogue().iter().find(|entry| entry.scenario.name.as_str() == name)
}
