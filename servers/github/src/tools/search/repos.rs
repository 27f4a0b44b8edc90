//! Repositories.

use super::query::Search;
use crate::fetch::View;
use crate::shapes::REPO;

pub(super) struct Repos;

impl Search for Repos {
    const VIEW: View = View::table("repositories found", REPO).within("items");
    const PLACE: &'static str = "repositories";
}
