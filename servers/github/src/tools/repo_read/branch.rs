//! One branch.

use crate::fetch::{Fetch, OfName, View};
use crate::shapes::BRANCH;
use crate::source::{RepoRef, Route, SourceError, check_ref};

pub(super) struct Branch;

impl Fetch for Branch {
    type Args = OfName;
    const VIEW: View = View::record("branch", BRANCH);

    fn route(repo: &RepoRef, args: &OfName) -> Result<Route, SourceError> {
        check_ref("name", &args.name)?;
        repo.route().at("branches").name("name", &args.name)
    }
}
