//! What happened to it, oldest first.

use crate::fetch::{Fetch, OfNumber, View};
use crate::shapes::EVENT;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Timeline;

impl Fetch for Timeline {
    type Args = OfNumber;
    const VIEW: View = View::blocks("timeline", EVENT);

    fn route(repo: &RepoRef, args: &OfNumber) -> Result<Route, SourceError> {
        Ok(repo.route().at("issues").number(args.number).at("timeline"))
    }
}
