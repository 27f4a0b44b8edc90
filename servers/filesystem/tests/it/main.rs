//! The server as its users meet it: what it lists, and what it does to those who try to get out.
#![expect(clippy::disallowed_methods, reason = "tests make their own files")]

mod crash;
#[cfg(target_os = "linux")]
mod sandbox;

use std::path::Path;

use lockkeeper_filesystem::Filesystem;
use lockkeeper_testkit::surface::{self, Budget};

/// The budgets of DESIGN §12 allow 5,500 bytes read-only and 11,000 in all; a new byte here is a decision.
const BUDGET: Budget = Budget { read_only: 5_480, all: 9_700 };

#[test]
fn the_surface_keeps_the_rules() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().to_str().unwrap();
    surface::check::<Filesystem>(&[root], Path::new(env!("CARGO_MANIFEST_DIR")), BUDGET);
}
