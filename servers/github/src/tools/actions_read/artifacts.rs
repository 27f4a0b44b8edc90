//! What a run left behind.

use crate::fetch::{Fetch, OfId, View};
use crate::shapes::ARTIFACT;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Artifacts;

impl Fetch for Artifacts {
    type Args = OfId;
    const VIEW: View = View::table("artifacts of run", ARTIFACT).within("artifacts");

    fn route(repo: &RepoRef, args: &OfId) -> Result<Route, SourceError> {
        Ok(repo.route().at("actions").at("runs").number(args.id).at("artifacts"))
    }
}
