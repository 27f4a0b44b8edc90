//! Its labels.

use crate::fetch::{Fetch, OfNumber, View};
use crate::shapes::LABEL;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Labels;

impl Fetch for Labels {
    type Args = OfNumber;
    const VIEW: View = View::table("labels", LABEL);

    fn route(repo: &RepoRef, args: &OfNumber) -> Result<Route, SourceError> {
        Ok(repo.route().at("issues").number(args.number).at("labels"))
    }
}
