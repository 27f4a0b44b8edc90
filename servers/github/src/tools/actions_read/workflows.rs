//! Its workflows.

use crate::fetch::{Fetch, InRepo, View};
use crate::shapes::WORKFLOW;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Workflows;

impl Fetch for Workflows {
    type Args = InRepo;
    const VIEW: View = View::table("workflows", WORKFLOW).within("workflows");

    fn route(repo: &RepoRef, _args: &InRepo) -> Result<Route, SourceError> {
        Ok(repo.route().at("actions").at("workflows"))
    }
}
