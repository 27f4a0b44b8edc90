//! The gists of a user, or of the token's own.

use super::args::OfUser;
use crate::fetch::{FetchOutside, View};
use crate::shapes::GIST;
use crate::source::{Route, SourceError};

pub(super) struct List;

impl FetchOutside for List {
    type Args = OfUser;
    const VIEW: View = View::table("gists", GIST).of_gists();

    fn route(args: &OfUser) -> Result<Route, SourceError> {
        let route = match &args.name {
            Some(name) => Route::outside("users").name("name", name)?.at("gists"),
            None => Route::outside("gists"),
        };
        Ok(route.maybe("since", args.since.as_deref()))
    }
}
