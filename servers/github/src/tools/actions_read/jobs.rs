//! The jobs of the latest attempt of a run.

use crate::fetch::{Fetch, OfId, View};
use crate::shapes::JOB;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Jobs;

impl Fetch for Jobs {
    type Args = OfId;
    const VIEW: View = View::table("jobs of run", JOB).within("jobs");

    fn route(repo: &RepoRef, args: &OfId) -> Result<Route, SourceError> {
        Ok(repo.route().at("actions").at("runs").number(args.id).at("jobs"))
    }
}
