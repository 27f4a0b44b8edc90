//! One advisory of GitHub's database.

use super::args::OfAdvisory;
use crate::fetch::{FetchOutside, View};
use crate::shapes::ADVISORY_FULL;
use crate::source::{Route, SourceError};

pub(super) struct GlobalAdvisory;

impl FetchOutside for GlobalAdvisory {
    type Args = OfAdvisory;
    const VIEW: View = View::record("advisory", ADVISORY_FULL);

    fn route(args: &OfAdvisory) -> Result<Route, SourceError> {
        Route::outside("advisories").name("id", &args.id)
    }
}
