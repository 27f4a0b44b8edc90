//! One of them, without the secret.

use crate::fetch::{Fetch, OfNumber, View};
use crate::shapes::SECRET_ALERT;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct SecretScanningAlert;

impl Fetch for SecretScanningAlert {
    type Args = OfNumber;
    const VIEW: View = View::record("secret scanning alert", SECRET_ALERT);

    fn route(repo: &RepoRef, args: &OfNumber) -> Result<Route, SourceError> {
        Ok(repo
            .route()
            .at("secret-scanning")
            .at("alerts")
            .number(args.number)
            .query("hide_secret", true))
    }
}
