//! Secrets that were committed; never the secrets themselves.

use super::args::OfAlerts;
use crate::fetch::{Fetch, View};
use crate::shapes::SECRET_ALERT;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct SecretScanning;

impl Fetch for SecretScanning {
    type Args = OfAlerts;
    const VIEW: View = View::table("secret scanning alerts", SECRET_ALERT);

    fn route(repo: &RepoRef, args: &OfAlerts) -> Result<Route, SourceError> {
        Ok(repo
            .route()
            .at("secret-scanning")
            .at("alerts")
            .query("hide_secret", true)
            .maybe("state", args.state.as_deref()))
    }
}
