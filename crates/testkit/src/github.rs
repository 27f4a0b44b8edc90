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

pub use self::emulator::{Emulator, TOKEN};
#[cfg(all(feature = "faults", feature = "in-process"))]
pub use self::front::{Front, Said, Seen};
