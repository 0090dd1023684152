//! The in-process test harness: the real store, engine, client and HTTP server against the simulator, on one clock
//! that only the test moves. Nothing here sleeps or looks again and again: `advance` moves the time, `drain` lets
//! everything happen that can happen at that time.
//!
//! ```ignore
//! let world = World::start().await;
//! let id = world.send(&world.body(0)).await;
//! world.drain().await;
//! assert_eq!(world.state(&id).await, "delivered");
//! world.finish().await;
//! ```

mod api;
mod callback;
mod daemon;
mod logs;
mod mail_server;
mod official;
pub mod process;
mod receiver;
mod start;
mod wire;
mod world;

pub use api::{Api, Reply};
pub use callback::Callback;
pub use daemon::Daemon;
pub use logs::Logs;
pub use mail_server::{Begins, MailServer, Manner, Posted};
pub use official::{CONTENT, Official, with};
pub use receiver::{Came, Receiver};
pub use start::{Builder, Receipts};
pub use wire::Wire;
pub use world::World;
