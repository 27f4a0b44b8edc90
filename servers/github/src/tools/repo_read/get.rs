//! The repository itself.

use crate::fetch::{Fetch, InRepo, View};
use crate::shapes::REPO_FULL;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Get;

impl Fetch for Get {
    type Args = InRepo;
    const VIEW: View = View::record("repository", REPO_FULL);

    fn route(repo: &RepoRef, _args: &InRepo) -> Result<Route, SourceError> {
        Ok(repo.route())
    }
}
