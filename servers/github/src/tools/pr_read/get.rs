//! One pull request with its text.

use crate::fetch::{Fetch, OfNumber, View};
use crate::shapes::PULL_FULL;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Get;

impl Fetch for Get {
    type Args = OfNumber;
    const VIEW: View = View::record("pull request", PULL_FULL);

    fn route(repo: &RepoRef, args: &OfNumber) -> Result<Route, SourceError> {
        Ok(repo.route().at("pulls").number(args.number))
    }
}
