//! Dependencies with known flaws.

use super::args::OfAlerts;
use crate::fetch::{Fetch, View};
use crate::shapes::DEPENDABOT;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Dependabot;

impl Fetch for Dependabot {
    type Args = OfAlerts;
    const VIEW: View = View::table("Dependabot alerts", DEPENDABOT).by_cursors();

    fn route(repo: &RepoRef, args: &OfAlerts) -> Result<Route, SourceError> {
        Ok(repo.route().at("dependabot").at("alerts").maybe("state", args.state.as_deref()))
    }
}
