//! What was said about it as a whole.

use crate::fetch::{Fetch, OfNumber, View};
use crate::shapes::COMMENT;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Comments;

impl Fetch for Comments {
    type Args = OfNumber;
    const VIEW: View = View::blocks("comments", COMMENT);

    fn route(repo: &RepoRef, args: &OfNumber) -> Result<Route, SourceError> {
        Ok(repo.route().at("issues").number(args.number).at("comments"))
    }
}
