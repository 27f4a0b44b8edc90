//! One of them.

use crate::fetch::{Fetch, OfNumber, View};
use crate::shapes::CODE_ALERT_FULL;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct CodeScanningAlert;

impl Fetch for CodeScanningAlert {
    type Args = OfNumber;
    const VIEW: View = View::record("code scanning alert", CODE_ALERT_FULL);

    fn route(repo: &RepoRef, args: &OfNumber) -> Result<Route, SourceError> {
        Ok(repo.route().at("code-scanning").at("alerts").number(args.number))
    }
}
