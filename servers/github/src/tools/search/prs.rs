//! Pull requests.

use super::query::Search;
use crate::fetch::View;
use crate::shapes::FOUND;

pub(super) struct Prs;

impl Search for Prs {
    const VIEW: View = View::table("pull requests found", FOUND).within("items");
    const PLACE: &'static str = "issues";
    const ALWAYS: &'static str = "is:pr";
}
