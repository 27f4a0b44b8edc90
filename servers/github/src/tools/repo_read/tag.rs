//! One tag, and what it points at.

use crate::fetch::{Fetch, OfName, View};
use crate::shapes::REF;
use crate::source::{RepoRef, Route, SourceError, check_ref};

pub(super) struct Tag;

impl Fetch for Tag {
    type Args = OfName;
    const VIEW: View = View::record("tag", REF);

    fn route(repo: &RepoRef, args: &OfName) -> Result<Route, SourceError> {
        check_ref("name", &args.name)?;
        repo.route().at("git").at("ref").at("tags").path("name", &args.name)
    }
}
