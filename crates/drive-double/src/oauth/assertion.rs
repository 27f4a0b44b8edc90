//! What service accounts sign: RFC 7523, with RS256.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;

use super::scopes;
use crate::call::Caller;
use crate::world::{APP, World};

static KEY: &[u8] = include_bytes!("../../data/service-account.der");

/// What Google calls its token endpoint.
const ENDPOINT: &str = "https://oauth2.googleapis.com/token";

/// How far clocks may be apart, in seconds.
const SKEW: u64 = 300;

type Refusal = (&'static str, String);

/// Whom an assertion speaks for.
pub(super) fn caller(world: &World, assertion: &str, address: &str) -> Result<Caller, Refusal> {
    let invalid = |text: &str| ("invalid_grant", text.to_owned());
    let mut parts = assertion.split('.');
    let (Some(head), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(invalid("Invalid JWT: Token must have three segments."));
    };
    let signed = format!("{head}.{claims}");
    let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    let json = |text: &str| -> Option<Value> { serde_json::from_slice(&decoded(text)?).ok() };
    let malformed = || invalid("Invalid JWT: Failed to parse.");
    let (head, claims) = (json(head).ok_or_else(malformed)?, json(claims).ok_or_else(malformed)?);
    if head["alg"] != "RS256" {
        return Err(invalid("Invalid JWT: Only RS256 is accepted."));
    }
    let text = |name: &str| claims[name].as_str().unwrap_or_default();
    let issuer = text("iss");
    let Some(delegated) = world.accounts.robots.get(issuer) else {
        return Err(invalid("Invalid grant: account not found"));
    };
    let signature = decoded(signature).ok_or_else(malformed)?;
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, KEY);
    if key.verify(signed.as_bytes(), &signature).is_err() {
        return Err(invalid("Invalid JWT Signature."));
    }
    // Google's own clients name the real endpoint, whichever they were told to ask.
    if ![address, ENDPOINT].contains(&text("aud")) {
        return Err(invalid("Invalid JWT: Failed audience check."));
    }
    let number = |name: &str| claims[name].as_u64().unwrap_or_default();
    let (issued, ends) = (number("iat"), number("exp"));
    // Whoever signs looks at the real clock, and so this does.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if issued > now + SKEW || ends + SKEW < now || ends > issued + 3600 + SKEW {
        return Err(invalid(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable \
             timeframe. Check your iat and exp values in the JWT claim.",
        ));
    }
    let wanted = scopes(text("scope"));
    if wanted.is_empty() {
        return Err(("invalid_scope", "Empty or missing scope not allowed.".to_owned()));
    }
    let subject = text("sub");
    let email = if subject.is_empty() || subject == issuer {
        issuer
    } else if !wanted.is_subset(delegated) {
        let description = "Client is unauthorized to retrieve access tokens using this method, or \
                           client not authorized for any of the scopes requested.";
        return Err(("unauthorized_client", description.to_owned()));
    } else if !world.users.contains_key(subject) {
        return Err(invalid("Invalid email or User ID"));
    } else {
        subject
    };
    Ok(Caller { email: email.to_owned(), scopes: wanted, app: APP.to_owned() })
}
