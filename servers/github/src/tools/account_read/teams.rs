//! The teams that the token's user is in.

use crate::fetch::{FetchOutside, Plain, View};
use crate::shapes::TEAM;
use crate::source::{Route, SourceError};

pub(super) struct Teams;

impl FetchOutside for Teams {
    type Args = Plain;
    const VIEW: View = View::table("teams", TEAM);

    fn route(_args: &Plain) -> Result<Route, SourceError> {
        Ok(Route::outside("user").at("teams"))
    }
}
