//! Its tags.

use crate::fetch::{Fetch, InRepo, View};
use crate::shapes::TAG;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Tags;

impl Fetch for Tags {
    type Args = InRepo;
    const VIEW: View = View::table("tags", TAG);

    fn route(repo: &RepoRef, _args: &InRepo) -> Result<Route, SourceError> {
        Ok(repo.route().at("tags"))
    }
}
