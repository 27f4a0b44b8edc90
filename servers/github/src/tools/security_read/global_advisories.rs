//! GitHub's database of advisories.

use super::args::OfAdvisories;
use crate::fetch::{FetchOutside, View};
use crate::shapes::GLOBAL_ADVISORY;
use crate::source::{Route, SourceError};

pub(super) struct GlobalAdvisories;

impl FetchOutside for GlobalAdvisories {
    type Args = OfAdvisories;
    const VIEW: View = View::table("advisories", GLOBAL_ADVISORY).by_cursors();

    fn route(args: &OfAdvisories) -> Result<Route, SourceError> {
        Ok(Route::outside("advisories")
            .maybe("cve_id", args.cve.as_deref())
            .maybe("ecosystem", args.ecosystem.as_deref())
            .maybe("severity", args.severity.as_deref())
            .maybe("affects", args.affects.as_deref()))
    }
}
