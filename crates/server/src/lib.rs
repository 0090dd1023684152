//! The HTTP face of Hongyan: the JSON API, WeChat's callback, metrics, health, and the console with its users.
//!
//! One endpoint is one short function: read, ask the engine or the store, answer. Nothing is decided here about
//! a message; what the engine says is put into HTTP's words. Secrets never come back in any answer.
//!
//! Endpoints by subject: `message`, `scenario`, `account`, `recipient`, `rules`, `compliance`, `monitor`, `access`,
//! `inbound`; what they are made of: `request`, `answer`; what carries them: `serve`, `routes`.

mod access;
mod account;
mod answer;
mod app;
pub mod check;
mod compliance;
mod inbound;
mod message;
mod monitor;
mod recipient;
mod request;
mod routes;
mod rules;
mod scenario;
mod serve;

pub use access::oidc::Settings as Oidc;
pub use account::right::Right;
pub use answer::problem::{Code, FieldErrorBody, Problem, WeChatAnswer, told};
pub use answer::text::Text;
pub use app::{App, InForce, Parts, Settings};
pub use recipient::personal;
pub use request::body::{json_fault, read as read_json};
pub use routes::{openapi, router};
pub use serve::serve;
