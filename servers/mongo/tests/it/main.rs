//! The server as its users meet it: what it lists.

use std::path::Path;

use lockkeeper_mongo::MongoDb;
use lockkeeper_testkit::surface::{self, Budget};

/// The budgets of DESIGN §12 allow 6,000 bytes read-only and 12,000 in all.
const BUDGET: Budget = Budget { read_only: 6_000, all: 12_000 };

#[test]
fn the_surface_keeps_the_rules() {
    let switches = ["--export-dir", env!("CARGO_MANIFEST_DIR"), "--manage-indexes"];
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    surface::check_with::<MongoDb>(&["mongodb://localhost/app"], &switches, package, BUDGET);
}
