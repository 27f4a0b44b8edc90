//! Its releases, newest first.

use crate::fetch::{Fetch, InRepo, View};
use crate::shapes::RELEASE;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Releases;

impl Fetch for Releases {
    type Args = InRepo;
    const VIEW: View = View::table("releases", RELEASE);

    fn route(repo: &RepoRef, _args: &InRepo) -> Result<Route, SourceError> {
        Ok(repo.route().at("releases"))
    }
}
