//! An organization.

use super::args::Named;
use crate::fetch::{FetchOutside, View};
use crate::shapes::ORG;
use crate::source::{Route, SourceError};

pub(super) struct Org;

impl FetchOutside for Org {
    type Args = Named;
    const VIEW: View = View::record("organization", ORG);

    fn route(args: &Named) -> Result<Route, SourceError> {
        Route::outside("orgs").name("name", &args.name)
    }
}
