//! The server as its users meet it: what it lists, and how it moves bulk.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests make their own files, and measure"
)]

#[cfg(target_os = "linux")]
mod bulk;
#[cfg(target_os = "linux")]
mod live;
#[cfg(target_os = "linux")]
mod login;

use std::path::Path;

use lockkeeper_drive::Drive;
use lockkeeper_testkit::surface::{self, Budget};

/// The budgets of DESIGN §12 allow 5,000 bytes read-only and 9,000 in all.
const BUDGET: Budget = Budget { read_only: 5_000, all: 9_000 };

#[test]
fn the_surface_keeps_the_rules() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    surface::check_with::<Drive>(&[], &["--export-dir", ".", "--share"], package, BUDGET);
}
