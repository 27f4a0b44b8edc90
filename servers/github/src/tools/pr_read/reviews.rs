//! Its reviews, oldest first.

use crate::fetch::{Fetch, OfNumber, View};
use crate::shapes::REVIEW;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Reviews;

impl Fetch for Reviews {
    type Args = OfNumber;
    const VIEW: View = View::blocks("reviews", REVIEW);

    fn route(repo: &RepoRef, args: &OfNumber) -> Result<Route, SourceError> {
        Ok(repo.route().at("pulls").number(args.number).at("reviews"))
    }
}
