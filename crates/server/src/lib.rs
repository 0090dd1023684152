//! The HTTP face of Hongyan: the JSON API, WeChat's callback, metrics, health, and the console with its users.
//!
//! One endpoint is one short function: read, ask the engine or the store, answer. Nothing is decided here about
//! a message; what the engine says is put into HTTP's words. Secrets never come back in any answer.

mod account;
mod address;
pub(crate) mod alert;
mod answer;
mod app;
mod approval;
mod audit;
mod auth;
mod body;
mod callback;
pub mod check;
mod click_stats;
mod compliance;
mod console;
mod content;
mod day;
mod events;
mod field;
mod health;
mod hold;
mod key;
mod lang;
mod linger;
mod link;
mod message;
mod metrics;
mod on_time;
mod overview;
mod path;
pub mod personal;
mod policy;
mod problem;
mod query;
mod queue;
mod recipient;
mod right;
mod routes;
mod scenario;
mod series;
mod serve;
mod setup;
mod stats;
mod table;
mod text;
mod throttle;
mod trigger_batch;
mod user;
mod watch;
mod webhook;

pub use app::{App, Parts, Settings};
pub use problem::{Code, FieldErrorBody, Problem, WeChatAnswer, told};
pub use right::Right;
pub use routes::{openapi, router};
pub use serve::serve;
pub use text::Text;
