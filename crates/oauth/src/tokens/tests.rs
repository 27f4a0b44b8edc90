use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use base64::Engine as _;
use serde_json::json;

use super::*;
use crate::provider::Origins;
use crate::stub::TokenService;

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

    /// A login whose access token ends in this many seconds.
    fn log_in(&self, access: &str, seconds: i64) {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs().cast_signed();
        let stored = Stored {
            client_id: "desk".into(),
            client_secret: None,
            token_uri: self.service.provider().token_uri,
            refresh_token: "refresh-1".into(),
            access_token: Some(access.into()),
            expires: (now + seconds).try_into().unwrap(),
            scopes: vec!["drive.readonly".into()],
        };
        stored.write(&self.keep(), "login").unwrap();
    }

    /// What another process has: nothing in memory, the same store.
    fn process(&self) -> TokenSource {
        TokenSource::login(self.keep(), "login", self.service.provider(), self.service.http())
    }

    fn file(&self, text: &serde_json::Value) -> PathBuf {
        let path = self.directory.path().join("credentials.json");
        std::fs::write(&path, text.to_string()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn of_file(&self, path: &std::path::Path, subject: Option<&str>) -> TokenSource {
        let provider = self.service.provider();
        let file = CredentialsFile::read(path, subject, &provider.token_uri).unwrap();
        let mut origins = Origins::default();
        file.add_origins(&mut origins).unwrap();
        let http = origins.client("test", &lockkeeper_core::Environment::default()).unwrap();
        TokenSource::file(file, provider, http, &["https://scope/one", "https://scope/two"])
    }
}

async fn text(source: &TokenSource) -> String {
    source.token().await.unwrap().expose().clone()
}

#[tokio::test]
async fn a_token_that_lasts_is_used_without_asking() {
    let world = World::new().await;
    world.log_in("kept", 3_000);
    let process = world.process();
    assert_eq!((text(&process).await, text(&process).await), ("kept".into(), "kept".into()));
    assert!(world.service.heard().is_empty());
}

#[tokio::test]
async fn four_processes_renew_once() {
    let world = World::new().await;
    world.log_in("old", 10);
    let processes = [world.process(), world.process(), world.process(), world.process()];
    let [a, b, c, d] = &processes;
    let all = tokio::join!(text(a), text(b), text(c), text(d));
    let new = "access-1".to_owned();
    assert_eq!(all, (new.clone(), new.clone(), new.clone(), new.clone()));
    assert_eq!(world.service.heard().len(), 1);
    assert!(world.service.heard()[0].contains("refresh_token=refresh-1"));
    assert_eq!(text(&world.process()).await, new, "what was renewed is kept");
}

#[tokio::test]
async fn four_processes_whose_token_is_refused_renew_once() {
    let world = World::new().await;
    world.log_in("revoked", 3_000);
    let processes = [world.process(), world.process(), world.process(), world.process()];
    let another = async |source: &TokenSource| {
        let refused = source.token().await.unwrap();
        source.another(&refused).await.unwrap().expose().clone()
    };
    let [a, b, c, d] = &processes;
    let all = tokio::join!(another(a), another(b), another(c), another(d));
    let new = "access-1".to_owned();
    assert_eq!(all, (new.clone(), new.clone(), new.clone(), new));
    assert_eq!(world.service.heard().len(), 1);
}

#[tokio::test]
async fn a_refresh_token_that_is_replaced_is_kept() {
    let world = World::new().await;
    world.log_in("old", 0);
    let body = r#"{"access_token":"a","refresh_token":"refresh-2","token_type":"bearer"}"#;
    world.service.say(200, body);
    assert_eq!(text(&world.process()).await, "a");
    let stored = Stored::read(&world.keep(), "login").unwrap().unwrap();
    assert_eq!(stored.refresh_token, "refresh-2");
}

#[tokio::test]
async fn an_ended_login_says_why_and_what_to_do_and_holds_no_token() {
    let world = World::new().await;
    world.log_in("old-t0ken", 0);
    let body =
        r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#;
    world.service.say(400, body);
    let source = world.process();
    let error = source.token().await.err().unwrap();
    let text = lockkeeper_core::ToolError::from(&error).text();
    for part in [
        "login_expired: Google no longer accepts the login (invalid_grant)",
        "Token has been expired or revoked.",
        "`lockkeeper-drive login`",
        "\"Testing\" after 7 days",
        "\"In production\"",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("t0ken") && !text.contains("refresh-1"), "{text}");
    // A new login is seen without a restart.
    world.log_in("new", 3_000);
    assert_eq!(source.token().await.unwrap().expose(), "new");
}

#[tokio::test]
async fn nobody_logged_in_is_said() {
    let world = World::new().await;
    let error = world.process().token().await.err().unwrap();
    let text = lockkeeper_core::ToolError::from(error).text();
    assert!(text.starts_with("not_logged_in: nobody has logged in to Google"), "{text}");
}

#[tokio::test]
async fn a_persons_file_is_renewed_at_its_own_address() {
    let world = World::new().await;
    let path = world.file(&json!({
        "type": "authorized_user", "client_id": "gcloud", "client_secret": "s", "refresh_token": "r",
        "token_uri": format!("{}/own", world.service.root),
    }));
    let source = world.of_file(&path, None);
    assert_eq!(source.way(), Way::File("authorized_user"));
    assert_eq!((text(&source).await, text(&source).await), ("access-1".into(), "access-1".into()));
    let heard = world.service.heard();
    assert_eq!(heard.len(), 1);
    assert!(heard[0].starts_with("POST /own ") && heard[0].contains("client_id=gcloud"));
}

#[tokio::test]
async fn a_service_account_acts_for_a_person() {
    let world = World::new().await;
    // ring signs with RSA keys but makes none; this one is nobody's.
    let key = include_str!("test-key.pem");
    let path = world.file(&json!({
        "type": "service_account", "client_email": "robot@project.example", "private_key": key,
        "token_uri": format!("{}/sa", world.service.root),
    }));
    let source = world.of_file(&path, Some("ada@example.com"));
    assert_eq!(text(&source).await, "access-1");
    assert_eq!(text(&source).await, "access-1");
    let heard = world.service.heard();
    assert_eq!(heard.len(), 1);
    let (head, form) = heard[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /sa "));
    let form: std::collections::HashMap<_, _> =
        form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    let claims = form["assertion"].split('.').nth(1).unwrap().trim_end_matches('=').to_owned();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["sub"], "ada@example.com");
    assert_eq!(claims["iss"], "robot@project.example");
    assert_eq!(claims["scope"], "https://scope/one https://scope/two");
    let refused = source.token().await.unwrap();
    assert_eq!(source.another(&refused).await.unwrap().expose(), "access-2");
}

#[tokio::test]
async fn a_workload_shows_the_token_in_its_file() {
    let world = World::new().await;
    let subject = world.directory.path().join("subject");
    std::fs::write(&subject, "of the cluster").unwrap();
    let path = world.file(&json!({
        "type": "external_account", "audience": "//iam/pool", "subject_token_type": "jwt",
        "token_url": format!("{}/sts", world.service.root),
        "credential_source": { "file": subject },
    }));
    let source = world.of_file(&path, None);
    assert_eq!(text(&source).await, "access-1");
    assert!(world.service.heard()[0].contains("subject_token=of+the+cluster"));
}

#[tokio::test]
async fn the_machines_identity_is_asked_for() {
    let world = World::new().await;
    let mut origins = Origins::default();
    let file = CredentialsFile::Metadata(world.service.root.clone());
    file.add_origins(&mut origins).unwrap();
    let http = origins.client("test", &lockkeeper_core::Environment::default()).unwrap();
    let source = TokenSource::file(file, world.service.provider(), http, &["https://scope/one"]);
    assert_eq!(text(&source).await, "access-1");
    let heard = &world.service.heard()[0];
    assert!(heard.starts_with("GET /computeMetadata/v1/instance/service-accounts/default/token?"));
    assert!(heard.to_lowercase().contains("metadata-flavor: google"));
}

#[tokio::test]
async fn files_that_would_run_a_program_or_others_can_read_are_refused() {
    let world = World::new().await;
    let read = |text: &serde_json::Value, subject| {
        let path = world.file(text);
        CredentialsFile::read(&path, subject, "https://x").unwrap_err().to_string()
    };
    let program = json!({
        "type": "external_account", "audience": "a", "subject_token_type": "jwt", "token_url": "https://x",
        "credential_source": { "executable": { "command": "/bin/evil" } },
    });
    assert!(read(&program, None).contains("programs and AWS are not asked"));
    assert!(read(&json!({"type": "other"}), None).contains("its type is none of"));
    assert!(read(&json!({"type": "authorized_user"}), None).contains("lacks something"));
    let person = json!({"type": "authorized_user"});
    assert!(read(&person, Some("a@b")).contains("--subject is for service accounts"));
    let path = world.file(&json!({}));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = CredentialsFile::read(&path, None, "https://x").unwrap_err().to_string();
    assert!(error.contains("others can read it"), "{error}");
}

#[test]
fn nothing_is_sent_in_the_clear_but_to_this_machine() {
    let mut origins = Origins::default();
    origins.add("http://token.example.com/token").unwrap();
    assert!(origins.client("test", &lockkeeper_core::Environment::default()).is_err());
}

#[test]
fn whoever_waits_for_a_token_may_change_threads() {
    fn is_send<T: Send>(_: T) {}
    fn ask(source: &TokenSource, token: &Token) {
        is_send(source.token());
        is_send(source.another(token));
    }
    let _: fn(&TokenSource, &Token) = ask;
}
