//! Whatever happens there is told.

use http::Method;
use serde_json::{Value, json};

use super::thread::Thread;
use crate::source::Route;

pub(super) struct Subscribe;

impl Thread for Subscribe {
    const DONE: &'static str = "subscribed to the thread of notification";

    fn request(thread: Route) -> (Method, Route, Option<Value>) {
        (Method::PUT, thread.at("subscription"), Some(json!({ "ignored": false })))
    }
}
