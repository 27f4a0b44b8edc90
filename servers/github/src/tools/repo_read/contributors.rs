//! Who committed to it, and how often.

use crate::fetch::{Fetch, InRepo, View};
use crate::shapes::CONTRIBUTOR;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Contributors;

impl Fetch for Contributors {
    type Args = InRepo;
    const VIEW: View = View::table("contributors", CONTRIBUTOR);

    fn route(repo: &RepoRef, _args: &InRepo) -> Result<Route, SourceError> {
        Ok(repo.route().at("contributors"))
    }
}
