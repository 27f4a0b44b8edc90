//! One of them.

use crate::fetch::{Fetch, OfNumber, View};
use crate::shapes::DEPENDABOT_FULL;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct DependabotAlert;

impl Fetch for DependabotAlert {
    type Args = OfNumber;
    const VIEW: View = View::record("Dependabot alert", DEPENDABOT_FULL);

    fn route(repo: &RepoRef, args: &OfNumber) -> Result<Route, SourceError> {
        Ok(repo.route().at("dependabot").at("alerts").number(args.number))
    }
}
