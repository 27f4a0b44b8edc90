//! What code scanning found.

use super::args::OfAlerts;
use crate::fetch::{Fetch, View};
use crate::shapes::CODE_ALERT;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct CodeScanning;

impl Fetch for CodeScanning {
    type Args = OfAlerts;
    const VIEW: View = View::table("code scanning alerts", CODE_ALERT);

    fn route(repo: &RepoRef, args: &OfAlerts) -> Result<Route, SourceError> {
        Ok(repo.route().at("code-scanning").at("alerts").maybe("state", args.state.as_deref()))
    }
}
