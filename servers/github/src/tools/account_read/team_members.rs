//! The members of a team.

use super::args::OfTeam;
use crate::fetch::{FetchOutside, View};
use crate::shapes::PERSON;
use crate::source::{Route, SourceError};

pub(super) struct TeamMembers;

impl FetchOutside for TeamMembers {
    type Args = OfTeam;
    const VIEW: View = View::table("members", PERSON);

    fn route(args: &OfTeam) -> Result<Route, SourceError> {
        let team = Route::outside("orgs").name("name", &args.name)?.at("teams");
        Ok(team.name("team", &args.team)?.at("members"))
    }
}
