//! Commits, by their messages.

use super::query::Search;
use crate::fetch::View;
use crate::shapes::COMMIT;

pub(super) struct Commits;

impl Search for Commits {
    const VIEW: View = View::table("commits found", COMMIT).within("items");
    const PLACE: &'static str = "commits";
}
