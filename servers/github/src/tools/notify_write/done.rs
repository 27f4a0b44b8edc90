//! It is done with, and leaves the inbox.

use http::Method;
use serde_json::Value;

use super::thread::Thread;
use crate::source::Route;

pub(super) struct Finish;

impl Thread for Finish {
    const DONE: &'static str = "done with notification";

    fn request(thread: Route) -> (Method, Route, Option<Value>) {
        (Method::DELETE, thread, None)
    }
}
