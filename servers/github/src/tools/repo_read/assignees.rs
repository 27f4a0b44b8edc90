//! Who can be assigned to its issues.

use crate::fetch::{Fetch, InRepo, View};
use crate::shapes::PERSON;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Assignees;

impl Fetch for Assignees {
    type Args = InRepo;
    const VIEW: View = View::table("assignees", PERSON);

    fn route(repo: &RepoRef, _args: &InRepo) -> Result<Route, SourceError> {
        Ok(repo.route().at("assignees"))
    }
}
