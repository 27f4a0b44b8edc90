//! `/auth`: whoever is asked agrees at once, unless the test says otherwise.

use super::{Code, Granted, scopes};
use crate::call::Caller;
use crate::world::World;

pub(crate) fn consent(world: &mut World, query: &[(String, String)]) -> Granted {
    let parameter = |name: &str| {
        let found = query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    };
    let refuse = |text: &str| Granted::Text(400, format!("Access blocked: {text}\n"));
    let client = parameter("client_id").unwrap_or_default();
    if !world.accounts.clients.contains_key(client) {
        return refuse("Error 401: invalid_client");
    }
    let redirect = parameter("redirect_uri").unwrap_or_default();
    if !is_loopback(redirect) {
        return refuse("Error 400: redirect_uri_mismatch");
    }
    if parameter("response_type") != Some("code") {
        return refuse("Error 400: unsupported_response_type");
    }
    let wanted = scopes(parameter("scope").unwrap_or_default());
    if wanted.is_empty() {
        return refuse("Error 400: invalid_request. Missing required parameter: scope");
    }
    let challenge = parameter("code_challenge").map(str::to_owned);
    if challenge.is_some() && parameter("code_challenge_method") != Some("S256") {
        return refuse("Error 400: invalid_request. Only S256 is known here");
    }

    let separator = if redirect.contains('?') { '&' } else { '?' };
    let state = parameter("state").map(|state| format!("&state={}", encoded(state)));
    let state = state.unwrap_or_default();
    if world.accounts.denies {
        return Granted::Redirect(format!("{redirect}{separator}error=access_denied{state}"));
    }
    let given = match &world.accounts.ticks {
        Some(ticked) => wanted.intersection(ticked).cloned().collect(),
        None => wanted,
    };
    let email = parameter("login_hint").unwrap_or(crate::ME).to_owned();
    let scope = given.iter().cloned().collect::<Vec<_>>().join(" ");
    let code = format!("4/0{}", world.word(40));
    let caller = Caller { email, scopes: given, app: client.to_owned() };
    let offline = parameter("access_type") == Some("offline");
    let (known, redirect_uri) = (code.clone(), redirect.to_owned());
    let granted = Code { caller, redirect: redirect_uri, challenge, offline };
    world.accounts.codes.insert(known, granted);
    Granted::Redirect(format!(
        "{redirect}{separator}code={}&scope={}{state}",
        encoded(&code),
        encoded(&scope)
    ))
}

/// What desktop clients may be sent back to: a loopback address with any port and path.
fn is_loopback(address: &str) -> bool {
    let Some(rest) = address.strip_prefix("http://") else { return false };
    let host = rest.split('/').next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
