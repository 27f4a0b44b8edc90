//! Logs, to stderr. Whatever level is asked for, no library gets to log payloads: rmcp prints
//! whole requests and results at `debug`, and their errors at `warn`.

use std::str::FromStr as _;

use tracing::Level;
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

/// Begins logging at `level` (a level, or targets as in `RUST_LOG`), by default warnings.
pub(crate) fn begin(level: Option<&str>) {
    let targets = level.and_then(|level| Targets::from_str(level).ok());
    let targets = targets.unwrap_or_else(|| Targets::new().with_default(Level::WARN));
    let ours =
        filter_fn(|meta| meta.target().starts_with("lockkeeper") || *meta.level() == Level::ERROR);
    let layer = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_filter(ours)
        .with_filter(targets);
    if tracing_subscriber::registry().with(layer).try_init().is_err() {
        // A test in the same process has begun before.
    }
    std::panic::set_hook(Box::new(|panic| {
        // Where, not what: a panic's message can hold data.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a defect: panicked");
    }));
}
