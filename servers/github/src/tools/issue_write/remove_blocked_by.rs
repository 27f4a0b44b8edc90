//! Another issue blocks it no longer.

use lockkeeper_core::Change;

use super::link::Link;
use crate::change::Request;
use crate::source::Route;

pub(super) struct RemoveBlockedBy;

impl Link for RemoveBlockedBy {
    type Effect = Change;
    const DONE: &'static str = "removed the blocker";

    fn request(issue: Route, other: u64) -> Request {
        Request::delete(issue.at("dependencies").at("blocked_by").number(other))
    }
}
