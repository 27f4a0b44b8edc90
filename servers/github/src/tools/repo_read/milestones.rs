//! Its open and closed milestones.

use crate::fetch::{Fetch, InRepo, View};
use crate::shapes::MILESTONE;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Milestones;

impl Fetch for Milestones {
    type Args = InRepo;
    const VIEW: View = View::table("milestones", MILESTONE);

    fn route(repo: &RepoRef, _args: &InRepo) -> Result<Route, SourceError> {
        Ok(repo.route().at("milestones").query("state", "all"))
    }
}
