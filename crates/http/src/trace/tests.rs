//! The trace that goes along.

use std::time::{Duration, Instant};

use lockkeeper_core::testing::during;

use super::*;
use crate::scripted::{Script, get, say, text};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

async fn sent(uri: &str, parent: Option<&str>) -> String {
    let script = Script::new([say(200, &[], "")]);
    let stack = trace(script.transport(), ["api.test".to_owned()].into());
    let later = Instant::now() + Duration::from_secs(9);
    during(later, parent, text(&stack, get(uri))).await.unwrap();
    script.arrived().remove(0)
}

#[tokio::test]
async fn the_callers_trace_goes_to_the_upstream_and_to_nobody_else() {
    let head = sent("http://API.test:8080/x", Some(PARENT)).await;
    let header = head.lines().find_map(|line| line.strip_prefix("traceparent: ")).unwrap();
    assert!(header.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{header}");
    assert!(header.ends_with("-01") && !header.contains("b7ad6b7169203331"), "{header}");
    for head in [
        sent("http://b.test/x", Some(PARENT)).await,
        sent("http://api.test.b.test/x", Some(PARENT)).await,
        sent("http://api.test/x", None).await,
    ] {
        assert!(!head.contains("trace"), "{head}");
    }
}

#[tokio::test]
async fn without_a_call_there_is_none() {
    let script = Script::new([say(200, &[], "")]);
    let stack = trace(script.transport(), ["api.test".to_owned()].into());
    text(&stack, get("http://api.test/")).await.unwrap();
    assert!(!script.arrived()[0].contains("trace"));
}
