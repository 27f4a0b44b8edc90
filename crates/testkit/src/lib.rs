//! Tests for connector servers built on lockkeeper-core: ours and yours.
//!
//! | what | for |
//! |---|---|
//! | [`in_process::check`] | one call, in both protocol eras, compared with what the agent should see |
//! | [`in_process::InProcess`] | a session with a server in the test's own process |
//! | [`stdio::Launch`] | the same with a real binary over pipes, byte by byte |
//! | `postgres::Cluster` | a PostgreSQL of its own for a test, with the feature `postgres` |
//! | `mongo::database` | a MongoDB for a test, with the feature `mongo` |
//! | [`surface::check`] | the rules for names, schemas, hints and bytes of every tool |
//! | [`fault::HttpProxy`], [`fault::TcpProxy`] | a real upstream with what networks do to it |
//! | [`notes::NotesService`] | a real upstream |
//! | [`github::Front`] | GitHub, as its document and an emulator have it, every request checked |
//!
//! A connector and its tests in one file, `examples/greeter.rs`:
//!
//! ```
#![doc = include_str!("../examples/greeter.rs")]
//! ```

pub mod dice;
#[cfg(feature = "faults")]
pub mod fault;
#[cfg(feature = "emulate")]
pub mod github;
#[cfg(feature = "in-process")]
pub mod in_process;
#[cfg(feature = "faults")]
mod message;
#[cfg(all(feature = "mongo", unix))]
pub mod mongo;
#[cfg(feature = "faults")]
pub mod notes;
#[cfg(all(feature = "postgres", unix))]
pub mod postgres;
#[cfg(feature = "faults")]
mod serving;
pub mod stdio;
#[cfg(feature = "in-process")]
pub mod surface;

#[cfg(feature = "in-process")]
pub use expect_test::{Expect, expect};
#[cfg(feature = "in-process")]
pub use lockkeeper_core::testing::grant;
