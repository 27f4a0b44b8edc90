//! Organizations.

use super::query::Search;
use crate::fetch::View;
use crate::shapes::PERSON;

pub(super) struct Orgs;

impl Search for Orgs {
    const VIEW: View = View::table("organizations found", PERSON).within("items");
    const PLACE: &'static str = "users";
    const ALWAYS: &'static str = "type:org";
    const IN_REPOS: bool = false;
}
