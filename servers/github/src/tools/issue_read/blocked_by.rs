//! The issues that block it.

use crate::fetch::{Fetch, OfNumber, View};
use crate::shapes::SUB_ISSUE;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct BlockedBy;

impl Fetch for BlockedBy {
    type Args = OfNumber;
    const VIEW: View = View::table("blockers", SUB_ISSUE);

    fn route(repo: &RepoRef, args: &OfNumber) -> Result<Route, SourceError> {
        Ok(repo.route().at("issues").number(args.number).at("dependencies").at("blocked_by"))
    }
}
