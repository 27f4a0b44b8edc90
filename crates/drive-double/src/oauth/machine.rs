//! Tokens without a person or a key: the metadata server of Google's machines, the exchange of other
//! clouds' tokens, and one service account acting as another.

use serde_json::{Value, json};

use super::token::{field, refused};
use super::{Granted, SECONDS, scopes};
use crate::call::Caller;
use crate::world::{APP, World};

/// The service account of the machine.
const MACHINE: &str = "machine@double.iam.gserviceaccount.com";

/// Whatever a machine may ask for.
const WIDE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// `/computeMetadata/v1/…`; `flavor` is the header without which nothing is told.
pub(crate) fn metadata(
    world: &mut World,
    path: &str,
    query: &[(String, String)],
    flavor: Option<&str>,
) -> Granted {
    if flavor != Some("Google") {
        return Granted::Text(403, "Missing required header: Metadata-Flavor\n".to_owned());
    }
    match path.rsplit('/').next().unwrap_or_default() {
        "token" => {
            let wanted = scopes(&field(query, "scopes").replace(',', " "));
            let token = grant(world, MACHINE, wanted);
            let answer =
                json!({ "access_token": token, "expires_in": SECONDS, "token_type": "Bearer" });
            Granted::Json(200, answer)
        }
        "email" => Granted::Text(200, MACHINE.to_owned()),
        _ => Granted::Text(404, "Not Found\n".to_owned()),
    }
}

/// `sts.googleapis.com/v1/token`: any token of the other side is believed that isn't empty.
pub(crate) fn exchange(world: &mut World, form: &[(String, String)]) -> Granted {
    if field(form, "grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange" {
        return refused(400, "unsupported_grant_type", "Invalid grant_type");
    }
    if field(form, "subject_token").is_empty() || field(form, "audience").is_empty() {
        return refused(400, "invalid_request", "Missing subject_token or audience");
    }
    let token = grant(world, MACHINE, scopes(field(form, "scope")));
    Granted::Json(
        200,
        json!({
            "access_token": token,
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "token_type": "Bearer",
            "expires_in": SECONDS,
        }),
    )
}

/// `iamcredentials…:generateAccessToken` for a service account.
pub(crate) fn impersonate(world: &mut World, email: &str, body: &Value, bearer: &str) -> Granted {
    let caller = world.caller(bearer);
    if !caller.is_some_and(|caller| caller.scopes.contains(WIDE)) {
        let error =
            json!({ "code": 403, "message": "Permission denied", "status": "PERMISSION_DENIED" });
        return Granted::Json(403, json!({ "error": error }));
    }
    let wanted = body["scope"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let wanted = wanted.map(str::to_owned).collect();
    let token = grant(world, email, wanted);
    Granted::Json(200, json!({ "accessToken": token, "expireTime": "2035-01-01T00:00:00Z" }))
}

fn grant(world: &mut World, email: &str, scopes: std::collections::BTreeSet<String>) -> String {
    let scopes = if scopes.is_empty() { [WIDE.to_owned()].into() } else { scopes };
    world.grant(Caller { email: email.to_owned(), scopes, app: APP.to_owned() })
}
