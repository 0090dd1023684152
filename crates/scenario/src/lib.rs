//! What a scenario is, and what a trigger makes of it.
//!
//! Everything here is a value or a pure function: no async, no I/O, no clock, no randomness. A scenario is checked
//! when it is saved ([`check()`]), read once ([`Compiled`]), and then turns triggers into messages ([`render`]), which are
//! validated, judged and sent like any other.

pub mod bind;
pub mod catalogue;
mod check;
mod clock;
mod compiled;
pub mod duration;
mod expression;
mod faults;
mod filters;
mod link;
mod money;
mod name;
mod param;
mod sample;
mod scan;
pub mod scenario;
pub mod schedule;
mod scope;
mod trigger;
mod variant;

pub use bind::{Binding, bind};
pub use catalogue::{CatalogueEntry, Need, catalogue};
pub use check::check;
pub use compiled::Compiled;
pub use expression::EXPRESSION_MAX;
pub use name::{BadName, NAME_MAX, Name};
pub use param::Params;
pub use sample::with_fresh_examples;
pub use scenario::{
    Caps, Link, Merge, MergeBy, MiniprogramLink, Param, ParamKind, Scenario, Timing, Utm, Variant, WhenLate,
};
pub use schedule::Schedule;
pub use trigger::{ITEMS_MAX, Rendered, Trigger, occurred_at, render};
pub use variant::variant_of;

/// The README's example holds.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
