//! The clients of vendors, on the stack: octocrab by its service, google-drive3 by its connector.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use google_drive3::DriveHub;
use google_drive3::api::{File, Scope};
use http_body_util::Full;
use lockkeeper_core::Ongoing;
use lockkeeper_http::{Bridge, Http, HttpError, Phase, Timeouts};
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::{AuthState, OctocrabBuilder};
use serde_json::{Value, json};

use crate::client;
use crate::server::{Answer, Authority, Seen, Server, json as answer};

async fn github(seen: Seen) -> Answer {
    match seen.target.as_str() {
        "/hang" => std::future::pending().await,
        _ if seen.method == "POST" => answer(&seen.body),
        _ => answer(r#"{"name":"x"}"#),
    }
}

fn octocrab(http: Http, uri: &str) -> octocrab::Octocrab {
    OctocrabBuilder::new_empty()
        .with_service(http)
        .with_layer(&BaseUriLayer::new(uri.parse().unwrap()))
        .with_auth(AuthState::None)
        .build()
        .unwrap()
}

#[tokio::test]
async fn octocrab_stands_on_it_with_tls_and_without() {
    let authority = Authority::new("ours");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, &authority.pem).unwrap();
    let plain = Server::start(github).await;
    let secure = Server::start_tls(github, authority.config("127.0.0.1", |_| {})).await;
    for (server, scheme) in [(plain, "http"), (secure, "https")] {
        let uri = format!("{scheme}://{}", server.address);
        let octocrab = octocrab(client(&uri).certificates(file.clone()).build(), &uri);
        let got: Value = octocrab.get("/repos/a/b", None::<&()>).await.unwrap();
        assert_eq!(got, json!({ "name": "x" }));
        let issue = json!({ "title": "new" });
        let posted: Value = octocrab.post("/repos/a/b/issues", Some(&issue)).await.unwrap();
        assert_eq!(posted, issue);
        let seen = server.counts.seen();
        let lines: Vec<_> = seen.iter().map(|s| format!("{} {}", s.method, s.target)).collect();
        assert_eq!(lines, ["GET /repos/a/b", "POST /repos/a/b/issues"]);
        assert_eq!(seen[1].headers["content-length"], "15");
        assert_eq!(server.counts.connections.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_call_of_octocrab_that_is_cancelled_leaves_no_connection() {
    let server = Server::start(github).await;
    let octocrab = octocrab(client(&server.uri("")).build(), &server.uri(""));
    let hanging = octocrab.clone();
    let call = tokio::spawn(async move { hanging.get::<Value, _, ()>("/hang", None).await });
    server.counts.until(|counts| counts.running.load(Ordering::SeqCst) == 1).await;
    let since = Instant::now();
    call.abort();
    server.counts.open_is(0).await;
    assert!(since.elapsed() < Duration::from_millis(100), "{:?}", since.elapsed());
    octocrab.get::<Value, _, ()>("/repos/a/b", None).await.unwrap();
}

#[tokio::test]
async fn octocrab_passes_deadlines_on_and_our_errors_back() {
    let server = Server::start(github).await;
    let octocrab = octocrab(client(&server.uri("")).build(), &server.uri(""));
    let call = Ongoing::for_testing(Instant::now() + Duration::from_millis(300));
    let error = call.during(octocrab.get::<Value, _, ()>("/hang", None)).await.unwrap_err();
    let found = HttpError::find(&error);
    assert!(matches!(found, Some(HttpError::Deadline { .. })), "{error:?}");
}

async fn drive(seen: Seen) -> Answer {
    let path = seen.target.split('?').next().unwrap_or_default();
    match path {
        "/files/hang" => std::future::pending().await,
        "/files/gone" => {
            let text = r#"{"error":{"code":404,"message":"File not found"}}"#;
            let mut answer = answer(text);
            *answer.status_mut() = http::StatusCode::NOT_FOUND;
            answer
        }
        "/files/bytes" if seen.target.contains("alt=media") => {
            Answer::new(Full::from(vec![b'x'; 3 << 20]))
        }
        _ if seen.method == "POST" => answer(&seen.body),
        _ => answer(r#"{"id":"1","name":"x"}"#),
    }
}

fn hub(http: Http, uri: &str) -> DriveHub<Bridge> {
    let mut hub = DriveHub::new(Bridge::new(http).client(), "t0ken".to_owned());
    drop(hub.base_url(format!("{uri}/")));
    hub
}

#[tokio::test]
async fn google_drive3_stands_on_it_with_tls_and_without() {
    let authority = Authority::new("ours");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, &authority.pem).unwrap();
    let plain = Server::start(drive).await;
    let secure = Server::start_tls(drive, authority.config("127.0.0.1", |_| {})).await;
    for (server, scheme) in [(plain, "http"), (secure, "https")] {
        let uri = format!("{scheme}://{}", server.address);
        let hub = hub(client(&uri).certificates(file.clone()).build(), &uri);
        let (_, got) = hub.files().get("1").add_scope(Scope::Readonly).doit().await.unwrap();
        assert_eq!(got.name.as_deref(), Some("x"));
        let new = File { name: Some("new".to_owned()), ..File::default() };
        hub.permissions().list("1").add_scope(Scope::Readonly).doit().await.unwrap();
        let copy = hub.files().copy(new, "1").add_scope(Scope::File).doit();
        assert_eq!(copy.await.unwrap().1.name.as_deref(), Some("new"));
        let seen = server.counts.seen();
        let lines: Vec<_> =
            seen.iter().map(|s| s.target.split('?').next().unwrap().to_owned()).collect();
        assert_eq!(lines, ["/files/1", "/files/1/permissions", "/files/1/copy"]);
        assert_eq!(seen[2].body, r#"{"name":"new"}"#);
        assert_eq!(seen[2].headers["authorization"], "Bearer t0ken");
        assert_eq!(seen[2].headers["host"], server.address.to_string());
        // The connections to the server are kept, although those in memory aren't.
        assert_eq!(server.counts.connections.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn google_drive3_streams_through_and_gets_statuses_as_they_are() {
    let server = Server::start(drive).await;
    let hub = hub(client(&server.uri("")).build(), &server.uri(""));
    let media = hub.files().get("bytes").param("alt", "media").add_scope(Scope::Readonly);
    let (response, _) = media.doit().await.unwrap();
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
    assert_eq!(body.to_bytes().len(), 3 << 20);
    let error = hub.files().get("gone").add_scope(Scope::Readonly).doit().await.unwrap_err();
    assert!(matches!(error, google_drive3::Error::BadRequest(_)), "{error:?}");
}

#[tokio::test]
async fn google_drive3_passes_deadlines_and_cancellation_on_and_our_errors_back() {
    let server = Server::start(drive).await;
    let first_byte = Duration::from_millis(200);
    let http = client(&server.uri("")).timeouts(Timeouts { first_byte, ..Timeouts::default() });
    let hub = hub(http.build(), &server.uri(""));
    let hang = || hub.files().get("hang").add_scope(Scope::Readonly).doit();
    let error = hang().await.unwrap_err();
    let found = HttpError::find(&error);
    let phase = matches!(found, Some(HttpError::Timeout { phase: Phase::FirstByte, .. }));
    assert!(phase, "{error:?}");

    let call = Ongoing::for_testing(Instant::now() + Duration::from_millis(150));
    let error = call.during(hang()).await.unwrap_err();
    assert!(matches!(HttpError::find(&error), Some(HttpError::Deadline { .. })), "{error:?}");

    {
        let hang = hang();
        tokio::pin!(hang);
        let running = server.counts.until(|counts| counts.running.load(Ordering::SeqCst) == 1);
        tokio::select! {
            outcome = &mut hang => panic!("{outcome:?}"),
            () = running => {}
        }
    }
    server.counts.open_is(0).await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_empty_answer_to_google_drive3() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(b"Content-Length: 99\r\n\r\n{").await.unwrap();
        }
    });
    let hub = hub(client(&uri).build(), &uri);
    let read = hub.files().get("1").add_scope(Scope::Readonly).doit().await.unwrap_err();
    assert!(matches!(HttpError::find(&read), Some(HttpError::BodyTruncated)), "{read:?}");
    let change = hub.files().copy(File::default(), "1").add_scope(Scope::File).doit().await;
    let change = change.unwrap_err();
    let unknown = matches!(HttpError::find(&change), Some(HttpError::OutcomeUnknown { .. }));
    assert!(unknown, "{change:?}");
}
