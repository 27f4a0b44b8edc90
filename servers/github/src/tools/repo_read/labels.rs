//! Its labels.

use crate::fetch::{Fetch, InRepo, View};
use crate::shapes::LABEL;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Labels;

impl Fetch for Labels {
    type Args = InRepo;
    const VIEW: View = View::table("labels", LABEL);

    fn route(repo: &RepoRef, _args: &InRepo) -> Result<Route, SourceError> {
        Ok(repo.route().at("labels"))
    }
}
