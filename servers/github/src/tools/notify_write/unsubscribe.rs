//! Only what concerns the user is told.

use http::Method;
use serde_json::Value;

use super::thread::Thread;
use crate::source::Route;

pub(super) struct Unsubscribe;

impl Thread for Unsubscribe {
    const DONE: &'static str = "unsubscribed from the thread of notification";

    fn request(thread: Route) -> (Method, Route, Option<Value>) {
        (Method::DELETE, thread.at("subscription"), None)
    }
}
