use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Mutex;

use super::*;
use crate::stub::TokenService;

const READ: &str = "https://www.googleapis.com/auth/drive.readonly";

struct World {
    service: TokenService,
    directory: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        Self { service: TokenService::start().await, directory: tempfile::tempdir().unwrap() }
    }

    fn keep(&self) -> Keep {
        Keep::in_directory(self.directory.path().to_owned())
    }

    /// Logs in; `browse` is what happens in the browser, given the address.
    async fn log_in<F: Future<Output = ()>>(
        &self,
        browse: impl Fn(HashMap<String, String>) -> F,
    ) -> Result<(), AuthError> {
        let (provider, http, keep) = (self.service.provider(), self.service.http(), self.keep());
        let login =
            Login { provider: &provider, http: &http, keep: (&keep, "login"), scopes: &[READ] };
        let client = ClientFile { id: "desk".into(), secret: Some(Secret::new("s3cret".into())) };
        let shown = Mutex::new(None);
        let address = || shown.lock().unwrap().clone();
        let run = login.run(&client, |address| *shown.lock().unwrap() = Some(address.to_owned()));
        let browsing = async {
            let address = loop {
                match address() {
                    Some(address) => break address,
                    None => tokio::task::yield_now().await,
                }
            };
            let (_, query) = address.split_once('?').unwrap();
            browse(form_urlencoded::parse(query.as_bytes()).into_owned().collect()).await;
            std::future::pending::<()>().await;
        };
        tokio::select! { done = run => done, () = browsing => unreachable!() }
    }
}

/// What the browser does: one request to the redirect address.
async fn visit(asked: &HashMap<String, String>, query: &str) -> String {
    let place = asked["redirect_uri"].strip_prefix("http://").unwrap();
    request(place, &format!("GET /?{query} HTTP/1.1\r\nHost: {place}\r\n\r\n")).await
}

async fn request(place: &str, text: &str) -> String {
    let mut stream = TcpStream::connect(place).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

const WHOLE: &str = r#"{"access_token":"a1","refresh_token":"r1","expires_in":3600,
    "scope":"https://www.googleapis.com/auth/drive.readonly","token_type":"Bearer"}"#;

#[tokio::test]
async fn a_login_is_kept_with_pkce_and_state() {
    let world = World::new().await;
    world.service.say(200, WHOLE);
    let challenge = Mutex::new(String::new());
    world
        .log_in(|asked| {
            *challenge.lock().unwrap() = asked["code_challenge"].clone();
            assert_eq!(asked["code_challenge_method"], "S256");
            assert_eq!(asked["scope"], READ);
            assert_eq!(asked["access_type"], "offline");
            assert!(asked["redirect_uri"].starts_with("http://127.0.0.1:"));
            async move {
                let said = visit(&asked, &format!("code=c%2F1&state={}", asked["state"])).await;
                assert!(said.contains("You are logged in"), "{said}");
            }
        })
        .await
        .unwrap();
    let heard = world.service.heard();
    let (_, form) = heard[0].split_once("\r\n\r\n").unwrap();
    let form: HashMap<_, _> = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    assert_eq!((form["code"].as_str(), form["client_secret"].as_str()), ("c/1", "s3cret"));
    let verifier = form["code_verifier"].as_bytes();
    let expected = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    assert_eq!(*challenge.lock().unwrap(), expected);
    let stored = Stored::read(&world.keep(), "login").unwrap().unwrap();
    assert_eq!((stored.refresh_token.as_str(), stored.scopes[0].as_str()), ("r1", READ));
    // On disk it is encrypted.
    let raw = std::fs::read(world.directory.path().join("secrets")).unwrap();
    assert!(!String::from_utf8_lossy(&raw).contains("\"r1\""));
}

#[tokio::test]
async fn whatever_else_connects_ends_nothing() {
    let world = World::new().await;
    world.service.say(200, WHOLE);
    world
        .log_in(|asked| async move {
            let place = asked["redirect_uri"].strip_prefix("http://").unwrap().to_owned();
            let state = asked["state"].clone();
            // A browser that connects ahead and says nothing.
            let silent = TcpStream::connect(&place).await.unwrap();
            for query in ["code=evil&state=guess", "code=evil", "error=access_denied&state=x"] {
                assert!(visit(&asked, query).await.starts_with("HTTP/1.1 404"), "{query}");
            }
            // A page of another site, by a name that leads here.
            let rebound =
                format!("GET /?code=evil&state={state} HTTP/1.1\r\nHost: evil.example\r\n\r\n");
            assert!(request(&place, &rebound).await.starts_with("HTTP/1.1 404"));
            let post = format!("POST /?code=evil&state={state} HTTP/1.1\r\nHost: {place}\r\n\r\n");
            assert!(request(&place, &post).await.starts_with("HTTP/1.1 404"));
            let good = visit(&asked, &format!("code=good&state={state}")).await;
            assert!(good.contains("logged in"));
            drop(silent);
        })
        .await
        .unwrap();
    let heard = world.service.heard();
    assert_eq!(heard.len(), 1);
    assert!(heard[0].contains("code=good"));
}

#[tokio::test]
async fn a_login_that_lacks_something_is_not_kept() {
    for (body, said) in [
        (r#"{"error":"invalid_client"}"#, "invalid_client"),
        (r#"{"access_token":"a","token_type":"Bearer"}"#, "no lasting login"),
        (
            r#"{"access_token":"a","refresh_token":"r","scope":"openid","token_type":"Bearer"}"#,
            "leave every box ticked",
        ),
    ] {
        let world = World::new().await;
        world.service.say(if body.contains("error") { 401 } else { 200 }, body);
        let failed = world
            .log_in(|asked| async move {
                visit(&asked, &format!("code=c&state={}", asked["state"])).await;
            })
            .await;
        let text = failed.unwrap_err().to_string();
        assert!(text.contains(said), "{text}");
        assert!(Stored::read(&world.keep(), "login").unwrap().is_none());
    }
}

#[tokio::test]
async fn a_person_who_refuses_is_believed() {
    let world = World::new().await;
    let failed = world
        .log_in(|asked| async move {
            visit(&asked, &format!("error=access_denied&state={}", asked["state"])).await;
        })
        .await;
    assert_eq!(failed.unwrap_err().to_string(), "the login was refused: access_denied");
    assert!(world.service.heard().is_empty());
}

#[tokio::test]
async fn logout_revokes_and_forgets_also_if_nobody_can_be_told() {
    for (status, expected) in [(200, Ended::Revoked), (400, Ended::Forgotten)] {
        let world = World::new().await;
        world.service.say(200, WHOLE);
        let browse = |asked: HashMap<String, String>| async move {
            visit(&asked, &format!("code=c&state={}", asked["state"])).await;
        };
        world.log_in(browse).await.unwrap();
        let (provider, http, keep) = (world.service.provider(), world.service.http(), world.keep());
        let login = Login { provider: &provider, http: &http, keep: (&keep, "login"), scopes: &[] };
        world.service.say(status, "{}");
        assert_eq!(login.end().await.unwrap(), expected);
        assert!(world.service.heard()[1].contains("token=r1"));
        assert_eq!(login.end().await.unwrap(), Ended::Nobody);
    }
}

#[test]
fn client_files_of_other_kinds_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("client.json");
    let read = |text: &str| {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        ClientFile::read(&path).map(|client| client.id).map_err(|error| error.to_string())
    };
    assert_eq!(read(r#"{"installed":{"client_id":"x","client_secret":"y"}}"#).unwrap(), "x");
    assert!(read(r#"{"web":{"client_id":"x"}}"#).unwrap_err().contains("Desktop app"));
    assert!(read("{}").unwrap_err().contains("not the JSON of an OAuth client"));
}
