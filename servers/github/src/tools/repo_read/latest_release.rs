//! The newest release that is neither draft nor prerelease.

use crate::fetch::{Fetch, InRepo, View};
use crate::shapes::RELEASE_FULL;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct LatestRelease;

impl Fetch for LatestRelease {
    type Args = InRepo;
    const VIEW: View = View::record("latest release", RELEASE_FULL);

    fn route(repo: &RepoRef, _args: &InRepo) -> Result<Route, SourceError> {
        Ok(repo.route().at("releases").at("latest"))
    }
}
