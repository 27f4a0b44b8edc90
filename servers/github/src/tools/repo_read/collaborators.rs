//! Who has access, and in which role.

use crate::fetch::{Fetch, InRepo, View};
use crate::shapes::COLLABORATOR;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Collaborators;

impl Fetch for Collaborators {
    type Args = InRepo;
    const VIEW: View = View::table("collaborators", COLLABORATOR);

    fn route(repo: &RepoRef, _args: &InRepo) -> Result<Route, SourceError> {
        Ok(repo.route().at("collaborators"))
    }
}
