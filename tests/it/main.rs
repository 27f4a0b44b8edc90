//! Black-box tests over the real binaries: the fixture connector of this package, which does what
//! it shouldn't, and every server of the workspace. A test speaks to a process over its pipes, in
//! both protocol eras wherever that means something.
#![expect(
    clippy::disallowed_methods,
    reason = "tests start processes, wait for them, and read the environment and the workspace"
)]
#![expect(clippy::indexing_slicing, reason = "indexing a JSON value by key yields null, no panic")]
#![expect(clippy::needless_pass_by_value, reason = "callers write `json!(…)` in place")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on has failed")]

mod answers;
mod architecture;
mod audit;
#[cfg(target_os = "linux")]
mod broker;
mod calls;
mod canary;
mod clients;
mod command_line;
mod confirmation;
#[cfg(unix)]
mod conformance;
mod ending;
mod fixture;
mod governance;
#[cfg(unix)]
mod http;
mod init;
mod jobs;
mod lines;
mod logs;
mod memory;
mod negotiation;
mod policy;
mod purity;
mod rates;
mod register;
mod resources;
mod sandbox;
mod scrape;
mod secrets;
mod status;
mod stress;
mod subscriptions;
mod tidy;
mod tracing;
mod upstream;
mod workspace;
