//! Recording and replaying.
#![expect(clippy::disallowed_methods, reason = "tests look at their own files")]

use super::*;
use crate::Body;
use crate::scripted::{Script, get, post, say, text};

fn file(directory: &tempfile::TempDir) -> PathBuf {
    directory.path().join("cassette.json")
}

#[tokio::test]
async fn what_was_recorded_is_replayed() {
    let directory = tempfile::tempdir().unwrap();
    let script = Script::new([
        say(200, &["etag: \"a\"", "link: </2>; rel=\"next\""], "one"),
        say(201, &[], "made"),
        say(200, &[], "two"),
        say(200, &[], [0xff, 0x00, 0x01]),
    ]);
    let recording = record(script.transport(), file(&directory));
    for request in [get("http://a.test/x"), post("http://a.test/x", "{}"), get("http://a.test/x")] {
        text(&recording, request).await.unwrap();
    }
    recording.oneshot(get("http://a.test/bytes")).await.unwrap();
    let played = replay(file(&directory)).unwrap();
    let response = played.clone().oneshot(get("http://a.test/x")).await.unwrap();
    assert_eq!(response.headers()["etag"], "\"a\"");
    assert_eq!(response.headers()["link"], "</2>; rel=\"next\"");
    assert_eq!(response.into_body().collect(9).await.unwrap(), "one");
    assert_eq!(text(&played, get("http://a.test/x")).await.unwrap(), (200, "two".to_owned()));
    let answer = text(&played, post("http://a.test/x", "{}")).await.unwrap();
    assert_eq!(answer, (201, "made".to_owned()));
    let response = played.oneshot(get("http://a.test/bytes")).await.unwrap();
    assert_eq!(response.into_body().collect(9).await.unwrap(), &[0xff, 0x00, 0x01][..]);
}

#[tokio::test]
async fn what_was_not_recorded_names_what_is_nearest() {
    let directory = tempfile::tempdir().unwrap();
    let script = Script::new([say(200, &[], "one"), say(200, &[], "two")]);
    let recording = record(script.transport(), file(&directory));
    text(&recording, get("http://a.test/repos/a")).await.unwrap();
    text(&recording, post("http://a.test/issues", "{}")).await.unwrap();
    let played = replay(file(&directory)).unwrap();
    let reason = |request| {
        let played = played.clone();
        async move { text(&played, request).await.unwrap_err().to_string() }
    };
    assert_eq!(
        reason(get("http://a.test/repos/b")).await,
        "`GET http://a.test/repos/b` isn't recorded; the nearest that is left is \
         `GET http://a.test/repos/a`"
    );
    let other = reason(post("http://a.test/issues", "[]")).await;
    assert!(other.contains("has other headers or another body"), "{other}");
    text(&played, get("http://a.test/repos/a")).await.unwrap();
    assert!(reason(get("http://a.test/repos/a")).await.contains("`POST http://a.test/issues`"));
    text(&played, post("http://a.test/issues", "{}")).await.unwrap();
    assert!(reason(get("http://a.test/repos/a")).await.ends_with("nothing is left in it"));
}

#[tokio::test]
async fn no_credential_is_written() {
    const SECRET: &str = "s3cr3t-value";
    let directory = tempfile::tempdir().unwrap();
    let headers = [
        &format!("set-cookie: session={SECRET}") as &str,
        &format!("location: https://blob.test/log?sv=1&sig={SECRET}&se=2"),
        &format!("link: <https://a.test/2?access_token={SECRET}>; rel=\"next\""),
        &format!("www-authenticate: Bearer realm=\"{SECRET}\""),
    ];
    let token = ["gh", "p_R8v2kQz7LmX4tWc9", "Yb3NfJ6hDs1PaE5gUo0i"].concat();
    let body = format!("{{\"text\":\"{token}\",\"list\":[{{\"refresh_token\":\"{SECRET}\"}}]}}");
    let script = Script::new([say(200, &headers, &body)]);
    let uri = format!("http://a.test/x?per_page=5&client_secret={SECRET}&X-Amz-Signature={SECRET}");
    let mut sensitive = http::HeaderValue::from_static("s3cr3t-value");
    sensitive.set_sensitive(true);
    let request = http::Request::post(uri)
        .header("authorization", format!("Bearer {SECRET}"))
        .header("cookie", SECRET)
        .header("x-goog-api-key", SECRET)
        .header("range", sensitive)
        .body(Body::from(body))
        .unwrap();
    let recording = record(script.transport(), file(&directory));
    text(&recording, request).await.unwrap();
    let form = format!("client_id=7&client_secret={SECRET}&grant_type=refresh_token");
    let form = http::Request::post("http://a.test/token").body(form.into()).unwrap();
    script.next([say(200, &[], "")]);
    text(&recording, form).await.unwrap();
    let written = std::fs::read_to_string(file(&directory)).unwrap();
    assert!(!written.contains(SECRET) && !written.contains(&token), "{written}");
    assert!(written.contains("per_page=5&client_secret=left-out&X-Amz-Signature=left-out"));
    assert!(written.contains("client_id=7&client_secret=left-out&grant_type"), "{written}");
    assert!(written.contains("log?sv=1&sig=left-out&se=2"), "{written}");
    assert!(written.contains("access_token=left-out>; rel="), "{written}");
}

#[test]
fn what_is_no_recording_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    assert!(replay(file(&directory)).is_err());
    std::fs::write(file(&directory), "{\"exchanges\":[],\"more\":1}").unwrap();
    assert!(replay(file(&directory)).is_err());
}
