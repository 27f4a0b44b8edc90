//! What is kept, for whom and how long, and who waits for whom.

use lockkeeper_core::UpstreamReading;

use super::*;
use crate::decode::decode;
use crate::redirect::redirects;
use crate::scripted::{Script, Step, get, post, raw, say, text, upstream};
use crate::semantics::Semantics;

const URI: &str = "http://api.test/x";
const MINUTE: &str = "cache-control: private, max-age=60";

struct Fixture {
    script: Script,
    upstream: Upstream,
    cache: Cache,
    stack: Stack,
}

fn fixture(steps: impl IntoIterator<Item = Step>) -> Fixture {
    fixture_with(steps, CacheSettings::default())
}

fn fixture_with(steps: impl IntoIterator<Item = Step>, settings: CacheSettings) -> Fixture {
    let (script, upstream, kept) = (Script::new(steps), upstream(), Cache::new(settings));
    let transport = decode(script.transport());
    let stack = cache(redirects(transport), kept.clone(), upstream.clone(), [0; 32]);
    Fixture { script, upstream, cache: kept, stack }
}

impl Fixture {
    async fn get(&self) -> String {
        text(&self.stack, get(URI)).await.unwrap().1
    }

    /// Hits, revalidated, misses, coalesced, bypassed.
    fn counts(&self) -> [u64; 5] {
        let UpstreamReading { cached, .. } = self.upstream.reading();
        cached
    }
}

async fn seconds(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

fn with(name: &'static str, value: &'static str) -> Request {
    http::Request::get(URI).header(name, value).body(Body::empty()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_fresh_answer_is_not_asked_for_again() {
    let it = fixture([say(200, &[MINUTE], "one"), say(200, &[MINUTE], "two")]);
    assert_eq!(it.get().await, "one");
    seconds(59).await;
    assert_eq!(it.get().await, "one");
    seconds(1).await;
    assert_eq!(it.get().await, "two");
    assert_eq!(it.counts(), [1, 0, 2, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_old_answer_is_asked_about() {
    let tagged = say(200, &["etag: W/\"a\"", "content-type: text/plain", "x-a: 1"], "one");
    let holds = say(304, &["etag: \"a\"", MINUTE, "x-a: 2", "content-type: no/thing"], "");
    let it = fixture([tagged, holds, say(200, &["etag: \"b\""], "two")]);
    assert_eq!(it.get().await, "one");
    let response = it.stack.clone().oneshot(get(URI)).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-a"], "2");
    assert_eq!(response.headers()["content-type"], "text/plain");
    assert_eq!(response.headers()["content-length"], "3");
    assert_eq!(response.into_body().collect(9).await.unwrap(), "one");
    // What the 304 said of the lifetime holds.
    assert_eq!(it.get().await, "one");
    seconds(60).await;
    assert_eq!(it.get().await, "two");
    assert_eq!(it.counts(), [1, 1, 2, 0, 0]);
    let arrived = it.script.arrived();
    assert!(!arrived[0].contains("if-none-match"));
    assert!(arrived[1].contains("if-none-match: W/\"a\"\r\n"), "{}", arrived[1]);
    assert!(arrived[2].contains("if-none-match: \"a\"\r\n"), "{}", arrived[2]);
}

#[tokio::test(start_paused = true)]
async fn a_date_is_a_validator_too() {
    let modified = "last-modified: Fri, 20 Nov 2026 12:00:00 GMT";
    let it = fixture([say(200, &[modified], "one"), say(304, &[], "")]);
    it.get().await;
    assert_eq!(it.get().await, "one");
    assert!(it.script.arrived()[1].contains("if-modified-since: Fri, 20 Nov 2026 12:00:00 GMT"));
}

#[tokio::test(start_paused = true)]
async fn a_304_that_speaks_of_nothing_here_is_asked_again() {
    for headers in [&[] as &[&str], &["etag: \"other\""]] {
        let it = fixture([say(304, headers, ""), say(200, &[], "whole")]);
        assert_eq!(it.get().await, "whole");
        let it = fixture([say(304, headers, ""), say(304, headers, "")]);
        let error = text(&it.stack, get(URI)).await.unwrap_err();
        assert!(matches!(error, HttpError::Answer { .. }), "{error:?}");
    }
    // Another version than the one that is here.
    let tagged = |tag| say(200, &[tag], "one");
    let it =
        fixture([tagged("etag: \"a\""), say(304, &["etag: \"b\""], ""), tagged("etag: \"b\"")]);
    assert_eq!((it.get().await, it.get().await), ("one".to_owned(), "one".to_owned()));
    assert!(!it.script.arrived()[2].contains("if-none-match"));
    // Whoever asks himself gets it.
    let it = fixture([say(304, &[], "")]);
    assert_eq!(text(&it.stack, with("if-none-match", "\"a\"")).await.unwrap().0, 304);
    assert_eq!(it.counts(), [0, 0, 0, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn neither_errors_nor_parts_nor_secrets_are_kept() {
    for kept_not in [
        say(404, &[MINUTE], "no"),
        say(500, &[MINUTE], "no"),
        say(203, &[MINUTE], "no"),
        say(206, &[MINUTE, "content-range: bytes 0-1/9"], "no"),
        say(200, &["cache-control: no-store, max-age=60"], "no"),
        say(200, &[MINUTE, "set-cookie: a=b"], "no"),
        say(200, &[MINUTE, "vary: *"], "no"),
        raw("HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\n\r\nno"),
    ] {
        let it = fixture([kept_not.clone(), say(200, &[MINUTE], "yes")]);
        assert_eq!(it.get().await, "no", "{kept_not:?}");
        assert_eq!(it.get().await, "yes", "{kept_not:?}");
    }
    // What came from elsewhere, by way of a redirect.
    let moved = || [say(302, &["location: /y"], ""), say(200, &[MINUTE], "there")];
    let it = fixture(moved().into_iter().chain(moved()));
    assert_eq!((it.get().await, it.get().await), ("there".to_owned(), "there".to_owned()));
    assert_eq!(it.script.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_is_not_kept() {
    for broken in [
        "HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-length: 5\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
    ] {
        let it = fixture([raw(broken), say(200, &[MINUTE], "whole")]);
        text(&it.stack, get(URI)).await.unwrap_err();
        assert_eq!(it.get().await, "whole");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_long_passes_and_is_not_kept() {
    let settings = CacheSettings { longest: 10, ..CacheSettings::default() };
    let chunked = "HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ntransfer-encoding: chunked\r\n\r\n\
                   8\r\nabcdefgh\r\n8\r\nijklmnop\r\n0\r\n\r\n";
    for long in [say(200, &[MINUTE], "abcdefghijklmnop"), raw(chunked)] {
        let it = fixture_with([long, say(200, &[MINUTE], "short")], settings);
        // Read in part, and dropped.
        let response = it.stack.clone().oneshot(get(URI)).await.unwrap();
        let mut body = response.into_body();
        http_body_util::BodyExt::frame(&mut body).await.unwrap().unwrap();
        drop(body);
        assert_eq!(it.get().await, "short");
    }
    let it = fixture_with([say(200, &[MINUTE], "abcdefghijklmnop")], settings);
    assert_eq!(it.get().await, "abcdefghijklmnop");
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_what_is_for_others() {
    let it = fixture([]);
    it.script.then(say(200, &[MINUTE], "x"));
    let other = cache(it.script.transport(), it.cache.clone(), it.upstream.clone(), [1; 32]);
    let requests: Vec<(&Stack, Request)> = vec![
        (&it.stack, get(URI)),
        (&it.stack, with("authorization", "Bearer 1")),
        (&it.stack, with("authorization", "Bearer 2")),
        (&it.stack, with("accept", "text/plain")),
        (&it.stack, get("http://api.test/y")),
        (&it.stack, get("http://api.test/x?y")),
        (&it.stack, get("http://b.test/x")),
        (&it.stack, get("https://api.test/x")),
        (&other, get(URI)),
    ];
    let count = requests.len();
    for (stack, request) in requests {
        text(stack, request).await.unwrap();
    }
    assert_eq!(it.script.count(), count);
    text(&it.stack, with("authorization", "Bearer 1")).await.unwrap();
    assert_eq!(it.script.count(), count);
}

#[tokio::test(start_paused = true)]
async fn answers_vary_by_what_they_say() {
    let varied = |text: &'static str| say(200, &[MINUTE, "vary: accept-language"], text);
    let it = fixture([varied("german"), varied("french"), varied("german")]);
    let ask = |language| text(&it.stack, with("accept-language", language));
    assert_eq!(ask("de").await.unwrap().1, "german");
    assert_eq!(ask("de").await.unwrap().1, "german");
    assert_eq!(ask("fr").await.unwrap().1, "french");
    assert_eq!(ask("de").await.unwrap().1, "german");
    assert_eq!(it.script.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn requests_say_what_they_want() {
    let it = fixture([]);
    it.script.then(say(200, &[MINUTE], "x"));
    it.get().await;
    for (name, value) in [
        ("range", "bytes=0-1"),
        ("cache-control", "no-store"),
        ("if-match", "\"a\""),
        ("if-modified-since", "Fri, 20 Nov 2026 12:00:00 GMT"),
    ] {
        text(&it.stack, with(name, value)).await.unwrap();
    }
    let streamed = http::Request::get(URI).extension(Streamed).body(Body::empty()).unwrap();
    text(&it.stack, streamed).await.unwrap();
    let reading = http::Request::post(URI).extension(Semantics::Reads).body("query".into());
    text(&it.stack, reading.unwrap()).await.unwrap();
    assert_eq!((it.script.count(), it.counts()), (7, [0, 0, 1, 0, 6]));
    // None of these spoilt what is kept; asking anew replaces it.
    it.get().await;
    assert_eq!(it.script.count(), 7);
    text(&it.stack, with("cache-control", "no-cache")).await.unwrap();
    assert_eq!(it.script.count(), 8);
    it.get().await;
    assert_eq!(it.script.count(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_change_puts_all_in_doubt_however_it_ends() {
    let ends: [fn() -> Step; 5] = [
        || say(201, &[], "made"),
        || say(422, &[], "refused"),
        || Step::Refuse,
        || Step::TimeOut,
        || Step::Silence,
    ];
    for end in ends {
        let kept = say(200, &[MINUTE, "etag: \"a\""], "one");
        let it = fixture([kept, end(), say(304, &[], "")]);
        it.get().await;
        let changing = text(&it.stack, post("http://api.test/other", "content"));
        let _however = tokio::time::timeout(Duration::from_secs(9), changing).await;
        assert_eq!(it.get().await, "one");
        assert_eq!(it.counts(), [0, 1, 1, 0, 0], "{:?}", end());
    }
    let repeatable = http::Request::put(URI).extension(Semantics::Repeatable);
    let once = http::Request::get(URI).extension(Semantics::Once);
    for request in [repeatable.body(Body::empty()).unwrap(), once.body(Body::empty()).unwrap()] {
        let it = fixture([say(200, &[MINUTE], "one"), say(200, &[], ""), say(200, &[], "two")]);
        it.get().await;
        text(&it.stack, request).await.unwrap();
        assert_eq!(it.get().await, "two");
    }
}

fn later(millis: u64, text: &str) -> Step {
    let length = text.len();
    let head = format!("HTTP/1.1 200 OK\r\n{MINUTE}\r\ncontent-length: {length}\r\n\r\n{text}");
    Step::Later(Duration::from_millis(millis), head.into_bytes())
}

async fn after<T>(millis: u64, work: impl Future<Output = T>) -> T {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    work.await
}

#[tokio::test(start_paused = true)]
async fn a_read_across_a_change_is_not_fresh() {
    // The read begins before the change and ends within it, after it, or around it.
    for (read_ends, change_ends) in [(500, 900), (900, 500)] {
        let change = Step::Later(
            Duration::from_millis(change_ends),
            b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        );
        let it = fixture([later(read_ends, "old"), change, say(200, &[MINUTE], "new")]);
        let changing = after(100, text(&it.stack, post(URI, "content")));
        let (old, changed) = tokio::join!(it.get(), changing);
        assert_eq!((&*old, changed.unwrap().0), ("old", 204));
        assert_eq!(it.get().await, "new");
    }
    // The read begins and ends within the change.
    let change =
        Step::Later(Duration::from_millis(900), b"HTTP/1.1 204 No Content\r\n\r\n".to_vec());
    let it = fixture([change, later(100, "old"), say(200, &[MINUTE], "new")]);
    let (changed, old) = tokio::join!(text(&it.stack, post(URI, "content")), after(100, it.get()));
    assert_eq!((changed.unwrap().0, &*old), (204, "old"));
    assert_eq!(it.get().await, "new");
}

#[tokio::test(start_paused = true)]
async fn a_read_after_a_change_doesnt_wait_for_one_from_before() {
    let it = fixture([later(900, "old"), say(204, &[], ""), say(200, &[MINUTE], "new")]);
    let reading = after(200, it.get());
    let changing = after(100, text(&it.stack, post(URI, "content")));
    let (old, changed, new) = tokio::join!(it.get(), changing, reading);
    assert_eq!((&*old, changed.unwrap().0, &*new), ("old", 204, "new"));
    // The old answer, which came last, didn't take the place of the new one for good.
    it.script.next([say(200, &[MINUTE], "newer")]);
    assert_ne!(it.get().await, "old");
}

#[tokio::test(start_paused = true)]
async fn equal_reads_are_one() {
    let it = fixture([later(100, "one")]);
    let all = futures_util::future::join_all((0..50).map(|_| it.get())).await;
    assert!(all.iter().all(|text| text == "one"));
    assert_eq!((it.script.count(), it.counts()), (1, [0, 0, 1, 49, 0]));
    assert_eq!(it.cache.0.flights.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_read_hands_over() {
    let it = fixture([Step::Silence, Step::Silence, later(100, "one")]);
    let cancelled = |millis| tokio::time::timeout(Duration::from_millis(millis), it.get());
    let waiting = futures_util::future::join_all((0..10).map(|_| it.get()));
    let (first, second, all) = tokio::join!(cancelled(100), cancelled(200), waiting);
    assert!(first.is_err() && second.is_err());
    assert!(all.iter().all(|text| text == "one"));
    assert_eq!(it.script.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn when_all_are_cancelled_nothing_is_left() {
    let it = fixture([]);
    it.script.then(Step::Silence);
    let cancelled = |millis| tokio::time::timeout(Duration::from_millis(millis), it.get());
    let all = (1..20).map(|n| cancelled(n * 7 % 11 + 1));
    assert!(futures_util::future::join_all(all).await.iter().all(Result::is_err));
    assert_eq!(it.cache.0.flights.count(), 0);
    it.script.then(say(200, &[MINUTE], "one"));
    assert_eq!(it.get().await, "one");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_nobody_elses() {
    let fails = Step::Later(
        Duration::from_millis(100),
        b"HTTP/1.1 404 x\r\ncontent-length: 0\r\n\r\n".to_vec(),
    );
    let it = fixture([fails]);
    it.script.then(later(100, "one"));
    let begin = Instant::now();
    let ask = || text(&it.stack, get(URI));
    let mut all = futures_util::future::join_all((0..5).map(|_| ask())).await;
    assert_eq!(all.remove(0).unwrap().0, 404);
    assert!(all.into_iter().all(|answer| answer.unwrap() == (200, "one".to_owned())));
    // And not one after the other.
    assert_eq!(begin.elapsed().as_millis() / 100, 2);
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded() {
    let settings = CacheSettings { bytes: 100_000, ..CacheSettings::default() };
    let it = fixture_with([], settings);
    it.script.then(say(200, &[MINUTE], "x".repeat(9_000)));
    for n in 0..30 {
        text(&it.stack, get(&format!("http://api.test/{n}"))).await.unwrap();
    }
    // The last ones are still there, the first ones aren't.
    text(&it.stack, get("http://api.test/29")).await.unwrap();
    assert_eq!(it.script.count(), 30);
    text(&it.stack, get("http://api.test/0")).await.unwrap();
    assert_eq!(it.script.count(), 31);
}

#[tokio::test(start_paused = true)]
async fn no_credential_is_in_its_memory() {
    let it = fixture([say(200, &[MINUTE, "vary: authorization"], "x")]);
    text(&it.stack, with("authorization", "Bearer canary")).await.unwrap();
    let dump = format!("{:?}", it.cache.store());
    assert!(dump.contains("vary") && !dump.contains("canary"), "{dump}");
}
