//! The issue that it is a sub-issue of.

use crate::fetch::{Fetch, OfNumber, View};
use crate::shapes::PARENT;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Parent;

impl Fetch for Parent {
    type Args = OfNumber;
    const VIEW: View = View::record("parent", PARENT);

    fn route(repo: &RepoRef, args: &OfNumber) -> Result<Route, SourceError> {
        Ok(repo.route().at("issues").number(args.number).at("parent"))
    }
}
