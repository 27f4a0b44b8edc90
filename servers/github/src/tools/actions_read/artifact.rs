//! One artifact.

use crate::fetch::{Fetch, OfId, View};
use crate::shapes::ARTIFACT_FULL;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Artifact;

impl Fetch for Artifact {
    type Args = OfId;
    const VIEW: View = View::record("artifact", ARTIFACT_FULL);

    fn route(repo: &RepoRef, args: &OfId) -> Result<Route, SourceError> {
        Ok(repo.route().at("actions").at("artifacts").number(args.id))
    }
}
