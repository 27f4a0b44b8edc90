//! The repositories of a user or organization, or of the token's user.

use super::args::MaybeNamed;
use crate::fetch::{FetchOutside, View};
use crate::shapes::REPO;
use crate::source::{Route, SourceError};

pub(super) struct Repos;

impl FetchOutside for Repos {
    type Args = MaybeNamed;
    const VIEW: View = View::table("repositories", REPO);

    fn route(args: &MaybeNamed) -> Result<Route, SourceError> {
        Ok(match &args.name {
            Some(name) => Route::outside("users").name("name", name)?.at("repos"),
            None => Route::outside("user").at("repos"),
        })
    }
}
