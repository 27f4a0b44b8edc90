use super::*;

fn metrics() -> Metrics {
    Metrics::new("lockkeeper-test", "1.2.3", "ab12".to_owned())
}

#[test]
fn durations_are_counted_by_what_was_asked_and_what_came_of_it() {
    let metrics = metrics();
    let noted = Noted::default();
    noted.tool("get_note");
    metrics.operation("tools/call", &noted, None, Duration::from_millis(1));
    metrics.operation("tools/call", &noted, None, Duration::from_secs(301));
    noted.error("not_found");
    metrics.operation("tools/call", &noted, Some("_other"), Duration::from_micros(1_500));
    metrics.operation("ping", &Noted::default(), None, Duration::ZERO);
    let text = metrics.text();
    let labels = r#"service_name="lockkeeper-test",service_instance_id="ab12","#;
    let call = r#"mcp_method_name="tools/call",gen_ai_tool_name="get_note","#;
    let name = "mcp_server_operation_duration_seconds";
    for (error, end, count) in [
        ("", "0.001", 1),
        ("", "300", 1),
        ("", "+Inf", 2),
        ("not_found", "0.001", 0),
        ("not_found", "0.002", 1),
    ] {
        let rest = format!(r#"error_type="{error}",network_transport="pipe",le="{end}"}} {count}"#);
        let line = format!("{name}_bucket{{{labels}{call}{rest}\n");
        assert!(text.contains(&line), "{line}{text}");
    }
    let sum =
        format!(r#"{name}_sum{{{labels}{call}error_type="",network_transport="pipe"}} 301.001"#);
    assert!(text.contains(&sum), "{text}");
    let summary = metrics.summary();
    assert_eq!((summary.calls, summary.errors), (3, 1), "a ping is no call");
}

#[test]
fn the_text_is_well_formed() {
    let metrics = metrics();
    metrics.decided("deny", Effect::Destroy);
    metrics.rate_limited("get_note");
    metrics.answered("get_note", true, Altered { escaped: 2, redacted: 1 });
    metrics.confirmed("accepted");
    metrics.session(Duration::from_secs(5));
    metrics.operation("ping", &Noted::default(), Some("internal"), Duration::ZERO);
    metrics.collect(|text| {
        text.family("lockkeeper_breaker_state", Kind::Gauge, "How it stands.");
        text.sample("lockkeeper_breaker_state", &[("upstream", "a\"b\\c\nd")], 2);
    });
    let text = metrics.text();
    let escaped = r#"upstream="a\"b\\c\nd"} 2"#;
    assert!(text.contains(escaped), "{text}");
    assert!(text.ends_with('\n'));
    // Each family is announced once and its samples stand together.
    let mut family = String::new();
    let mut seen = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            family = rest.split(' ').next().unwrap().to_owned();
            assert!(!seen.contains(&family), "{family} twice");
            seen.push(family.clone());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert!(rest.starts_with(&family), "{line}");
        } else {
            assert!(line.starts_with(&family), "`{line}` in {family}");
            assert!(line.contains(r#"{service_name="lockkeeper-test",service_instance_id="ab12""#));
            let (_, value) = line.rsplit_once("} ").unwrap();
            value.parse::<f64>().unwrap();
        }
    }
    assert!(text.contains(r#"decision="deny",effect="destroy"} 1"#), "{text}");
    assert!(text.contains(r#"decision="ask",effect="destroy"} 0"#), "zero before it happens");
}

#[test]
fn counting_takes_no_time_to_speak_of() {
    let metrics = metrics();
    let noted = Noted::default();
    noted.tool("get_note");
    let count = || metrics.operation("tools/call", &noted, None, Duration::from_millis(1));
    // The best of many: a machine that does other things too must not fail this.
    let best = (0..200).map(|_| {
        let started = std::time::Instant::now();
        for _ in 0..100 {
            count();
        }
        started.elapsed() / 100
    });
    let best = best.min().unwrap();
    // Tests are built without optimization; with it, this takes 0.14 µs.
    assert!(best < Duration::from_micros(10), "{best:?}");
}
