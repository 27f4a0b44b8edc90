//! The double as its clients see it.
#![expect(
    clippy::disallowed_methods,
    reason = "Google's client is found by the environment, and started"
)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed"
)]

mod accounts;
mod checks;
mod client;
mod content;
mod drives;
mod files;
mod google;
mod search;
mod sharing;
mod uploads;
