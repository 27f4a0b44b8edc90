//! `/__double/…`: what tests in other languages do with the double.

use axum::response::Response;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::seed::Seed;
use crate::serve::{Shared, json_response, locked};

/// | request | what it does |
/// |---|---|
/// | `POST seed` | adds what a [`Seed`] says |
/// | `POST fault` | a [`Fault`] from now on |
/// | `POST advance` `{"seconds"}` | moves the clock on |
/// | `POST token` `{"email", "scopes"}` | an access token |
/// | `GET log`, `GET violations` | what came; what shouldn't have |
pub(crate) fn control(shared: &Shared, verb: &str, what: &str, body: &[u8]) -> Response {
    let value: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let refused = |why: String| json_response(400, &json!({ "error": why }));
    match (verb, what) {
        ("POST", "seed") => match serde_json::from_value::<Seed>(value) {
            Ok(seed) => match locked(&shared.world).plant(seed) {
                Ok(()) => json_response(200, &json!({})),
                Err(why) => refused(why),
            },
            Err(error) => refused(error.to_string()),
        },
        ("POST", "fault") => match serde_json::from_value::<Fault>(value) {
            Ok(fault) => {
                locked(&shared.faults).add(fault);
                json_response(200, &json!({}))
            }
            Err(error) => refused(error.to_string()),
        },
        ("POST", "advance") => {
            locked(&shared.world).skip(value["seconds"].as_i64().unwrap_or_default());
            json_response(200, &json!({}))
        }
        ("POST", "token") => {
            let scopes = value["scopes"].as_array().into_iter().flatten();
            let caller = crate::call::Caller {
                email: value["email"].as_str().unwrap_or(crate::ME).to_owned(),
                scopes: scopes.filter_map(Value::as_str).map(str::to_owned).collect(),
                app: crate::world::APP.to_owned(),
            };
            let token = locked(&shared.world).grant(caller);
            json_response(200, &json!({ "access_token": token }))
        }
        ("GET", "log") => json_response(200, &json!(*locked(&shared.log))),
        ("GET", "violations") => json_response(200, &json!(*locked(&shared.violations))),
        _ => refused(format!("the double has no {verb} {what}")),
    }
}
