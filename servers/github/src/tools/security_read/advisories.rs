//! The advisories of the repository.

use crate::fetch::{Fetch, InRepo, View};
use crate::shapes::ADVISORY;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Advisories;

impl Fetch for Advisories {
    type Args = InRepo;
    const VIEW: View = View::table("advisories", ADVISORY).by_cursors();

    fn route(repo: &RepoRef, _args: &InRepo) -> Result<Route, SourceError> {
        Ok(repo.route().at("security-advisories"))
    }
}
