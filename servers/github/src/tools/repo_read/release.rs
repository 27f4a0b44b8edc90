//! The release of a tag, with its notes.

use crate::fetch::{Fetch, OfName, View};
use crate::shapes::RELEASE_FULL;
use crate::source::{RepoRef, Route, SourceError, check_ref};

pub(super) struct Release;

impl Fetch for Release {
    type Args = OfName;
    const VIEW: View = View::record("release", RELEASE_FULL);

    fn route(repo: &RepoRef, args: &OfName) -> Result<Route, SourceError> {
        check_ref("name", &args.name)?;
        repo.route().at("releases").at("tags").path("name", &args.name)
    }
}
