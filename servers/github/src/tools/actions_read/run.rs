//! One run.

use crate::fetch::{Fetch, OfId, View};
use crate::shapes::RUN_FULL;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Run;

impl Fetch for Run {
    type Args = OfId;
    const VIEW: View = View::record("run", RUN_FULL);

    fn route(repo: &RepoRef, args: &OfId) -> Result<Route, SourceError> {
        Ok(repo.route().at("actions").at("runs").number(args.id))
    }
}
