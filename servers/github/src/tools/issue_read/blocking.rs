//! The issues that it blocks.

use crate::fetch::{Fetch, OfNumber, View};
use crate::shapes::SUB_ISSUE;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Blocking;

impl Fetch for Blocking {
    type Args = OfNumber;
    const VIEW: View = View::table("blocked issues", SUB_ISSUE);

    fn route(repo: &RepoRef, args: &OfNumber) -> Result<Route, SourceError> {
        Ok(repo.route().at("issues").number(args.number).at("dependencies").at("blocking"))
    }
}
