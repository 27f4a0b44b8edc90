//! An issue is its sub-issue no longer.

use lockkeeper_core::Change;
use serde_json::json;

use super::link::Link;
use crate::change::Request;
use crate::source::Route;

pub(super) struct RemoveSub;

impl Link for RemoveSub {
    type Effect = Change;
    const DONE: &'static str = "removed the sub-issue";

    fn request(issue: Route, other: u64) -> Request {
        Request::delete(issue.at("sub_issue")).fields([("sub_issue_id", json!(other))])
    }
}
