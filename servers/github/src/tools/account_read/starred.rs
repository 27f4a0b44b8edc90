//! What a user, or the token's own, has starred.

use super::args::MaybeNamed;
use crate::fetch::{FetchOutside, View};
use crate::shapes::REPO;
use crate::source::{Route, SourceError};

pub(super) struct Starred;

impl FetchOutside for Starred {
    type Args = MaybeNamed;
    const VIEW: View = View::table("starred", REPO);

    fn route(args: &MaybeNamed) -> Result<Route, SourceError> {
        Ok(match &args.name {
            Some(name) => Route::outside("users").name("name", name)?.at("starred"),
            None => Route::outside("user").at("starred"),
        })
    }
}
