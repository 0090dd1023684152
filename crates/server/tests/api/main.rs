//! The HTTP face in process: a real store in a temporary folder, a real engine whose clock stands still, and a
//! WeChat that cannot be reached.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod account;
mod application;
mod audit;
mod auth;
mod bad_input;
mod batch;
mod callback;
mod key;
mod language;
mod message;
mod operation;
mod personal;
mod requests;
mod routes;
mod serve;
mod server;
mod setup;
mod template;
mod user;
