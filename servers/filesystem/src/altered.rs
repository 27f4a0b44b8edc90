//! What agents see of files that hide something or hold credentials, and what becomes of the files
//! when agents write what they have seen.

use lockkeeper_testkit::in_process::{InProcess, seen};
use serde_json::{Value, json};

use crate::testing::{Fixture, client};

/// Joined here, so that no scanner takes this file for a leak.
fn token() -> String {
    ["ghp", "_", "aZ3kQ9xL5tWb7RmC1v", "Hs0PdY4nGj8UeF2wTo"].concat()
}

fn read(client: &mut InProcess, path: &str) -> String {
    seen(&client.call("read_file", json!({"path": path})))
}

fn version(text: &str) -> String {
    let after = text.split_once("version ").unwrap().1;
    after.split([';', ']']).next().unwrap().to_owned()
}

fn edit(client: &mut InProcess, path: &str, old: &str, new: &str) -> Value {
    client.call("edit_file", json!({"path": path, "edits": [{"old_text": old, "new_text": new}]}))
}

#[test]
fn hidden_characters_and_credentials_are_shown_and_counted() {
    let fixture = Fixture::new("small");
    fixture.write("a.txt", format!("one\u{202e}\nurl: {}\n\x1b[2Jtwo\n", token()).as_bytes());
    fixture.write("b.txt", "می\u{200c}خواهم क्\u{200d}ष 👩\u{200d}👧 ❤\u{fe0f}\n".as_bytes());
    let mut client = client(&fixture, &[]);
    let result = client.call("read_file", json!({"path": "a.txt"}));
    assert_eq!(result["_meta"]["altered"], json!({"escaped": 2, "redacted": 1}));
    let text = seen(&result);
    let (head, body) = text.split_once('\n').unwrap();
    assert!(head.ends_with("~; altered: 2 escaped, 1 redacted]"), "{head}");
    assert_eq!(body, "one\\u{202e}\nurl: [redacted:github_token]\n\\u{1b}[2Jtwo\n");
    let plain = client.call("read_file", json!({"path": "b.txt"}));
    assert_eq!(plain["_meta"]["altered"], Value::Null);
    assert!(seen(&plain).ends_with("می\u{200c}خواهم क्\u{200d}ष 👩\u{200d}👧 ❤\u{fe0f}\n"));
    let uri = format!("file://{}/a.txt", fixture.root());
    let attached = client.request("resources/read", json!({"uri": uri}));
    assert_eq!(attached["result"]["contents"][0]["text"], body);
    assert_eq!(attached["result"]["_meta"]["altered"]["redacted"], 1);
}

#[test]
fn no_credential_leaks_over_the_edge_of_a_page() {
    let fixture = Fixture::new("small");
    let line = format!("{} ", token()).repeat(400);
    fixture.write("long.json", line.as_bytes());
    let key = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n".repeat(20);
    let begin = ["-----BEGIN", " PRIVATE KEY-----\n"].concat();
    fixture.write("id.txt", format!("a\n{begin}{key}b\n").as_bytes());
    let mut client = client(&fixture, &["--max-output", "1200B"]);
    let mut arguments = json!({"path": "long.json"});
    let mut pages = 0;
    loop {
        let text = seen(&client.call("read_file", arguments.clone()));
        assert!(text.len() < 1_200, "{}", text.len());
        // No nine characters of a token in a row.
        let token = token();
        for piece in token.as_bytes().windows(9) {
            assert!(!text.contains(std::str::from_utf8(piece).unwrap()), "page {pages}: {text}");
        }
        pages += 1;
        let Some((_, next)) = text.split_once("next: cursor ") else { break };
        arguments["cursor"] = next.split([';', ']']).next().unwrap().into();
    }
    assert!(pages > 3, "{pages}");
    for offset in 1..24 {
        let arguments = json!({"path": "id.txt", "offset": offset, "limit": 3});
        let text = seen(&client.call("read_file", arguments));
        assert!(!text.contains("MIIE"), "{offset}: {text}");
    }
}

#[test]
fn edits_match_what_is_shown_and_change_what_is_there() {
    let fixture = Fixture::new("small");
    let mut client = client(&fixture, &["--write"]);
    let original = format!("a\u{202e}b\r\nkey: {} # old\r\nc\x1b[0m\r\n", token());
    fixture.write("a.txt", original.as_bytes());
    let now = || String::from_utf8(fixture.read("a.txt")).unwrap();
    let shown = "key: [redacted:github_token] # old\nc\\u{1b}[0m";
    let result =
        edit(&mut client, "a.txt", shown, "key: [redacted:github_token] # new\nc\\u{1b}[0m");
    assert!(seen(&result).starts_with("[a.txt: 1 replaced; "), "{result}");
    assert!(!result.to_string().contains("aZ3kQ9xL5"), "{result}");
    assert_eq!(now(), original.replace("# old", "# new"));
    edit(&mut client, "a.txt", "a\\u{202e}b", "A\\u{202e}B");
    assert_eq!(now(), original.replace("# old", "# new").replace("a\u{202e}b", "A\u{202e}B"));
    let before = now();
    for (old, new, code) in [
        ("key: [redacted:github_token] #", "[redacted:github_token] # key", "unclear"),
        ("c\\u{1b}[0m", "\\u{1b}\\u{1b}[0m!", "unclear"),
        ("A\n", "[redacted:password]\n", "no_match"),
        ("B", "[redacted:password]", "unclear"),
        // Pieces of an escape or a placeholder are no text.
        ("u{20", "x", "no_match"),
        ("github_token]", "x", "no_match"),
        ("ghp_", "x", "no_match"),
    ] {
        let text = seen(&edit(&mut client, "a.txt", old, new));
        assert!(text.starts_with(&format!("error: {code}: ")), "{old}: {text}");
        assert!(!text.contains("aZ3kQ9xL5"), "{text}");
        assert_eq!(now(), before);
    }
    // What is named as a whole can be taken away.
    edit(&mut client, "a.txt", "key: [redacted:github_token] # new\n", "");
    assert_eq!(now(), "A\u{202e}B\r\nc\x1b[0m\r\n");
    // A literal escape and a real one are told apart by their places.
    fixture.write("b.txt", "1 \\u{202e}\n2 \u{202e}\n".as_bytes());
    let text = seen(&edit(&mut client, "b.txt", "\\u{202e}", ""));
    assert!(text.contains("found 2 times: lines 1, 2"), "{text}");
    edit(&mut client, "b.txt", "2 \\u{202e}", "2");
    assert_eq!(fixture.read("b.txt"), b"1 \\u{202e}\n2\n");
}

#[test]
fn patches_and_replacements_do_the_same() {
    let fixture = Fixture::new("small");
    let mut client = client(&fixture, &["--write"]);
    let original = format!("one\nkey: {}\nt\u{200b}wo\nthree\n", token());
    fixture.write("a.txt", original.as_bytes());
    let now = || String::from_utf8(fixture.read("a.txt")).unwrap();
    let patch = "--- a.txt\n+++ a.txt\n@@ -1,4 +1,4 @@\n-one\n+1\n key: [redacted:github_token]\n\
        -t\\u{200b}wo\n+T\\u{200b}wo\n three\n";
    let result = client.call("apply_patch", json!({"patch": patch}));
    assert_eq!(result["structuredContent"]["files"][0]["action"], "changed", "{result}");
    assert_eq!(now(), original.replace("one", "1").replace("t\u{200b}wo", "T\u{200b}wo"));
    let before = now();
    let moved = "--- a.txt\n+++ a.txt\n@@ -2,1 +2,1 @@\n-key: [redacted:github_token]\n\
        +token: [redacted:github_token]\n";
    let made = "--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1 @@\n+[redacted:github_token]\n";
    for patch in [moved, made] {
        let text = seen(&client.call("apply_patch", json!({"patch": patch})));
        assert!(text.starts_with("error: unclear: "), "{text}");
    }
    let mut replace = |pattern: &str, replacement: &str| {
        let arguments = json!({"pattern": pattern, "replacement": replacement, "dry_run": false});
        client.call("replace_text", arguments)
    };
    // What isn't shown isn't found: no one learns a token by asking for its beginnings.
    assert!(seen(&replace("ghp_a", "x")).starts_with("[0 files"));
    assert!(seen(&replace("github_tok", "x")).starts_with("[0 files"));
    let text = seen(&replace("three", "[redacted:jwt]"));
    assert!(text.starts_with("error: unclear: "), "{text}");
    assert_eq!(now(), before);
    let result = replace("(?s)key.*three", "end");
    assert!(seen(&result).starts_with("[1 files, 1 replaced"), "{result}");
    assert!(!result.to_string().contains("aZ3kQ9xL5"), "{result}");
    assert_eq!(now(), "1\nend\n");
}

#[test]
fn whole_contents_are_not_written_from_an_altered_view() {
    let fixture = Fixture::new("small");
    let mut client = client(&fixture, &["--write", "--destroy", "allow"]);
    let original = format!("key: {}\nx\n", token());
    fixture.write("a.txt", original.as_bytes());
    let marked = version(&read(&mut client, "a.txt"));
    assert!(marked.ends_with('~'), "{marked}");
    // The same without the mark, as file_info gives it.
    let info = client.call("file_info", json!({"paths": ["a.txt"]}));
    let bare = info["structuredContent"]["files"][0]["version"].clone();
    for seen_version in [json!(marked), bare] {
        let arguments = json!({"path": "a.txt", "content": "key:\ny\n", "mode": "overwrite",
            "if_version": seen_version});
        let text = seen(&client.call("write_file", arguments));
        assert!(text.starts_with("error: altered: what was shown of `a.txt`"), "{text}");
        assert!(text.contains("next: edit_file"), "{text}");
    }
    for mode in ["overwrite", "append"] {
        let content = "x [redacted:github_token]\n";
        let arguments = json!({"path": "a.txt", "content": content, "mode": mode});
        let text = seen(&client.call("write_file", arguments));
        assert!(text.starts_with("error: unclear: "), "{text}");
    }
    let arguments = json!({"path": "new.txt", "content": "[redacted:password]"});
    let text = seen(&client.call("write_file", arguments));
    assert!(text.starts_with("error: unclear: "), "{text}");
    assert_eq!(fixture.read("a.txt"), original.as_bytes());
    // An edit takes the marked version, and a file about placeholders may hold them.
    let edits = json!([{"old_text": "x\n", "new_text": "y\n"}]);
    let arguments = json!({"path": "a.txt", "edits": edits, "if_version": marked});
    let text = seen(&client.call("edit_file", arguments));
    assert!(text.starts_with("[a.txt: 1 replaced; "), "{text}");
    fixture.write("doc.txt", b"shown as [redacted:password]\n");
    let plain = version(&read(&mut client, "doc.txt"));
    let content = "Shown as [redacted:password]\n";
    let arguments = json!({"path": "doc.txt", "content": content, "mode": "overwrite",
        "if_version": plain});
    assert_eq!(client.call("write_file", arguments)["structuredContent"]["created"], false);
    assert_eq!(fixture.read("doc.txt"), content.as_bytes());
}

#[test]
fn differences_are_those_of_the_files_and_show_no_credential() {
    let fixture = Fixture::new("small");
    let other = token().replace("aZ3k", "bZ4k");
    fixture.write("a.txt", format!("one\nkey: {}\n", token()).as_bytes());
    fixture.write("b.txt", format!("one\nkey: {other}\n").as_bytes());
    let mut client = client(&fixture, &[]);
    let result = client.call("diff_files", json!({"a": "a.txt", "b": "b.txt"}));
    let text = seen(&result);
    assert!(
        text.contains("\n-key: [redacted:github_token]\n+key: [redacted:github_token]\n"),
        "{text}"
    );
    assert_eq!(result["_meta"]["altered"]["redacted"], 2);
    let shown = client.call("search_text", json!({"pattern": "key"}));
    assert_eq!(shown["_meta"]["altered"]["redacted"], 2);
    assert!(!seen(&shown).contains("ghp_"));
}

#[test]
fn the_owner_decides_whether_credentials_are_shown() {
    let fixture = Fixture::new("small");
    fixture.write("a.txt", token().as_bytes());
    fixture.write("policy.toml", b"[policy]\nsecrets = \"redact\"\n");
    let shows = |flags: &[&str]| read(&mut client(&fixture, flags), "a.txt").contains("ghp_");
    let policy = format!("{}/policy.toml", fixture.root());
    assert!(!shows(&[]));
    assert!(shows(&["--secrets", "off"]));
    assert!(!shows(&["--secrets", "off", "--config", &policy]));
}

#[test]
fn a_long_line_is_cut_beside_a_credential() {
    let fixture = Fixture::new("small");
    // At both edges of what is shown of the line, and megabytes into it.
    for before in [100, 240, 250, 260, 300, 2_000_000] {
        for between in [1, 20, 40, 55, 60, 100, 230, 239] {
            let line = format!(
                "{}{}{}needle{}{}{}\n",
                "x ".repeat(before / 2),
                token(),
                " ".repeat(between),
                " ".repeat(between),
                token(),
                " x".repeat(400)
            );
            fixture.write("a.txt", line.as_bytes());
            let mut client = client(&fixture, &[]);
            let text = seen(&client.call("search_text", json!({"pattern": "needle"})));
            let part = token().get(5..17).unwrap().to_owned();
            assert!(text.contains("needle"), "{text}");
            assert!(!text.contains(&part), "{before} {between}: {text}");
            let end = token().get(22..).unwrap().to_owned();
            assert!(!text.contains(&end), "{before} {between}: {text}");
        }
    }
}

#[test]
fn a_search_shows_no_line_of_a_private_key() {
    let fixture = Fixture::new("small");
    let key: Vec<String> = (10..40)
        .map(|n| format!("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us{n}Kj\n"))
        .collect();
    let key = key.concat();
    let [begin, end] = ["BEGIN", "END"].map(|mark| format!("-----{mark} {} KEY-----", "PRIVATE"));
    fixture.write("a.txt", format!("first\n{begin}\n{key}{end}\nlast 20K\n").as_bytes());
    let line = key.replace('\n', "\\n");
    let json = format!("{{\"a\": \"{begin}\\n{line}{end}\\n\", \"b\": 1}}\n");
    fixture.write("a.json", json.as_bytes());
    let mut client = client(&fixture, &[]);
    for (pattern, context) in [("20Kj", 0), ("first", 4), ("last", 4), ("20K", 4), ("35Kj", 0)] {
        let arguments = json!({"pattern": pattern, "context": context, "glob": "a.*"});
        let result = client.call("search_text", arguments);
        assert!(!result.to_string().contains("AASCBKcw"), "{pattern}: {result}");
        assert!(seen(&result).contains("[redacted:private_key]"), "{pattern}: {result}");
        assert!(!seen(&result).contains("[0 hits"), "{pattern}: {result}");
    }
    let result = client.call("search_text", json!({"pattern": "20K", "glob": "a.txt"}));
    assert!(seen(&result).ends_with("\n13:[redacted:private_key]\n34:last 20K\n"), "{result}");
    assert_eq!(result["_meta"]["altered"]["redacted"], 1, "{result}");
}
