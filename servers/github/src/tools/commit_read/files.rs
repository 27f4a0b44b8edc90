//! The files that it changes.

use super::args::OfRef;
use crate::fetch::{Fetch, View};
use crate::shapes::FILE;
use crate::source::{RepoRef, Route, SourceError};

pub(super) struct Files;

impl Fetch for Files {
    type Args = OfRef;
    const VIEW: View = View::table("files", FILE).within("files");

    fn route(repo: &RepoRef, args: &OfRef) -> Result<Route, SourceError> {
        args.route(repo)
    }
}
