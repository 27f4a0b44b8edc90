//! What was said at its lines.

use crate::fetch::{Fetch, OfNumber, View};
use crate::shapes::REVIEW_COMMENT;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct ReviewComments;

impl Fetch for ReviewComments {
    type Args = OfNumber;
    const VIEW: View = View::blocks("review comments", REVIEW_COMMENT);

    fn route(repo: &RepoRef, args: &OfNumber) -> Result<Route, SourceError> {
        Ok(repo.route().at("pulls").number(args.number).at("comments"))
    }
}
