//! What comes back: data or text, bounded, with cursors that go on and nothing else.

use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use crate::fixture::{Fixture, Session, eras, text};

/// The cursor in the first line of a page.
fn next(page: &str) -> Option<String> {
    let head = page.lines().next()?;
    Some(head.split_once("next: ")?.1.to_owned())
}

#[test]
fn small_records_are_data_with_a_compact_text() {
    for results in ["text", "structured"] {
        eras(|era| {
            let mut session = Fixture::new(&["--results", results]).connect(era);
            let result = session.call("get_note", json!({"note_name": "größe"}));
            let data = json!({"name": "größe", "text": "drei 🦀", "characters": 6});
            assert_eq!(result["structuredContent"], data);
            let same: Value = serde_json::from_str(&text(&result)).unwrap();
            assert_eq!(same, data);
            assert_eq!(result["isError"], false);
        });
    }
}

#[test]
fn bulk_travels_once() {
    eras(|era| {
        let call = json!({"count": 3});
        let mut session = Fixture::new(&[]).connect(era);
        let result = session.call("list_lines", call.clone());
        assert_eq!(result.get("structuredContent"), None);
        let expected = "3 of 3 lines from 0\nline 000000\nline 000001\nline 000002\n";
        assert_eq!(text(&result), expected);
        let mut session = Fixture::new(&["--results", "structured"]).connect(era);
        let result = session.call("list_lines", call);
        assert_eq!(text(&result), "3 of 3 lines from 0");
        assert_eq!(result["structuredContent"]["lines"][2], "line 000002\n");
    });
}

#[test]
fn structured_content_keeps_its_schema() {
    eras(|era| {
        let mut session = Fixture::new(&["--results", "structured", "--write"]).connect(era);
        let list = session.ask("tools/list", json!({}));
        let tools = list["result"]["tools"].as_array().unwrap().clone();
        for (tool, arguments) in [
            ("get_note", json!({"note_name": "first"})),
            ("list_lines", json!({"count": 3})),
            ("list_lines", json!({})),
            ("get_huge", json!({"bytes": 100})),
            ("get_image", json!({})),
            ("sleep_async", json!({"ms": 0})),
            ("add_note", json!({"name": "n", "text": "t"})),
            ("manage_tags", json!({"method": "list", "name": "first"})),
        ] {
            let definition = tools.iter().find(|definition| definition["name"] == tool).unwrap();
            let schema = jsonschema::validator_for(&definition["outputSchema"]).unwrap();
            let result = session.call(tool, arguments);
            let data = &result["structuredContent"];
            assert!(schema.is_valid(data), "{tool}: {data} against {}", definition["outputSchema"]);
        }
    });
}

#[test]
fn bulk_has_an_output_schema_only_where_it_is_data() {
    eras(|era| {
        let has_schema = |results: &str, name: &str| {
            let mut session = Fixture::new(&["--results", results]).connect(era);
            let list = session.ask("tools/list", json!({}));
            let tools = list["result"]["tools"].as_array().unwrap();
            let tool = tools.iter().find(|tool| tool["name"] == name).unwrap();
            tool.get("outputSchema").is_some()
        };
        assert!(!has_schema("text", "list_lines"));
        assert!(has_schema("text", "get_note"));
        assert!(has_schema("structured", "list_lines"));
    });
}

#[test]
fn answers_are_bounded_and_say_what_they_left_out() {
    for (arguments, cap) in [
        (&[][..], 24_000),
        (&["--max-output", "100kB"], 100_000),
        (&["--max-output", "1kB"], 1_000),
    ] {
        eras(|era| {
            let mut session = Fixture::new(arguments).connect(era);
            let page = session.text("list_lines", json!({}));
            assert!((cap - 600..=cap).contains(&page.len()), "{}", page.len());
            assert!(page.ends_with('\n'), "cut between lines");
            let huge = session.text("get_huge", json!({"bytes": 5_000_000}));
            assert!(huge.len() <= cap, "{}", huge.len());
            assert!(huge.ends_with("bytes left out; ask for less]"), "the wall behind the tool");
            assert!(huge.contains("é\n[truncated: "), "cut at a line");
        });
    }
    eras(|era| {
        let mut session = Fixture::new(&["--results", "structured"]).connect(era);
        let huge = session.text("get_huge", json!({"bytes": 5_000_000}));
        assert!(huge.starts_with("error: too_large"), "{huge}");
        let error = session.text("fail_call", json!({"bytes": 100_000}));
        assert!(error.len() < 2_010, "{}", error.len());
        assert!(error.ends_with("…\nnext: try again\nretry_after_s: 7"), "the hint survives");
        let error = session.text("fail_call", json!({}));
        assert_eq!(error, "error: failed_on_purpose: it failed\nnext: try again\nretry_after_s: 7");
    });
}

#[test]
fn pages_follow_each_other_without_gap_or_overlap() {
    eras(|era| {
        let fixture = Fixture::new(&["--max-output", "4kB"]);
        let mut session = fixture.connect(era);
        let (mut lines, mut cursor, mut pages) = (Vec::new(), None, 0);
        loop {
            // A smaller page with the same cursor begins at the same place.
            let page = session.text("list_lines", json!({"count": 2_000, "cursor": cursor}));
            lines.extend(page.lines().skip(1).map(str::to_owned));
            pages += 1;
            cursor = next(&page);
            let Some(cursor) = &cursor else { break };
            assert!(cursor.len() <= 48, "{cursor}");
        }
        let expected: Vec<String> = (0..2_000).map(|number| format!("line {number:06}")).collect();
        assert_eq!(lines, expected);
        assert!(pages > 5);
        session.end();
    });
}

#[test]
fn a_cursor_belongs_to_its_call() {
    eras(|era| {
        let fixture = Fixture::new(&[]);
        let mut session = fixture.connect(era);
        let page = session.text("list_lines", json!({"count": 9_000}));
        let cursor = next(&page).unwrap();
        let on =
            |session: &mut Session, tool: &str, count: u64, limit: Option<u64>, cursor: &str| {
                session.text(tool, json!({"count": count, "limit": limit, "cursor": cursor}))
            };
        let second = on(&mut session, "list_lines", 9_000, None, &cursor);
        assert!(second.lines().nth(1).unwrap().starts_with("line 00"), "{second}");
        assert_eq!(on(&mut session, "list_lines", 9_000, None, &cursor), second, "and stays good");
        let smaller = on(&mut session, "list_lines", 9_000, Some(2), &cursor);
        assert_eq!(smaller.lines().nth(1), second.lines().nth(1), "the page's size is free");
        for (tool, count, cursor) in [
            ("list_lines", 9_001, cursor.as_str()),
            ("list_rows", 9_000, &cursor),
            ("list_lines", 9_000, ""),
            ("list_lines", 9_000, "garbage"),
            ("list_lines", 9_000, cursor.get(1..).unwrap()),
            ("list_lines", 9_000, &cursor.repeat(1_000)),
        ] {
            let error = on(&mut session, tool, count, None, cursor);
            assert!(error.starts_with("error: bad_cursor: "), "{tool} {count}: {error}");
        }
        session.end();
        let restarted = on(&mut fixture.connect(era), "list_lines", 9_000, None, &cursor);
        assert_eq!(restarted, second, "it survives a restart");
        let stranger = on(&mut Fixture::new(&[]).connect(era), "list_lines", 9_000, None, &cursor);
        assert!(stranger.starts_with("error: bad_cursor"), "{stranger}");
    });
}

#[test]
fn pictures_travel_as_pictures() {
    eras(|era| {
        let mut session = Fixture::new(&[]).connect(era);
        let result = session.call("get_image", json!({}));
        assert_eq!(result["content"][0], json!({"type": "text", "text": r#"{"bytes":8}"#}));
        let image = json!({"type": "image", "data": "iVBORw0KGgo=", "mimeType": "image/png"});
        assert_eq!(result["content"][1], image);
        assert_eq!(result["structuredContent"], json!({"bytes": 8}));
    });
}

#[test]
fn lists_are_the_same_bytes_each_time() {
    let list = |era: Era| {
        let fixture = Fixture::new(&["--write"]);
        let mut lists = (0..3).map(|_| {
            let mut session = fixture.connect(era);
            session.call("get_note", json!({"note_name": "first"}));
            session.ask("tools/list", json!({}))["result"]["tools"].to_string()
        });
        let first = lists.next().unwrap();
        assert!(lists.all(|list| list == first));
        first
    };
    assert_eq!(list(Era::Legacy), list(Era::Modern));
}
