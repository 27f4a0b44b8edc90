//! One comment at a line, to its end.

use crate::fetch::{Fetch, OfId, View};
use crate::shapes::REVIEW_COMMENT;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct ReviewComment;

impl Fetch for ReviewComment {
    type Args = OfId;
    const VIEW: View = View::record("review comment", REVIEW_COMMENT);

    fn route(repo: &RepoRef, args: &OfId) -> Result<Route, SourceError> {
        Ok(repo.route().at("pulls").at("comments").number(args.id))
    }
}
