//! Topics.

use super::query::Search;
use crate::fetch::View;
use crate::shapes::TOPIC;

pub(super) struct Topics;

impl Search for Topics {
    const VIEW: View = View::table("topics found", TOPIC).within("items");
    const PLACE: &'static str = "topics";
    const SORTS: bool = false;
    const IN_REPOS: bool = false;
}
