//! A double of Google Drive for tests: files, shared drives, sharing, comments, revisions, changes and
//! uploads, the values of Sheets, the documents of Docs, and the endpoints of Google's accounts, all in
//! memory on one loopback port, with time and ids of its own.
//!
//! Every request is held against Google's discovery documents ([`discovery`]), and so is every answer.
//! What is not of them is a violation, and a double that is dropped with one panics: a test that lets its
//! code speak with the double has checked the code's traffic.
//!
//! ```no_run
//! use lockkeeper_drive_double::{Double, Fault, NewFile, READONLY, Seed};
//!
//! let seed = Seed::new().file(NewFile::text("notes.txt", "hello").id("notes"));
//! let double = Double::start(seed);
//! let token = double.token(&[READONLY]);
//! double.fault(Fault::status(503).on("drive.files.get"));
//! // … requests to `double.url()` with `token` …
//! assert_eq!(double.log().len(), 1);
//! ```
//!
//! | Google's host | here |
//! |---|---|
//! | `www.googleapis.com/drive/v3/`, `/upload/drive/v3/` | the same paths |
//! | `sheets.googleapis.com/v4/`, `docs.googleapis.com/v1/` | the same paths |
//! | `accounts.google.com/o/oauth2/v2/auth` | the same path, and `/auth` |
//! | `oauth2.googleapis.com/token`, `/revoke`, `/device/code` | the same paths |
//! | `sts.googleapis.com/v1/token` | the same path |
//! | `metadata.google.internal/computeMetadata/v1/…` | the same paths |
//!
//! What the double can't show is what Google doesn't write down.

#![expect(clippy::indexing_slicing, reason = "indexing a JSON value by key yields null, no panic")]

mod api;
mod call;
mod content;
mod control;
pub mod discovery;
mod double;
mod error;
mod fault;
mod formats;
mod log;
mod mask;
mod oauth;
mod query;
mod seed;
mod serve;
mod session;
mod upload;
mod world;

pub use self::content::{Checksums, KEPT};
pub use self::double::Double;
pub use self::fault::Fault;
pub use self::log::Seen;
pub use self::seed::{NewBody, NewDrive, NewFile, NewSheet, Seed, mime};

/// The account that is always there, and whose tokens tests use.
pub const ME: &str = "me@example.com";

/// The scope for everything.
pub const FULL: &str = "https://www.googleapis.com/auth/drive";

/// The scope for reading everything.
pub const READONLY: &str = "https://www.googleapis.com/auth/drive.readonly";

/// The scope for what the application itself made or was given.
pub const PER_FILE: &str = "https://www.googleapis.com/auth/drive.file";
