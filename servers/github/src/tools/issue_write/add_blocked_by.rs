//! Another issue blocks it.

use lockkeeper_core::Add;
use serde_json::json;

use super::link::Link;
use crate::change::Request;
use crate::source::Route;

pub(super) struct AddBlockedBy;

impl Link for AddBlockedBy {
    type Effect = Add;
    const DONE: &'static str = "added the blocker";

    fn request(issue: Route, other: u64) -> Request {
        Request::post(issue.at("dependencies").at("blocked_by"))
            .fields([("issue_id", json!(other))])
    }
}
