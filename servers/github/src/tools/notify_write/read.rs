//! It was read.

use http::Method;
use serde_json::Value;

use super::thread::Thread;
use crate::source::Route;

pub(super) struct Read;

impl Thread for Read {
    const DONE: &'static str = "read notification";

    fn request(thread: Route) -> (Method, Route, Option<Value>) {
        (Method::PATCH, thread, None)
    }
}
