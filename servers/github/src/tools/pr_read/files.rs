//! The files that it changes.

use crate::fetch::{Fetch, OfNumber, View};
use crate::shapes::FILE;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Files;

impl Fetch for Files {
    type Args = OfNumber;
    const VIEW: View = View::table("files", FILE);

    fn route(repo: &RepoRef, args: &OfNumber) -> Result<Route, SourceError> {
        Ok(repo.route().at("pulls").number(args.number).at("files"))
    }
}
