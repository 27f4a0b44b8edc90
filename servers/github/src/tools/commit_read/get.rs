//! One commit with its message.

use super::args::OfRef;
use crate::fetch::{Fetch, View};
use crate::shapes::COMMIT_FULL;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Get;

impl Fetch for Get {
    type Args = OfRef;
    const VIEW: View = View::record("commit", COMMIT_FULL);

    fn route(repo: &RepoRef, args: &OfRef) -> Result<Route, SourceError> {
        args.route(repo)
    }
}
