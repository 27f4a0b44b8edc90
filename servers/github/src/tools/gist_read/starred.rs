//! The gists that the token's user has starred.

use crate::fetch::{FetchOutside, Plain, View};
use crate::shapes::GIST;
use crate::source::{Route, SourceError};

pub(super) struct Starred;

impl FetchOutside for Starred {
    type Args = Plain;
    const VIEW: View = View::table("starred gists", GIST).of_gists();

    fn route(_args: &Plain) -> Result<Route, SourceError> {
        Ok(Route::outside("gists").at("starred"))
    }
}
