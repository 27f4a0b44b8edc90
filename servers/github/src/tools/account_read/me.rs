//! Who the token belongs to.

use crate::fetch::{FetchOutside, Plain, View};
use crate::shapes::USER;
use crate::source::{Route, SourceError};

pub(super) struct Me;

impl FetchOutside for Me {
    type Args = Plain;
    const VIEW: View = View::record("the token's user", USER);

    fn route(_args: &Plain) -> Result<Route, SourceError> {
        Ok(Route::outside("user"))
    }
}
