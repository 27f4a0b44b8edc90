//! Its branches.

use crate::fetch::{Fetch, InRepo, View};
use crate::shapes::BRANCH;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Branches;

impl Fetch for Branches {
    type Args = InRepo;
    const VIEW: View = View::table("branches", BRANCH);

    fn route(repo: &RepoRef, _args: &InRepo) -> Result<Route, SourceError> {
        Ok(repo.route().at("branches"))
    }
}
