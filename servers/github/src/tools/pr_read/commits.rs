//! Its commits, oldest first.

use crate::fetch::{Fetch, OfNumber, View};
use crate::shapes::COMMIT;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Commits;

impl Fetch for Commits {
    type Args = OfNumber;
    const VIEW: View = View::table("commits", COMMIT);

    fn route(repo: &RepoRef, args: &OfNumber) -> Result<Route, SourceError> {
        Ok(repo.route().at("pulls").number(args.number).at("commits"))
    }
}
