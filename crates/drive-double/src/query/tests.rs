use super::{Matched, Query, meets, time};

fn report() -> Matched {
    Matched {
        name: "Quarterly Report-final.pdf".into(),
        mime_type: "application/pdf".into(),
        full_text: "Quarterly Report final the harvest was good and it's done".into(),
        modified: time("2026-03-01T12:00:00Z"),
        created: time("2026-02-01"),
        starred: true,
        parents: vec!["folder".into()],
        owners: vec!["me@example.com".into()],
        writers: vec!["me@example.com".into(), "bob@example.com".into()],
        properties: vec![("team".into(), "a'b".into())],
        visibility: "limited",
        ..Matched::default()
    }
}

fn is_met(query: &str) -> bool {
    meets(&Query::parse(query).unwrap_or_else(|()| panic!("{query}")), &report())
}

#[test]
fn every_field_is_held_against_files() {
    for query in [
        "name = 'quarterly report-FINAL.pdf'",
        "name contains 'quart'",
        "name contains 'fin rep'",
        "name != 'x'",
        "fullText contains 'harvest good'",
        r#"fullText contains '"was good"'"#,
        r"fullText contains 'it\'s'",
        "mimeType='application/pdf'",
        "mimeType contains 'application/'",
        "modifiedTime > '2026-03-01'",
        "modifiedTime >= '2026-03-01T13:00:00+01:00'",
        "modifiedTime <= '2026-03-01T12:00:00'",
        "createdTime < '2026-02-01T00:00:01.5Z'",
        "createdTime = '2026-02-01'",
        "trashed = false",
        "trashed != true",
        "starred = true",
        "sharedWithMe = false",
        "'folder' in parents",
        "'bob@example.com' in writers",
        "'me@example.com' in owners and not 'bob@example.com' in owners",
        r"properties has { key='team' and value='a\'b' }",
        "not appProperties has {key='team' and value='a'}",
        "visibility = 'limited'",
        "shortcutDetails.targetId != 'x'",
    ] {
        assert!(is_met(query), "{query}");
    }
    for query in [
        "name contains 'eport'",
        "fullText contains 'harv'",
        r#"fullText contains '"good was"'"#,
        "viewedByMeTime > '2020-01-01'",
        "'other' in parents",
        "not starred = true",
    ] {
        assert!(!is_met(query), "{query}");
    }
}

#[test]
fn and_and_or_bind_alike_from_left_to_right() {
    assert!(!is_met("starred = true or trashed = true and trashed = true"));
    assert!(is_met("starred = true or (trashed = true and trashed = true)"));
    assert!(is_met("trashed = true and trashed = true or starred = true"));
    assert!(is_met("not (trashed = true or starred = false)"));
}

#[test]
fn what_is_no_query_is_refused() {
    for wrong in [
        "",
        "report",
        "name",
        "name = report",
        "name = 'x",
        r"name = 'a\b'",
        "name = \"x\"",
        "name > 'x'",
        "name = 'it's'",
        "title = 'x'",
        "fullText = 'x'",
        "modifiedTime contains '2026'",
        "modifiedTime > 'yesterday'",
        "trashed = 'false'",
        "trashed > false",
        "parents in 'x'",
        "'x' in names",
        "'x' in name",
        "'x' has parents",
        "name = 'a' name = 'b'",
        "name = 'a' and",
        "(name = 'a'",
        "name = 'a')",
        "properties has { key='a' }",
        "visibility = 'public'",
        "name = 'a' && name = 'b'",
    ] {
        assert!(Query::parse(wrong).is_err(), "{wrong}");
    }
}
