//! The server as its users meet it: what it lists, what it prints, and what it reaches.
#![expect(clippy::disallowed_methods, reason = "tests make their own files")]

#[cfg(target_os = "linux")]
mod local_socket;
mod setup;

use std::path::Path;

use lockkeeper_postgres::Postgres;
use lockkeeper_testkit::surface::{self, Budget};

/// The budgets of DESIGN §12 allow 6,000 bytes read-only and 10,000 in all.
const BUDGET: Budget = Budget { read_only: 6_000, all: 10_000 };

#[test]
fn the_surface_keeps_the_rules() {
    let place = "postgresql://nobody@localhost/app";
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    surface::check_with::<Postgres>(&[place], &["--export-dir", "."], package, BUDGET);
}
