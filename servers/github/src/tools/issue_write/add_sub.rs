//! Another issue becomes its sub-issue.

use lockkeeper_core::Add;
use serde_json::json;

use super::link::Link;
use crate::change::Request;
use crate::source::Route;

pub(super) struct AddSub;

impl Link for AddSub {
    type Effect = Add;
    const DONE: &'static str = "added the sub-issue";

    fn request(issue: Route, other: u64) -> Request {
        Request::post(issue.at("sub_issues")).fields([("sub_issue_id", json!(other))])
    }
}
