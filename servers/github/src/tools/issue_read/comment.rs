//! One comment, to its end.

use crate::fetch::{Fetch, OfId, View};
use crate::shapes::COMMENT;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Comment;

impl Fetch for Comment {
    type Args = OfId;
    const VIEW: View = View::record("comment", COMMENT);

    fn route(repo: &RepoRef, args: &OfId) -> Result<Route, SourceError> {
        Ok(repo.route().at("issues").at("comments").number(args.id))
    }
}
