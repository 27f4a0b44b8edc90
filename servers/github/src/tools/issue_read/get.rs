//! One issue or pull request with its text.

use crate::fetch::{Fetch, OfNumber, View};
use crate::shapes::ISSUE_FULL;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Get;

impl Fetch for Get {
    type Args = OfNumber;
    const VIEW: View = View::record("issue", ISSUE_FULL);

    fn route(repo: &RepoRef, args: &OfNumber) -> Result<Route, SourceError> {
        Ok(repo.route().at("issues").number(args.number))
    }
}
