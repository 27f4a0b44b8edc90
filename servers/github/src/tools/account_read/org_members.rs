//! The members of an organization.

use super::args::Named;
use crate::fetch::{FetchOutside, View};
use crate::shapes::PERSON;
use crate::source::{Route, SourceError};

pub(super) struct OrgMembers;

impl FetchOutside for OrgMembers {
    type Args = Named;
    const VIEW: View = View::table("members", PERSON);

    fn route(args: &Named) -> Result<Route, SourceError> {
        Ok(Route::outside("orgs").name("name", &args.name)?.at("members"))
    }
}
