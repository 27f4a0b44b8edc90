//! What is followed, and what goes along.

use lockkeeper_core::ToolError;

use super::*;
use crate::scripted::{Script, Step, get, post, say, text};

const HERE: &str = "https://api.test/x";

fn to(status: u16, location: &str) -> Step {
    say(status, &[&format!("location: {location}")], "")
}

fn ok() -> Step {
    say(200, &[], "ok")
}

async fn follow(script: &Script, request: Request) -> Result<(u16, String), HttpError> {
    text(&redirects(script.transport()), request).await
}

fn reason(error: &HttpError) -> &'static str {
    match error {
        HttpError::Redirect { reason } => reason,
        _ => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn reads_are_followed_five_times() {
    for status in [301, 302, 303, 307, 308] {
        let hops = |most| (1..=most).map(move |n| to(status, &format!("/{n}")));
        let script = Script::new(hops(5).chain([ok()]));
        assert_eq!(follow(&script, get(HERE)).await.unwrap(), (200, "ok".to_owned()));
        assert!(script.arrived().last().unwrap().starts_with("GET /5 "));
        let script = Script::new(hops(6));
        let error = follow(&script, get(HERE)).await.unwrap_err();
        assert!(matches!(error, HttpError::TooManyRedirects { limit: 5 }), "{error:?}");
    }
}

#[tokio::test]
async fn what_shall_not_be_followed_is_handed_back() {
    for request in [get(HERE), post(HERE, "x")] {
        let script = Script::new([to(307, "/y")]);
        let mut request = request;
        request.extensions_mut().insert(Unfollowed);
        assert_eq!(follow(&script, request).await.unwrap().0, 307);
        assert_eq!(script.count(), 1);
    }
}

#[tokio::test]
async fn loops_end() {
    let script = Script::new([to(302, "/y"), to(302, "/x")]);
    let error = follow(&script, get(HERE)).await.unwrap_err();
    assert_eq!(reason(&error), "it leads back to where it came from");
    assert_eq!(script.count(), 2);
}

#[tokio::test]
async fn https_stays_https() {
    let script = Script::new([to(302, "http://api.test/x")]);
    let error = follow(&script, get(HERE)).await.unwrap_err();
    assert_eq!(reason(&error), "it leads from https to http");
    for location in ["ftp://api.test/x", "file:///etc/passwd", "data:text/plain,x", "javascript:x"]
    {
        let script = Script::new([to(302, location)]);
        reason(&follow(&script, get(HERE)).await.unwrap_err());
        assert_eq!(script.count(), 1);
    }
    let script = Script::new([to(302, "https://api.test/x"), ok()]);
    assert_eq!(follow(&script, get("http://api.test/x")).await.unwrap().0, 200);
}

#[tokio::test]
async fn a_change_is_not_turned_into_something_else() {
    for status in [301, 302] {
        let script = Script::new([to(status, "/y"), ok()]);
        let error = follow(&script, post(HERE, "content")).await.unwrap_err();
        // Forms are answered so after they did their work.
        let HttpError::OutcomeUnknown { source } = error else { panic!("{error:?}") };
        assert_eq!(reason(&source), "a request that isn't a GET would become one");
        assert_eq!(script.count(), 1);
    }
    for status in [307, 308] {
        let script = Script::new([to(status, "/y"), ok()]);
        assert_eq!(follow(&script, post(HERE, "content")).await.unwrap().0, 200);
        let last = script.arrived().pop().unwrap();
        assert!(last.starts_with("POST /y ") && last.ends_with("\r\n\r\ncontent"), "{last}");
        let elsewhere = Script::new([to(status, "https://b.test/y"), ok()]);
        reason(&follow(&elsewhere, post(HERE, "content")).await.unwrap_err());
        assert_eq!(elsewhere.count(), 1);
        let streamed = Script::new([to(status, "/y"), ok()]);
        let body = Body::stream(Body::from("content"));
        let request = http::Request::put(HERE).body(body).unwrap();
        reason(&follow(&streamed, request).await.unwrap_err());
        assert_eq!(streamed.count(), 1);
    }
}

#[tokio::test]
async fn see_other_is_a_get() {
    let request = http::Request::post(HERE).header("content-type", "text/plain");
    let request = request.body(Body::from("content")).unwrap();
    let script = Script::new([to(303, "/y"), ok()]);
    assert_eq!(follow(&script, request).await.unwrap().0, 200);
    let last = script.arrived().pop().unwrap();
    assert!(last.starts_with("GET /y ") && !last.contains("content"), "{last}");
}

#[tokio::test]
async fn a_change_that_was_made_is_not_said_to_have_failed() {
    for second in [Step::Refuse, to(302, "http://api.test/"), to(303, "/x"), to(302, "\\")] {
        let script = Script::new([to(303, "/y"), second]);
        script.then(to(302, "/y"));
        let error = follow(&script, post(HERE, "content")).await.unwrap_err();
        assert_eq!(ToolError::from(&error).code(), "outcome_unknown", "{error:?}");
    }
}

#[tokio::test]
async fn no_credential_goes_to_another_origin() {
    let request = || {
        let mut secret = http::HeaderValue::from_static("key-in-range");
        secret.set_sensitive(true);
        http::Request::get(HERE)
            .header("authorization", "Bearer key-1")
            .header("cookie", "a=key-2")
            .header("proxy-authorization", "Basic key-3")
            .header("x-api-key", "key-4")
            .header("private-token", "key-5")
            .header("range", secret)
            .header("host", "api.test")
            .header("accept", "application/json")
            .header("user-agent", "lockkeeper")
            .body(Body::empty())
            .unwrap()
    };
    for elsewhere in ["https://b.test/y", "https://api.test:8443/y", "https://api.test.b.test/"] {
        // Also not when it leads back.
        let script = Script::new([to(302, elsewhere), to(302, HERE.trim_end_matches('x')), ok()]);
        assert_eq!(follow(&script, request()).await.unwrap().0, 200);
        for hop in &script.arrived()[1..] {
            assert!(!hop.contains("key-"), "{elsewhere}: {hop}");
            assert!(hop.contains("accept: application/json\r\n"), "{hop}");
            assert!(hop.contains("user-agent: lockkeeper\r\n"), "{hop}");
        }
        let host = elsewhere.split('/').nth(2).unwrap();
        assert!(script.arrived()[1].contains(&format!("host: {host}\r\n")), "{elsewhere}");
    }
    for here in ["/y", "https://API.test/y", "https://api.test:443/y", "//api.test/y"] {
        let script = Script::new([to(302, here), ok()]);
        assert_eq!(follow(&script, request()).await.unwrap().0, 200);
        let last = script.arrived().pop().unwrap();
        assert!((1..=5).all(|n| last.contains(&format!("key-{n}"))), "{here}: {last}");
    }
    // Scheme only.
    let mut plain = request();
    *plain.uri_mut() = "http://api.test/x".parse().unwrap();
    let script = Script::new([to(301, HERE), ok()]);
    assert_eq!(follow(&script, plain).await.unwrap().0, 200);
    assert!(!script.arrived()[1].contains("key-"));
}

#[tokio::test]
async fn what_leads_nowhere_is_an_answer() {
    let script = Script::new([say(308, &["range: bytes=0-99"], "")]);
    assert_eq!(
        follow(&script, http::Request::put(HERE).body(Body::empty()).unwrap()).await.unwrap().0,
        308
    );
    let script = Script::new([to(304, "/y"), to(300, "/y"), to(201, "/y")]);
    for status in [304, 300, 201] {
        assert_eq!(follow(&script, get(HERE)).await.unwrap().0, status);
    }
}
