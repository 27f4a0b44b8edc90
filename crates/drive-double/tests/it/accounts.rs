//! Tokens: how they are had and how they end.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockkeeper_drive_double::{Fault, READONLY, Seed};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::client::{Reply, Session};

const CLIENT: &str = "client_id=double.apps.googleusercontent.com&client_secret=double-secret";

fn post(session: &Session, path: &str, form: &str) -> Reply {
    let kind = [("content-type", "application/x-www-form-urlencoded"), ("authorization", "")];
    session.send("POST", path, &kind, form.to_owned())
}

/// The error of a token endpoint.
fn error(reply: &Reply) -> (u16, String) {
    let value: Value = serde_json::from_slice(&reply.body).unwrap();
    (reply.status, value["error"].as_str().unwrap_or_default().to_owned())
}

/// The code of a consent.
fn code(session: &Session, more: &str) -> String {
    let query = format!(
        "client_id=double.apps.googleusercontent.com&redirect_uri=http://127.0.0.1:9/cb\
         &response_type=code&access_type=offline&state=s%201&scope={READONLY}{more}"
    );
    let asked = session.send("GET", &format!("/o/oauth2/v2/auth?{query}"), &[], "");
    assert_eq!(asked.status, 302, "{asked:?}");
    let to = asked.header("location");
    assert!(to.starts_with("http://127.0.0.1:9/cb?code=") && to.ends_with("&state=s%201"), "{to}");
    to.split(['=', '&']).nth(1).unwrap().to_owned()
}

#[test]
fn a_login_with_pkce_gives_tokens_that_refresh() {
    let mut session = Session::new(Seed::new());
    let verifier = "v".repeat(50);
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
    let pkce = format!("&code_challenge={challenge}&code_challenge_method=S256");
    let exchange = |code: &str, verifier: &str| {
        let form = format!(
            "grant_type=authorization_code&{CLIENT}&code={code}\
             &redirect_uri=http://127.0.0.1:9/cb&code_verifier={verifier}"
        );
        post(&session, "/token", &form)
    };
    let invalid = (400, "invalid_grant".to_owned());
    assert_eq!(error(&exchange(&code(&session, &pkce), "wrong")), invalid);
    assert_eq!(error(&exchange(&code(&session, &pkce), "")), invalid);
    let once = code(&session, &pkce);
    let tokens = exchange(&once, &verifier).ok();
    assert_eq!(error(&exchange(&once, &verifier)), invalid);
    assert_eq!((&tokens["scope"], &tokens["expires_in"]), (&json!(READONLY), &json!(3599)));

    tokens["access_token"].as_str().unwrap().clone_into(&mut session.token);
    session.get("files").ok();
    session.double.advance(3599);
    let late = session.get("files");
    assert_eq!(late.refused(), (401, "authError".into()));
    assert_eq!(late.error()["status"], "UNAUTHENTICATED");
    let refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
    let refreshed = |session: &Session| {
        post(
            session,
            "/token",
            &format!("grant_type=refresh_token&{CLIENT}&refresh_token={refresh}"),
        )
    };
    let token = refreshed(&session).ok()["access_token"].as_str().unwrap().to_owned();
    session.token = token;
    session.get("files").ok();
    session.double.end_refresh_tokens();
    let ended = refreshed(&session);
    assert_eq!(error(&ended), invalid);
    assert!(String::from_utf8_lossy(&ended.body).contains("expired or revoked"));
}

#[test]
fn consent_can_be_refused_and_given_in_part() {
    let session = Session::new(Seed::new());
    let wrong = |query: &str| session.send("GET", &format!("/auth?{query}"), &[], "").status;
    let client = "client_id=double.apps.googleusercontent.com";
    assert_eq!(wrong("client_id=x"), 400);
    assert_eq!(wrong(&format!("{client}&redirect_uri=http://evil.example/cb")), 400);
    assert_eq!(wrong(&format!("{client}&redirect_uri=http://127.0.0.1.evil.example/")), 400);
    session.double.tick_only(&[]);
    let form = format!(
        "grant_type=authorization_code&{CLIENT}&code={}&redirect_uri=http://127.0.0.1:9/cb",
        code(&session, "")
    );
    assert_eq!(post(&session, "/token", &form).ok()["scope"], "");
    session.double.deny_consent();
    let query =
        format!("{client}&redirect_uri=http://localhost:9&response_type=code&scope=x&state=1");
    let denied = session.send("GET", &format!("/auth?{query}"), &[], "");
    assert_eq!(denied.header("location"), "http://localhost:9?error=access_denied&state=1");
}

#[test]
fn tokens_are_revoked_with_what_came_from_them() {
    let mut session = Session::new(Seed::new());
    let user = session.double.authorized_user(&[READONLY]);
    let refresh = user["refresh_token"].as_str().unwrap();
    let form = format!("grant_type=refresh_token&{CLIENT}&refresh_token={refresh}");
    let token = post(&session, "/token", &form).ok()["access_token"].as_str().unwrap().to_owned();
    session.token = token;
    session.get("files").ok();
    post(&session, "/revoke", &format!("token={refresh}")).ok();
    assert_eq!(session.get("files").refused(), (401, "authError".into()));
    assert_eq!(error(&post(&session, "/token", &form)), (400, "invalid_grant".into()));
    assert_eq!(error(&post(&session, "/revoke", "token=x")), (400, "invalid_token".into()));
    let wrong = form.replace("double-secret", "guess");
    assert_eq!(error(&post(&session, "/token", &wrong)), (401, "invalid_client".into()));
    session.double.fault(Fault::status(503).on("oauth.token"));
    assert_eq!(post(&session, "/token", &form).status, 503);
    assert_eq!(error(&post(&session, "/token", "grant_type=x")).1, "unsupported_grant_type");
}

#[test]
fn devices_get_few_scopes_and_machines_need_their_header() {
    let session = Session::new(Seed::new());
    let ask = |scope: &str| post(&session, "/device/code", &format!("{CLIENT}&scope={scope}"));
    assert_eq!(error(&ask(READONLY)), (400, "invalid_scope".into()));
    let asked = ask("https://www.googleapis.com/auth/drive.file").ok();
    let form = format!(
        "{CLIENT}&grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code={}",
        asked["device_code"].as_str().unwrap()
    );
    assert_eq!(error(&post(&session, "/token", &form)), (428, "authorization_pending".into()));
    assert!(post(&session, "/token", &form).ok()["refresh_token"].is_string());
    let path = "/computeMetadata/v1/instance/service-accounts/default/token";
    assert_eq!(session.send("GET", path, &[], "").status, 403);
    let token = session.send("GET", path, &[("metadata-flavor", "Google")], "").ok();
    assert!(token["access_token"].is_string());
}
