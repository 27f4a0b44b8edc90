//! Its sub-issues, in their order.

use crate::fetch::{Fetch, OfNumber, View};
use crate::shapes::SUB_ISSUE;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct SubIssues;

impl Fetch for SubIssues {
    type Args = OfNumber;
    const VIEW: View = View::table("sub-issues", SUB_ISSUE);

    fn route(repo: &RepoRef, args: &OfNumber) -> Result<Route, SourceError> {
        Ok(repo.route().at("issues").number(args.number).at("sub_issues"))
    }
}
