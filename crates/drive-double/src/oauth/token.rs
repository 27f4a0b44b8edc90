//! `/token`, `/revoke` and `/device/code`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{Granted, Refresh, SECONDS, assertion, scopes};
use crate::call::Caller;
use crate::world::World;

/// One of the fields of a form.
pub(super) fn field<'a>(form: &'a [(String, String)], name: &str) -> &'a str {
    let found = form.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str()).unwrap_or_default()
}

pub(super) fn refused(status: u16, error: &str, description: &str) -> Granted {
    Granted::Json(status, json!({ "error": error, "error_description": description }))
}

/// `/token`; `address` is how the endpoint was called.
pub(crate) fn token(world: &mut World, form: &[(String, String)], address: &str) -> Granted {
    match field(form, "grant_type") {
        "authorization_code" => by_code(world, form),
        "refresh_token" => by_refresh(world, form),
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
            match assertion::caller(world, field(form, "assertion"), address) {
                Ok(caller) => {
                    let token = world.grant(caller);
                    Granted::Json(200, answer(&token, None))
                }
                Err((error, description)) => refused(400, error, &description),
            }
        }
        "urn:ietf:params:oauth:grant-type:device_code" => by_device(world, form),
        other => {
            let description = format!("Invalid grant_type: {other}");
            refused(400, "unsupported_grant_type", &description)
        }
    }
}

fn answer(token: &str, scope: Option<&Caller>) -> Value {
    let mut answer =
        json!({ "access_token": token, "expires_in": SECONDS, "token_type": "Bearer" });
    if let Some(caller) = scope {
        let scopes: Vec<&str> = caller.scopes.iter().map(String::as_str).collect();
        answer["scope"] = json!(scopes.join(" "));
    }
    answer
}

/// The client, if its secret is right.
fn client(world: &World, form: &[(String, String)]) -> Result<String, Granted> {
    let id = field(form, "client_id");
    match world.accounts.clients.get(id) {
        None => Err(refused(401, "invalid_client", "The OAuth client was not found.")),
        Some(secret) if secret != field(form, "client_secret") => {
            Err(refused(401, "invalid_client", "Unauthorized"))
        }
        Some(_) => Ok(id.to_owned()),
    }
}

fn by_code(world: &mut World, form: &[(String, String)]) -> Granted {
    let client = match client(world, form) {
        Ok(client) => client,
        Err(refused) => return refused,
    };
    // A code is good for one try.
    let Some(code) = world.accounts.codes.remove(field(form, "code")) else {
        return refused(400, "invalid_grant", "Malformed auth code.");
    };
    if code.caller.app != client {
        return refused(400, "invalid_grant", "Bad Request");
    }
    if code.redirect != field(form, "redirect_uri") {
        return refused(400, "redirect_uri_mismatch", "Bad Request");
    }
    let verifier = field(form, "code_verifier");
    match &code.challenge {
        Some(_) if verifier.is_empty() => {
            return refused(400, "invalid_grant", "Missing code verifier.");
        }
        Some(challenge) if *challenge != challenge_of(verifier) => {
            return refused(400, "invalid_grant", "Invalid code verifier.");
        }
        None if !verifier.is_empty() => {
            return refused(400, "invalid_grant", "code_verifier or verifier is not needed.");
        }
        _ => {}
    }
    let token = world.grant(code.caller.clone());
    let mut answer = answer(&token, Some(&code.caller));
    if code.offline {
        answer["refresh_token"] = json!(world.grant_refresh(code.caller));
    }
    Granted::Json(200, answer)
}

/// RFC 7636: S256 of a verifier.
fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

fn by_refresh(world: &mut World, form: &[(String, String)]) -> Granted {
    let client = match client(world, form) {
        Ok(client) => client,
        Err(refused) => return refused,
    };
    let known = world.accounts.refresh.get(field(form, "refresh_token")).cloned();
    let Some(Refresh { caller, is_over }) = known else {
        return refused(400, "invalid_grant", "Bad Request");
    };
    if is_over {
        return refused(400, "invalid_grant", "Token has been expired or revoked.");
    }
    if caller.app != client {
        return refused(401, "unauthorized_client", "Unauthorized");
    }
    let asked = scopes(field(form, "scope"));
    if !asked.is_subset(&caller.scopes) {
        return refused(400, "invalid_scope", "Some requested scopes were not granted.");
    }
    let scopes = if asked.is_empty() { caller.scopes } else { asked };
    let caller = Caller { scopes, ..caller };
    let token = world.grant(caller.clone());
    Granted::Json(200, answer(&token, Some(&caller)))
}

/// `/revoke`: an access token ends, a refresh token with all that came from it.
pub(crate) fn revoke(world: &mut World, form: &[(String, String)]) -> Granted {
    let token = field(form, "token");
    if let Some(refresh) = world.accounts.refresh.get_mut(token) {
        refresh.is_over = true;
        let (email, app) = (refresh.caller.email.clone(), refresh.caller.app.clone());
        let is_of = |caller: &Caller| caller.email == email && caller.app == app;
        world.accounts.tokens.retain(|_, token| !is_of(&token.caller));
    } else if world.accounts.tokens.remove(token).is_none() {
        return refused(400, "invalid_token", "Token expired or revoked");
    }
    Granted::Json(200, json!({}))
}

/// `/device/code`: only a few scopes are to be had this way.
pub(crate) fn device(world: &mut World, form: &[(String, String)]) -> Granted {
    let app = field(form, "client_id").to_owned();
    if !world.accounts.clients.contains_key(&app) {
        return refused(401, "invalid_client", "The OAuth client was not found.");
    }
    let scopes = scopes(field(form, "scope"));
    let allowed = [
        "https://www.googleapis.com/auth/drive.file",
        "https://www.googleapis.com/auth/drive.appdata",
        "email",
        "openid",
        "profile",
    ];
    if scopes.is_empty() || !scopes.iter().all(|scope| allowed.contains(&scope.as_str())) {
        return refused(400, "invalid_scope", "Invalid device flow scope");
    }
    let code = format!("AH-1{}", world.word(40));
    let caller = Caller { email: crate::ME.to_owned(), scopes, app };
    // Whoever is asked agrees between the first question and the second.
    world.accounts.devices.insert(code.clone(), Refresh { caller, is_over: false });
    Granted::Json(
        200,
        json!({
            "device_code": code,
            "user_code": "DBLE-TEST",
            "verification_url": "https://www.google.com/device",
            "expires_in": 1800,
            "interval": 5,
        }),
    )
}

fn by_device(world: &mut World, form: &[(String, String)]) -> Granted {
    if let Err(refused) = client(world, form) {
        return refused;
    }
    let code = field(form, "device_code");
    let Some(device) = world.accounts.devices.get_mut(code) else {
        return refused(400, "invalid_grant", "Malformed device code.");
    };
    if !device.is_over {
        device.is_over = true;
        return refused(428, "authorization_pending", "Precondition Required");
    }
    let caller = device.caller.clone();
    world.accounts.devices.remove(code);
    if world.accounts.denies {
        return refused(403, "access_denied", "Forbidden");
    }
    let token = world.grant(caller.clone());
    let mut answer = answer(&token, Some(&caller));
    answer["refresh_token"] = json!(world.grant_refresh(caller));
    Granted::Json(200, answer)
}
