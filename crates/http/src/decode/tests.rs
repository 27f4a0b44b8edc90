//! Compression and the cap over it.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::BodyExt as _;

use super::*;
use crate::cap::cap;
use crate::scripted::{Script, Step, get, raw, say, text};
use crate::semantics::MaxBody;

const URI: &str = "http://api.test/x";

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zipped(bytes: &[u8]) -> Step {
    say(200, &["content-encoding: gzip"], bytes)
}

#[tokio::test]
async fn gzip_is_asked_for_and_undone() {
    let script = Script::new([zipped(&gzip(b"hello")), zipped(b""), say(200, &[], "plain")]);
    let stack = decode(script.transport());
    let response = stack.clone().oneshot(get(URI)).await.unwrap();
    assert!(!response.headers().contains_key(CONTENT_ENCODING));
    assert!(!response.headers().contains_key(CONTENT_LENGTH));
    assert_eq!(response.into_body().collect(100).await.unwrap(), "hello");
    assert_eq!(text(&stack, get(URI)).await.unwrap().1, "");
    assert_eq!(text(&stack, get(URI)).await.unwrap().1, "plain");
    assert!(script.arrived().iter().all(|head| head.contains("accept-encoding: gzip\r\n")));
}

#[tokio::test]
async fn whoever_asks_for_an_encoding_gets_it() {
    let packed = gzip(b"hello");
    for (name, value) in [("accept-encoding", "gzip"), ("range", "bytes=0-9")] {
        let script = Script::new([zipped(&packed)]);
        let request = http::Request::get(URI).header(name, value).body(Body::empty()).unwrap();
        let response = decode(script.transport()).oneshot(request).await.unwrap();
        assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
        assert_eq!(response.into_body().collect(100).await.unwrap(), packed);
    }
}

#[tokio::test]
async fn members_follow_each_other_and_pieces_are_of_any_size() {
    let long: Vec<u8> = (0..5_000_u32).flat_map(|n| (n * n).to_le_bytes()).collect();
    let packed = [gzip(&long), gzip(b"and more")].concat();
    for size in [1, 7, 1_000, packed.len()] {
        let pieces: Vec<_> = packed
            .chunks(size)
            .map(|piece| Ok::<_, HttpError>(Frame::data(Bytes::copy_from_slice(piece))))
            .collect();
        let pieces = http_body_util::StreamBody::new(futures_util::stream::iter(pieces));
        let body = Body::stream(Gunzip::new(Body::stream(pieces)));
        let text = body.collect(10_000_000).await.unwrap();
        assert!(text.starts_with(&long) && text.ends_with(b"and more"), "{size}");
    }
}

#[tokio::test]
async fn what_is_cut_or_altered_is_an_error() {
    let packed = gzip(b"hello, and a few more words");
    for length in 1..packed.len() {
        let script = Script::new([zipped(&packed[..length])]);
        let error = text(&decode(script.transport()), get(URI)).await.unwrap_err();
        assert!(matches!(error, HttpError::BodyTruncated), "{length}: {error:?}");
    }
    let mut altered = packed.clone();
    let sum = altered.len() - 8;
    altered[sum] ^= 1;
    let behind = [packed, b"garbage and more".to_vec()].concat();
    for bytes in [altered, behind, b"<html>not gzip at all</html>".to_vec()] {
        let script = Script::new([zipped(&bytes)]);
        let error = text(&decode(script.transport()), get(URI)).await.unwrap_err();
        assert!(matches!(error, HttpError::BodyEncoding { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn other_encodings_are_not_passed_off_as_text() {
    for encoding in ["br", "gzip, gzip", "zstd"] {
        let script = Script::new([say(200, &[&format!("content-encoding: {encoding}")], "x")]);
        let error = text(&decode(script.transport()), get(URI)).await.unwrap_err();
        assert!(matches!(error, HttpError::Answer { .. }), "{error:?}");
    }
    let script = Script::new([say(200, &["content-encoding: identity"], "x")]);
    assert_eq!(text(&decode(script.transport()), get(URI)).await.unwrap().1, "x");
}

#[tokio::test]
async fn answers_without_a_body_have_nothing_to_decode() {
    let head = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 999\r\n\r\n";
    let script = Script::new([raw(head)]);
    let request = http::Request::head(URI).body(Body::empty()).unwrap();
    let response = cap(decode(script.transport()), 10).oneshot(request).await.unwrap();
    assert_eq!(response.headers()[CONTENT_LENGTH], "999");
    assert_eq!(response.into_body().collect(0).await.unwrap(), "");
}

#[tokio::test]
async fn a_bomb_stops_at_the_cap() {
    // A thousandth of what it becomes, as deflate can do.
    let packed = gzip(&vec![0; 16 * 1024 * 1024]);
    assert!(packed.len() < 20_000);
    let script = Script::new([zipped(&packed)]);
    let response = cap(decode(script.transport()), 100_000).oneshot(get(URI)).await.unwrap();
    let mut body = response.into_body();
    let mut read = 0;
    let error = loop {
        match body.frame().await.unwrap() {
            Ok(frame) => {
                let length = frame.into_data().unwrap().len();
                assert!(length <= STEP, "{length}");
                read += length;
            }
            Err(error) => break error,
        }
    };
    assert!(read <= 100_000);
    assert!(matches!(error, HttpError::BodyTooLarge { limit: 100_000 }), "{error:?}");
}

#[tokio::test]
async fn the_cap_is_exact_and_the_requests_own() {
    for (length, limit, fits) in [(10, 10, true), (11, 10, false), (0, 0, true), (1, 0, false)] {
        let body = "x".repeat(length);
        let chunks = "1\r\nx\r\n".repeat(length);
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let chunked = format!("{head}{chunks}0\r\n\r\n");
        for step in [say(200, &[], &body), raw(&chunked), zipped(&gzip(body.as_bytes()))] {
            let script = Script::new([step]);
            let stack = cap(decode(script.transport()), 5);
            let request = http::Request::get(URI).extension(MaxBody(limit));
            let answer = text(&stack, request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.is_ok(), fits, "{length} of {limit}: {answer:?}");
        }
    }
    let script = Script::new([say(200, &[], "x".repeat(6))]);
    let stack = cap(decode(script.transport()), 5);
    let error = stack.oneshot(get(URI)).await.unwrap_err();
    assert_eq!(lockkeeper_core::ToolError::from(error).code(), "too_large");
}

#[tokio::test]
async fn a_body_that_ends_with_its_connection_is_marked() {
    let script = Script::new([raw("HTTP/1.1 200 OK\r\n\r\nwhole?"), say(200, &[], "whole")]);
    let stack = decode(script.transport());
    let response = stack.clone().oneshot(get(URI)).await.unwrap();
    assert!(response.extensions().get::<Unframed>().is_some());
    let response = stack.oneshot(get(URI)).await.unwrap();
    assert!(response.extensions().get::<Unframed>().is_none());
}
