//! GitHub for tests: a front that holds every request against GitHub's official `OpenAPI` document,
//! answers from the examples in it or from an emulator that keeps state, and does what the emulator
//! doesn't: validators, quotas, scopes, unknown tokens, faults.
#![expect(clippy::disallowed_methods, reason = "starts the emulator and prepares its files")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test whose counterpart fails has failed"
)]
#![cfg_attr(
    all(feature = "faults", feature = "in-process"),
    expect(
        clippy::indexing_slicing,
        reason = "indexing a JSON value by key yields null, no panic"
    )
)]

#[cfg(all(feature = "faults", feature = "in-process"))]
mod document;
mod emulator;
#[cfg(all(feature = "faults", feature = "in-process"))]
mod front;
#[cfg(all(feature = "faults", feature = "in-process"))]
mod recorded;

use std::path::PathBuf;

pub use self::emulator::{Emulator, STRANGER, TOKEN};
#[cfg(all(feature = "faults", feature = "in-process"))]
pub use self::front::{APP_TOKEN, Front, Said, Seen};
#[cfg(all(feature = "faults", feature = "in-process"))]
pub use self::recorded::Recorded;

/// Where a counterpart that needs Node lies; none if this run does without it.
///
/// # Panics
///
/// If nothing says where.
pub fn counterpart(name: &str, variable: &str) -> Option<PathBuf> {
    let without = std::env::var("LOCKKEEPER_WITHOUT").unwrap_or_default();
    if without.split(',').any(|left_out| left_out == name || left_out == "node") {
        return None;
    }
    let Some(path) = std::env::var_os(variable) else {
        panic!(
            "{variable} is not set: run `cargo xtask test`, with `--without {name}` to do without"
        )
    };
    Some(path.into())
}
