//! The types that its issues can have.

use crate::fetch::{Fetch, InRepo, View};
use crate::shapes::NAMED;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct IssueTypes;

impl Fetch for IssueTypes {
    type Args = InRepo;
    const VIEW: View = View::table("issue types", NAMED).whole();

    fn route(repo: &RepoRef, _args: &InRepo) -> Result<Route, SourceError> {
        Ok(repo.route().at("issue-types"))
    }
}
