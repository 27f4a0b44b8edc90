//! Issues.

use super::query::Search;
use crate::fetch::View;
use crate::shapes::FOUND;

pub(super) struct Issues;

impl Search for Issues {
    const VIEW: View = View::table("issues found", FOUND).within("items");
    const PLACE: &'static str = "issues";
    const ALWAYS: &'static str = "is:issue";
}
