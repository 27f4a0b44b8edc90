//! Logging in as a GitHub App: its private key signs a short claim of who it is, for which GitHub gives
//! a token of one installation, good for an hour. That token is kept here, renewed before it ends, by
//! one call for all that wait for it. Neither key nor token leaves this module but to be sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::DATE;
use http::{HeaderMap, Method};
use lockkeeper_core::{Credentials, Secret, ToolError, time::parse_rfc3339};
use lockkeeper_http::Semantics;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::client::{Call, Client};
use super::error::SourceError;
use super::route::Route;

/// A token is renewed so long before it ends.
const MARGIN: Duration = Duration::from_mins(5);

/// How long GitHub's tokens are good if it doesn't say so.
const USUAL: Duration = Duration::from_hours(1);

/// A claim holds for at most ten minutes; it begins a little in the past, for clocks that differ.
const CLAIM: u64 = 540;
const BACKDATED: u64 = 60;

/// An App, and one installation of it.
pub(super) struct App {
    id: String,
    installation: Option<u64>,
    key: Credentials,
    /// Held while it is renewed, so that one call asks for all.
    kept: Mutex<Option<Installed>>,
}

/// What GitHub gave for an installation.
#[derive(Clone)]
pub(super) struct Installed {
    token: Arc<Secret<String>>,
    ends: Instant,
    pub(super) installation: u64,
    /// What it may do, by GitHub's names.
    pub(super) permissions: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Granted {
    token: String,
    expires_at: String,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
}

impl App {
    pub(super) fn new(id: String, installation: Option<u64>, key: Credentials) -> Self {
        Self { id, installation, key, kept: Mutex::default() }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The installation's token.
    pub(super) async fn token(&self, client: &Client) -> Result<Arc<Secret<String>>, SourceError> {
        Ok(self.installed(client).await?.token)
    }

    /// The same with what it may do.
    pub(super) async fn installed(&self, client: &Client) -> Result<Installed, SourceError> {
        let mut kept = self.kept.lock().await;
        if let Some(installed) = kept.as_ref().filter(|one| one.ends > Instant::now() + MARGIN) {
            return Ok(installed.clone());
        }
        let installed = self.install(client).await?;
        Ok(kept.insert(installed).clone())
    }

    /// GitHub no longer takes this token.
    pub(super) async fn forget(&self, token: &Secret<String>) {
        let mut kept = self.kept.lock().await;
        if kept.as_ref().is_some_and(|one| one.token.expose() == token.expose()) {
            *kept = None;
            self.key.forget().await;
        }
    }

    async fn install(&self, client: &Client) -> Result<Installed, SourceError> {
        let pem = self.key.resolve().await.map_err(SourceError::Credential)?;
        let claim = claim(&self.id, SystemTime::now(), &pem).map_err(SourceError::Credential)?;
        let installation = match self.installation {
            Some(installation) => installation,
            None => self.only_installation(client, &claim).await?,
        };
        let route = Route::outside("app").at("installations").number(installation);
        // Asked twice it gives two tokens, which does no harm.
        let call = Call {
            method: Method::POST,
            semantics: Some(Semantics::Repeatable),
            ..Call::default()
        };
        let (headers, granted) = client.as_app(&route.at("access_tokens"), call, &claim).await?;
        let granted: Granted = serde_json::from_value(granted)
            .map_err(|_| SourceError::answer("a token of an installation that is none"))?;
        let ends = Instant::now() + lasting(&granted.expires_at, &headers);
        let token = Arc::new(Secret::new(granted.token));
        Ok(Installed { token, ends, installation, permissions: granted.permissions })
    }

    async fn only_installation(
        &self,
        client: &Client,
        claim: &Secret<String>,
    ) -> Result<u64, SourceError> {
        let route = Route::outside("app").at("installations").query("per_page", 30);
        let (_, list) = client.as_app(&route, Call::default(), claim).await?;
        let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
        let id = |one: &Value| one.get("id").and_then(Value::as_u64);
        match list {
            [one] => id(one).ok_or_else(|| SourceError::answer("an installation without an id")),
            [] => Err(unusable("the App is installed nowhere")),
            _ => Err(unusable("the App has several installations: --installation names one")),
        }
    }
}

/// How long a token is good by GitHub's own clock, as far as it says so.
fn lasting(expires_at: &str, headers: &HeaderMap) -> Duration {
    let date = headers.get(DATE).and_then(|date| date.to_str().ok());
    let now = date.and_then(|date| httpdate::parse_http_date(date).ok());
    let ends = parse_rfc3339(expires_at);
    let lasting =
        ends.and_then(|ends| ends.duration_since(now.unwrap_or_else(SystemTime::now)).ok());
    lasting.unwrap_or(MARGIN + Duration::from_secs(1)).min(USUAL)
}

/// A signed claim to be this App (RFC 7519, RS256).
fn claim(id: &str, now: SystemTime, pem: &Secret<String>) -> Result<Secret<String>, ToolError> {
    let key = key(pem).ok_or_else(|| no_key("it is no RSA private key in PEM"))?;
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({"alg": "RS256", "typ": "JWT"}));
    let (from, to) = (now.saturating_sub(BACKDATED), now + CLAIM);
    let claims = part(json!({"iat": from, "exp": to, "iss": id}));
    let said = format!("{header}.{claims}");
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), said.as_bytes(), &mut signature)
        .map_err(|_| no_key("it can't sign"))?;
    Ok(Secret::new(format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature))))
}

/// The key in a PEM text (RFC 7468): GitHub gives PKCS #1, and tools convert it to PKCS #8.
fn key(pem: &Secret<String>) -> Option<RsaKeyPair> {
    let inner = |label: &str| {
        let (_, rest) = pem.expose().split_once(&format!("-----BEGIN {label}-----"))?;
        let (inner, _) = rest.split_once(&format!("-----END {label}-----"))?;
        let text: Secret<String> = Secret::new(inner.split_whitespace().collect());
        STANDARD.decode(text.expose()).ok().map(Secret::new)
    };
    if let Some(der) = inner("RSA PRIVATE KEY") {
        return RsaKeyPair::from_der(der.expose()).ok();
    }
    RsaKeyPair::from_pkcs8(inner("PRIVATE KEY")?.expose()).ok()
}

fn no_key(problem: &str) -> ToolError {
    ToolError::new("no_credential", format!("the App's private key can't be used: {problem}"))
        .hint("ask the user to run this server's `check`, which says what is wrong")
}

fn unusable(problem: &str) -> SourceError {
    SourceError::Credential(
        ToolError::new("no_credential", problem)
            .hint("ask the user to run this server's `check`, which says what is wrong"),
    )
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::github::{APP_TOKEN, Said};
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;
    use crate::testing::{REPO, World, seen};

    const PEM: &str = include_str!("testdata/app.pem");

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn a_claim_is_signed_and_short() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
        let claim = claim("Iv1.x", now, &secret(PEM)).unwrap();
        let (said, signature) = claim.expose().rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let pair = key(&secret(PEM)).unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public().as_ref());
        public.verify(said.as_bytes(), &signature).unwrap();
        let claims = URL_SAFE_NO_PAD.decode(said.split('.').nth(1).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(
            claims,
            json!({"iat": 1_799_999_940, "exp": 1_800_000_540, "iss": "Iv1.x"}),
            "GitHub takes ten minutes at most"
        );
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_repeated() {
        let body = PEM.lines().nth(5).unwrap();
        for text in ["", "ghp_secret", &PEM.replace(body, ""), &PEM.replace("RSA ", "EC ")] {
            let error = claim("1", SystemTime::now(), &secret(text)).err().unwrap();
            assert!(error.text().starts_with("no_credential: the App's private key"), "{error}");
            assert!(!error.text().contains("ghp_secret"));
        }
    }

    #[test]
    fn a_token_lasts_by_the_clock_of_who_gave_it() {
        let date = |text: &str| [(DATE, text.parse().unwrap())].into_iter().collect::<HeaderMap>();
        let at = "Sun, 22 Nov 2026 10:00:00 GMT";
        assert_eq!(lasting("2026-11-22T10:30:00Z", &date(at)), Duration::from_mins(30));
        assert_eq!(lasting("2026-11-23T10:30:00Z", &date(at)), USUAL, "no longer than an hour");
        assert!(lasting("2026-11-22T09:00:00Z", &date(at)) <= MARGIN + Duration::from_secs(1));
        assert!(lasting("soon", &HeaderMap::new()) <= MARGIN + Duration::from_secs(1));
    }

    /// A world whose server logs in as App 7.
    fn world() -> World {
        let world = World::examples().with_key(PEM);
        let installations = json!([{"id": 42}]);
        world.front.say("GET", "/app/installations", Said::json(200, &installations));
        give(&world, APP_TOKEN);
        world
    }

    fn give(world: &World, token: &str) {
        let given = json!({
            "token": token, "expires_at": "2099-01-01T00:00:00Z",
            "permissions": {"contents": "read", "metadata": "read"},
        });
        world.front.say("POST", "/app/installations/42/access_tokens", Said::json(201, &given));
    }

    #[test]
    fn one_token_serves_all_calls_until_github_refuses_it() {
        let world = world();
        let mut client = world.client(&["--app=7"]);
        let read = json!({"method": "get", "repo": REPO, "number": 1347});
        let ids: Vec<Value> = (0..8)
            .map(|id| {
                let params = json!({"name": "issue_read", "arguments": read});
                let params = lockkeeper_testkit::stdio::Era::Modern.with_meta(&json!({}), params);
                let id = json!(format!("at once {id}"));
                client.send(
                    &json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}),
                );
                id
            })
            .collect();
        for _ in &ids {
            let answer = client.receive();
            assert_eq!(answer["result"]["isError"], json!(false), "{answer}");
        }
        let sent = world.front.take_seen();
        let asked = |place: &str| sent.iter().filter(|seen| seen.path.ends_with(place)).count();
        assert_eq!((asked("/installations"), asked("/access_tokens")), (1, 1));
        let claim = sent.iter().find(|seen| seen.path == "/app/installations").unwrap();
        let bearer = claim.headers.iter().find(|(name, _)| name == "authorization").unwrap();
        assert!(bearer.1.starts_with("Bearer ey") && bearer.1.matches('.').count() == 2);
        // One that GitHub no longer takes is renewed, and the call goes on.
        let path = format!("/repos/{REPO}/issues/1");
        world.front.next("GET", &path, 1, Said::json(401, &json!({"message": "Bad credentials"})));
        give(&world, "t_admin");
        let one = json!({"method": "get", "repo": REPO, "number": 1});
        let text = seen(&mut client, "issue_read", one);
        assert!(text.starts_with("[issue of"), "{text}");
        let sent = world.front.take_seen();
        assert_eq!(sent.iter().filter(|seen| seen.path.ends_with("/access_tokens")).count(), 1);
    }

    #[test]
    fn a_login_that_fails_says_why_and_nothing_else() {
        let read = json!({"method": "get", "repo": REPO, "number": 1});
        for (list, said) in [
            (json!([]), "no_credential: the App is installed nowhere"),
            (json!([{"id": 1}, {"id": 2}]), "no_credential: the App has several installations"),
        ] {
            let world = world();
            world.front.say("GET", "/app/installations", Said::json(200, &list));
            let text = seen(&mut world.client(&["--app=7"]), "issue_read", read.clone());
            assert!(text.starts_with(&format!("error: {said}")), "{text}");
        }
        let world = world();
        let unknown = Said::json(401, &json!({"message": "A JSON web token could not be decoded"}));
        world.front.say("POST", "/app/installations/42/access_tokens", unknown);
        let flags = ["--app=7", "--installation=42"];
        let text = seen(&mut world.client(&flags), "issue_read", read);
        assert!(text.starts_with("error: bad_credential: GitHub knows no App"), "{text}");
        assert!(!text.contains("PRIVATE KEY") && !text.contains("eyJ"), "{text}");
    }
}
