use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;

fn entry(args: &[&str], variables: &[&str]) -> Entry {
    let owned = |all: &[&str]| all.iter().map(|&text| text.to_owned()).collect();
    Entry {
        name: "shop".to_owned(),
        command: "/opt/bin/lockkeeper-postgres".to_owned(),
        args: owned(args),
        variables: owned(variables),
    }
}

#[track_caller]
fn check(host: Host, text: &str, expected: &Expect) -> String {
    let entry = entry(&["postgresql://db/shop"], &[]);
    let edited = put(host, text, &entry).unwrap();
    expected.assert_eq(&edited);
    assert_eq!(put(host, &edited, &entry).unwrap(), edited, "a second time changes something");
    let listed = servers(host, &edited).unwrap();
    assert!(listed.contains(&(entry.name.clone(), entry.command.clone())), "{listed:?}");
    edited
}

#[test]
fn an_empty_file_becomes_one_with_the_entry() {
    check(
        Host::Cursor,
        "",
        &expect![[r#"
            {
              "mcpServers": {
                "shop": {
                  "type": "stdio",
                  "command": "/opt/bin/lockkeeper-postgres",
                  "args": ["postgresql://db/shop"]
                }
              }
            }
        "#]],
    );
    check(
        Host::VsCode,
        "  \n",
        &expect![[r#"
            {
              "servers": {
                "shop": {
                  "type": "stdio",
                  "command": "/opt/bin/lockkeeper-postgres",
                  "args": ["postgresql://db/shop"]
                }
              }
            }
        "#]],
    );
    check(
        Host::Zed,
        "// my settings\n",
        &expect![[r#"
            // my settings
            {
              "context_servers": {
                "shop": {
                  "command": "/opt/bin/lockkeeper-postgres",
                  "args": ["postgresql://db/shop"]
                }
              }
            }
        "#]],
    );
    check(
        Host::Codex,
        "",
        &expect![[r#"
            [mcp_servers.shop]
            command = "/opt/bin/lockkeeper-postgres"
            args = ["postgresql://db/shop"]
        "#]],
    );
}

#[test]
fn comments_order_and_habits_stay() {
    let edited = check(
        Host::Zed,
        "// Zed settings\n{\n\t\"theme\": \"One\", // dark\n\t/* servers */\n\t\"context_servers\": {\n\t\t\"other\": { \"command\": \"x\", \"args\": [] },\n\t},\n\t\"vim_mode\": true,\n}\n",
        &expect![[r#"
            // Zed settings
            {
            	"theme": "One", // dark
            	/* servers */
            	"context_servers": {
            		"other": { "command": "x", "args": [] },
            		"shop": {
            			"command": "/opt/bin/lockkeeper-postgres",
            			"args": ["postgresql://db/shop"],
            		},
            	},
            	"vim_mode": true,
            }
        "#]],
    );
    assert!(edited.contains("// dark") && edited.contains("/* servers */"));
    check(
        Host::Codex,
        "# my model\nmodel = \"gpt\" # the best\n\n[mcp_servers.other]\ncommand = \"x\"\n\n[tui]\ntheme = \"dark\"\n",
        &expect![[r##"
            # my model
            model = "gpt" # the best

            [mcp_servers.other]
            command = "x"

            [mcp_servers.shop]
            command = "/opt/bin/lockkeeper-postgres"
            args = ["postgresql://db/shop"]

            [tui]
            theme = "dark"
        "##]],
    );
    check(
        Host::Codex,
        "mcp_servers = { other = { command = \"x\" } }\n",
        &expect![[r#"
            mcp_servers = { other = { command = "x" } , shop = { command = "/opt/bin/lockkeeper-postgres", args = ["postgresql://db/shop"] } }
        "#]],
    );
    let entry = entry(&["postgresql://db/shop"], &[]);
    let windows = "\u{feff}{\r\n  \"mcpServers\": {}\r\n}\r\n";
    let edited = put(Host::Cursor, windows, &entry).unwrap();
    let unix = put(Host::Cursor, "{\n  \"mcpServers\": {}\n}\n", &entry).unwrap();
    assert_eq!(edited, format!("\u{feff}{}", unix.replace('\n', "\r\n")));
}

#[test]
fn an_entry_of_ours_is_brought_up_to_date_and_keeps_what_the_user_added() {
    let json = r#"{
  "mcpServers": {
    "shop": {
      "type": "stdio",
      // moved
      "command": "/old/lockkeeper-postgres",
      "args": ["postgresql://db/old"],
      "disabled": true,
      "env": { "TZ": "UTC" }
    }
  }
}
"#;
    let edited = check(
        Host::Cursor,
        json,
        &expect![[r#"
        {
          "mcpServers": {
            "shop": {
              "type": "stdio",
              // moved
              "command": "/opt/bin/lockkeeper-postgres",
              "args": ["postgresql://db/shop"],
              "disabled": true,
              "env": { "TZ": "UTC" }
            }
          }
        }
    "#]],
    );
    assert!(edited.contains("// moved"));
    let with = put(Host::Cursor, json, &entry(&[], &["SHOP_PASSWORD"])).unwrap();
    assert!(with.contains(r#""TZ": "UTC""#) && with.contains("${env:SHOP_PASSWORD}"), "{with}");
    let toml = "[mcp_servers.shop]\ncommand = \"/old/lockkeeper-postgres\" # moved\nargs = [\"postgresql://db/old\"]\nenv_vars = [\"TZ\"]\ntool_timeout_sec = 5\n";
    check(
        Host::Codex,
        toml,
        &expect![[r#"
            [mcp_servers.shop]
            command = "/opt/bin/lockkeeper-postgres" # moved
            args = ["postgresql://db/shop"]
            env_vars = ["TZ"]
            tool_timeout_sec = 5
        "#]],
    );
    let with = put(Host::Codex, toml, &entry(&[], &["SHOP_PASSWORD"])).unwrap();
    assert!(with.contains(r#"env_vars = ["TZ", "SHOP_PASSWORD"]"#), "{with}");
}

#[test]
fn vs_code_asks_for_what_the_environment_would_hold() {
    let entry = entry(&["postgresql://db/shop"], &["SHOP_PASSWORD"]);
    let edited = put(Host::VsCode, "{ \"inputs\": [] }", &entry).unwrap();
    expect![[r#"
        {
          "inputs": [
            {
              "type": "promptString",
              "id": "lockkeeper.shop.SHOP_PASSWORD",
              "description": "SHOP_PASSWORD of shop",
              "password": true
            }
          ],
          "servers": {
            "shop": {
              "type": "stdio",
              "command": "/opt/bin/lockkeeper-postgres",
              "args": ["postgresql://db/shop"],
              "env": {
                "SHOP_PASSWORD": "${input:lockkeeper.shop.SHOP_PASSWORD}"
              }
            }
          }
        }"#]]
    .assert_eq(&edited);
    assert_eq!(put(Host::VsCode, &edited, &entry).unwrap(), edited);
    let without = take(Host::VsCode, &edited, "shop", "lockkeeper-postgres").unwrap().unwrap();
    assert!(!without.contains("SHOP_PASSWORD") && !without.contains("shop"), "{without}");
}

#[test]
fn what_was_put_in_is_taken_out_and_nothing_else() {
    for (host, text) in [
        (
            Host::Cursor,
            "{\n  // mine\n  \"mcpServers\": {\n    \"a\": {\"command\": \"a\"}, // first\n    \"b\": {\"command\": \"b\"}\n  }\n}\n",
        ),
        (Host::Zed, "{\n  \"context_servers\": {\n    \"a\": {\"command\": \"a\"},\n  },\n}\n"),
        (Host::Codex, "# mine\n[mcp_servers.a]\ncommand = \"a\"\n"),
    ] {
        let edited = put(host, text, &entry(&["x"], &[])).unwrap();
        assert_ne!(edited, text);
        let without = take(host, &edited, "shop", "lockkeeper-postgres").unwrap().unwrap();
        assert_eq!(without, text);
        assert_eq!(take(host, &without, "shop", "lockkeeper-postgres").unwrap(), None);
    }
}

#[test]
fn what_is_not_ours_or_not_clear_is_left_alone() {
    let problem = |host, text: &str| put(host, text, &entry(&[], &[])).unwrap_err().to_string();
    for (host, text, expected) in [
        (
            Host::Cursor,
            "{\"mcpServers\": {",
            expect!["it can't be understood: line 1, column 16: Unterminated object"],
        ),
        (
            Host::Cursor,
            "{\"mcpServers\": {}\n \"a\": 1}",
            expect!["it can't be understood: line 1, column 18: Expected comma"],
        ),
        (Host::Cursor, "[]", expect!["`the file` is there and is no object"]),
        (Host::Cursor, "{\"mcpServers\": []}", expect!["`mcpServers` is there and is no object"]),
        (
            Host::Cursor,
            "{\"mcpServers\": {}, \"mcpServers\": {}}",
            expect!["`mcpServers` stands there twice"],
        ),
        (
            Host::Cursor,
            "{\"mcpServers\": {\"shop\": 1}}",
            expect!["`shop` is there and is no object"],
        ),
        (
            Host::Cursor,
            "{\"mcpServers\": {\"shop\": {\"command\": \"npx\"}}}",
            expect!["`shop` is another server there: npx"],
        ),
        (
            Host::Codex,
            "[mcp_servers\n",
            expect!["it can't be understood: line 1: unclosed table, expected `]`"],
        ),
        (Host::Codex, "mcp_servers = 1\n", expect!["`mcp_servers` is there and is no table"]),
        (
            Host::Codex,
            "[mcp_servers.shop]\ncommand = \"npx\"\n",
            expect!["`shop` is another server there: npx"],
        ),
    ] {
        expected.assert_eq(&problem(host, text));
    }
    let other = "{\"mcpServers\": {\"shop\": {\"command\": \"npx\"}}}";
    assert!(matches!(
        take(Host::Cursor, other, "shop", "lockkeeper-postgres"),
        Err(EditError::Taken(..))
    ));
    let deep = format!("{{\"a\": {}{}}}", "[".repeat(5_000), "]".repeat(5_000));
    assert!(matches!(put(Host::Cursor, &deep, &entry(&[], &[])), Err(EditError::Broken(_))));
}

/// Whatever else a file holds means the same afterwards.
#[test]
fn all_else_means_what_it_meant() {
    let odd = ["", " ", "é\u{1f600}", "a\"b\\c\n\t\u{0}", "//no", "/*no*/", "${x}", "0"];
    for (n, name) in odd.iter().enumerate() {
        for (m, text) in odd.iter().enumerate() {
            let settings = json!({
                *name: {"nested": [*text, n, {*text: null}], "big": 12_345_678_901_234_567_u64},
                "mcpServers": {format!("{name}x"): {"command": text, "args": [name]}},
                format!("{m}"): [1.5, true, []],
            });
            for source in [settings.to_string(), format!("{settings:#}")] {
                let edited = put(Host::Cursor, &source, &entry(&[text], &[])).unwrap();
                let mut read: Value = serde_json::from_str(&edited).unwrap();
                let ours = read["mcpServers"].as_object_mut().unwrap().remove("shop").unwrap();
                assert_eq!(ours["args"], json!([text]));
                assert_eq!(read, settings);
            }
            let mut source = toml_edit::DocumentMut::new();
            source[*name] = toml_edit::value(*text);
            let source = source.to_string();
            let edited = put(Host::Codex, &source, &entry(&[text], &[])).unwrap();
            let read: toml_edit::DocumentMut = edited.parse().unwrap();
            assert_eq!(read[*name].as_str(), Some(*text));
            assert_eq!(read["mcp_servers"]["shop"]["args"][0].as_str(), Some(*text));
        }
    }
}

#[test]
fn a_file_of_many_megabytes_is_edited_in_moments() {
    let history: Vec<Value> =
        (0..40_000).map(|n| json!({"n": n, "text": "word ".repeat(50)})).collect();
    let text = json!({"history": history, "mcpServers": {}}).to_string();
    assert!(text.len() > 10_000_000);
    let started = std::time::Instant::now();
    let edited = put(Host::ClaudeCode, &text, &entry(&[], &[])).unwrap();
    assert!(edited.len() > text.len());
    let elapsed = started.elapsed();
    assert!(elapsed < std::time::Duration::from_secs(20), "{elapsed:?}");
}
