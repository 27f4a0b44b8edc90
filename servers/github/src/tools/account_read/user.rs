//! A user.

use super::args::Named;
use crate::fetch::{FetchOutside, View};
use crate::shapes::USER;
use crate::source::{Route, SourceError};

pub(super) struct User;

impl FetchOutside for User {
    type Args = Named;
    const VIEW: View = View::record("user", USER);

    fn route(args: &Named) -> Result<Route, SourceError> {
        Route::outside("users").name("name", &args.name)
    }
}
