//! Which tools are there and what they may do, from every source that may say so.

use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use crate::fixture::{Fixture, Session, eras};

const READS: [&str; 15] = [
    "count_slowly",
    "fail_call",
    "fetch_note",
    "get_huge",
    "get_image",
    "get_note",
    "get_ongoing",
    "get_peak",
    "list_lines",
    "list_rows",
    "log_in",
    "panic_now",
    "print_text",
    "sleep_async",
    "sleep_blocking",
];

fn listed(session: &mut Session) -> Vec<String> {
    let answer = session.ask("tools/list", json!({}));
    let tools = answer["result"]["tools"].as_array().unwrap();
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

/// Whether a tool answers as if it did not exist.
fn is_hidden(session: &mut Session, tool: &str) -> bool {
    session.call(tool, json!({}))["code"] == -32602
}

/// What is there with these arguments, beside what only reads.
fn writers(fixture: &Fixture, era: Era) -> Vec<String> {
    let mut session = fixture.connect(era);
    let listed = listed(&mut session);
    for tool in READS {
        assert!(listed.contains(&tool.to_owned()), "{tool}");
    }
    for tool in ["add_note", "edit_note", "delete_note", "write_note", "manage_tags"] {
        assert_eq!(is_hidden(&mut session, tool), !listed.contains(&tool.to_owned()), "{tool}");
    }
    listed.into_iter().filter(|tool| !READS.contains(&tool.as_str())).collect()
}

#[test]
fn tools_listed_are_tools_callable() {
    let none: &[&str] = &["manage_tags"];
    let all: &[&str] = &[
        "add_note",
        "delete_note",
        "edit_note",
        "keep_ongoing",
        "manage_tags",
        "post_note",
        "put_note",
        "write_note",
    ];
    let writes: Vec<&str> = all.iter().copied().filter(|tool| *tool != "delete_note").collect();
    for (arguments, expected) in [
        (&[][..], none),
        (&["--destroy", "allow"], none),
        (&["--write"], all),
        (&["--write", "--destroy", "never"], writes.as_slice()),
        (&["--write", "--destroy", "ask"], all),
        (&["--write", "--destroy", "allow"], all),
        (&["--write", "--deny-tools", "*_note"], &["manage_tags"]),
    ] {
        eras(|era| {
            let fixture = Fixture::new(arguments);
            if arguments.contains(&"--deny-tools") {
                let mut session = fixture.connect(era);
                assert!(!listed(&mut session).iter().any(|tool| tool.ends_with("_note")));
                assert!(is_hidden(&mut session, "get_note"));
            } else {
                assert_eq!(writers(&fixture, era), expected, "{arguments:?}");
            }
        });
    }
}

#[test]
fn methods_follow_the_policy_one_by_one() {
    for (arguments, methods, read_only, destructive) in [
        (&[][..], json!(["list"]), true, Value::Null),
        (&["--write", "--destroy", "never"], json!(["list", "set"]), false, json!(true)),
        (&["--write"], json!(["list", "set", "clear"]), false, json!(true)),
    ] {
        eras(|era| {
            let mut session = Fixture::new(arguments).connect(era);
            let answer = session.ask("tools/list", json!({}));
            let tools = answer["result"]["tools"].as_array().unwrap();
            let tool = tools.iter().find(|tool| tool["name"] == "manage_tags").unwrap();
            assert_eq!(tool["inputSchema"]["properties"]["method"]["enum"], methods);
            assert_eq!(tool["annotations"]["readOnlyHint"], read_only);
            assert_eq!(tool["annotations"]["destructiveHint"], destructive);
            let list = session.text("manage_tags", json!({"method": "list", "name": "first"}));
            assert_eq!(list, r#"{"tags":["one"]}"#);
            if read_only {
                let hidden = session
                    .text("manage_tags", json!({"method": "set", "name": "first", "tag": "x"}));
                let unknown =
                    session.text("manage_tags", json!({"method": "nothing", "name": "x"}));
                assert_eq!(hidden, unknown);
                assert!(hidden.ends_with("next: the methods are list"), "{hidden}");
            } else {
                let field = json!({"method": "list", "name": "first", "tag": "x"});
                let error = session.text("manage_tags", field);
                assert!(error.contains("unknown argument `tag`"), "{error}");
            }
        });
    }
}

#[test]
fn hidden_and_unknown_answer_byte_for_byte_alike() {
    eras(|era| {
        let answer = |arguments: &[&str], tool: &str, given: Value| {
            let mut session = Fixture::new(arguments).connect(era);
            let id = session.begin(tool, given);
            let answer = session.wait(id).unwrap();
            assert!(answer.is_error());
            answer.value.to_string()
        };
        let unknown = answer(&[], "no_such_tool", json!({}));
        assert!(unknown.contains("--write"), "it says how writes are switched on");
        for given in [json!({}), json!({"name": "first", "text": "x"}), json!({"zzz": [1]})] {
            assert_eq!(answer(&[], "add_note", given.clone()), unknown);
            assert_eq!(answer(&[], "delete_note", given.clone()), unknown);
            assert_eq!(answer(&["--deny-tools", "get_note"], "get_note", given.clone()), unknown);
            assert_eq!(answer(&["--write", "--tools", "get_*"], "add_note", given), unknown);
        }
        assert_eq!(answer(&["--tool-prefix", "a_"], "get_note", json!({})), unknown);
    });
}

#[test]
fn ceilings_only_narrow_each_other() {
    eras(|era| {
        let listed = |fixture: &Fixture| listed(&mut fixture.connect(era));
        let fixture = Fixture::new(&["--write"]).env("LOCKKEEPER_WRITE", "false");
        assert!(!listed(&fixture).contains(&"add_note".to_owned()));
        let fixture = Fixture::new(&[]).env("LOCKKEEPER_WRITE", "true");
        assert!(listed(&fixture).contains(&"add_note".to_owned()));
        let fixture =
            Fixture::new(&["--write", "--destroy", "allow"]).env("LOCKKEEPER_DESTROY", "never");
        assert!(!listed(&fixture).contains(&"delete_note".to_owned()));
        for (policy, arguments, tool, expected) in [
            ("write = false", &["--write"][..], "add_note", false),
            ("write = true", &[], "add_note", true),
            ("destroy = \"never\"", &["--write", "--destroy", "allow"], "delete_note", false),
            ("tools = { deny = [\"get_*\"] }", &["--tools", "get_note"], "get_note", false),
            ("tools = { allow = [\"get_*\"] }", &["--tools", "*_note"], "get_note", true),
            ("tools = { allow = [\"get_*\"] }", &["--tools", "*_peak"], "get_note", false),
        ] {
            let fixture = Fixture::new(arguments);
            let config = fixture.file("config.toml", &format!("[policy]\n{policy}\n"));
            let fixture = fixture.also(&["--config", &config]);
            assert_eq!(listed(&fixture).contains(&tool.to_owned()), expected, "{policy}");
        }
    });
}

#[test]
fn limits_of_a_file_only_narrow() {
    eras(|era| {
        for (limits, flag, at_most) in
            [("max_output = \"2kB\"", "50kB", 5_000), ("max_output = \"50kB\"", "2kB", 5_000)]
        {
            let fixture = Fixture::new(&["--max-output", flag]);
            let config = fixture.file("config.toml", &format!("[limits]\n{limits}\n"));
            let fixture = fixture.also(&["--config", &config]);
            let mut session = fixture.connect(era);
            assert!(session.text("list_lines", json!({})).len() < at_most);
        }
        let fixture = Fixture::new(&["--call-budget", "20s"]);
        let config = fixture.file("config.toml", "[limits]\ncall_budget = \"100ms\"\n");
        let fixture = fixture.also(&["--config", &config]);
        let mut session = fixture.connect(era);
        assert!(session.text("sleep_async", json!({"ms": 60_000})).starts_with("error: timeout"));
    });
}

#[test]
fn a_prefix_is_part_of_every_name() {
    eras(|era| {
        let fixture =
            Fixture::new(&["--write", "--tool-prefix", "mine_", "--deny-tools", "edit_*"]);
        let mut session = fixture.connect(era);
        let listed = listed(&mut session);
        assert!(listed.iter().all(|tool| tool.starts_with("mine_")), "{listed:?}");
        assert!(!listed.contains(&"mine_edit_note".to_owned()), "a policy knows names as they are");
        assert_eq!(
            session.text("mine_get_note", json!({"note_name": "first", "limit": 1})).len(),
            42
        );
        assert!(is_hidden(&mut session, "get_note"));
        assert!(is_hidden(&mut session, "mine_edit_note"));
        session.end();
        assert_eq!(fixture.outcomes()[0], "get_note ok", "so does the book");
    });
}

#[test]
fn annotations_are_the_effect() {
    eras(|era| {
        let mut session = Fixture::new(&["--write"]).connect(era);
        let answer = session.ask("tools/list", json!({}));
        for tool in answer["result"]["tools"].as_array().unwrap() {
            let name = tool["name"].as_str().unwrap();
            let (read_only, destructive) = match name {
                "add_note" | "post_note" | "write_note" => (false, json!(false)),
                "edit_note" | "delete_note" | "keep_ongoing" | "manage_tags" | "put_note" => {
                    (false, json!(true))
                }
                _ => (true, Value::Null),
            };
            let hints = &tool["annotations"];
            assert_eq!(hints["readOnlyHint"], read_only, "{name}");
            assert_eq!(hints["destructiveHint"], destructive, "{name}");
            assert_eq!(hints["openWorldHint"], false, "{name}");
        }
    });
}

#[test]
fn what_a_policy_file_can_not_mean_stops_the_start() {
    for (text, line, problem) in [
        ("[policy]\nwirte = true\n", 2, "wirte"),
        ("[policy]\nwrite = true\n\n[polices]\n", 4, "polices"),
        ("[limits]\n\nmax_outptu = \"1kB\"\n", 3, "max_outptu"),
        ("[source]\nbroken = false\nlgo = \"x\"\n", 3, "lgo"),
        ("[policy]\ndestroy = \"sometimes\"\n", 2, "sometimes"),
        ("[policy]\nwrite = \"yes\"\n", 2, "boolean"),
        ("[policy]\ntools = { dney = [] }\n", 2, "dney"),
        ("[policy\n", 1, ""),
    ] {
        let fixture = Fixture::new(&[]);
        let config = fixture.file("config.toml", text);
        for subcommand in [&["--config", &config][..], &["check", "--config", &config]] {
            let ran = fixture.run(subcommand);
            assert_eq!(ran.code(), 1, "{text}");
            assert_eq!(ran.stdout(), "");
            let place = format!("fixture: {config}:{line}: ");
            assert!(ran.stderr().starts_with(&place), "{text}: {}", ran.stderr());
            assert!(ran.stderr().contains(problem), "{text}: {}", ran.stderr());
        }
    }
    for arguments in
        [&["tools", "--deny-tools", "a["][..], &["tools", "--config", "/no/such/file.toml"]]
    {
        let ran = Fixture::new(&[]).run(arguments);
        assert_eq!((ran.code(), ran.stdout().as_str()), (1, ""), "{arguments:?}");
        assert!(ran.stderr().starts_with("fixture: "), "{}", ran.stderr());
    }
    for (flag, value) in [("--max-output", "1MB"), ("--concurrency", "0"), ("--call-budget", "1y")]
    {
        let ran = Fixture::new(&[]).run(&["tools", flag, value]);
        assert_eq!((ran.code(), ran.stdout().as_str()), (2, ""), "{flag}");
        let problem = format!("error: invalid value '{value}' for '{flag} ");
        assert!(ran.stderr().starts_with(&problem), "{}", ran.stderr());
    }
    let ran = Fixture::new(&[]).env("LOCKKEEPER_WRITE", "perhaps").run(&["tools"]);
    assert_eq!(ran.code(), 1, "{}", ran.stderr());
}

#[test]
fn a_plan_decides_before_the_tool_runs() {
    eras(|era| {
        let overwrite = json!({"name": "first", "text": "x", "overwrite": true});
        let fixture = Fixture::new(&["--write", "--destroy", "never"]);
        let mut session = fixture.connect(era);
        let error = session.text("write_note", overwrite.clone());
        let expected =
            "error: policy_denied: this server's policy allows no call with effect `destroy`";
        assert!(error.starts_with(expected), "{error}");
        let added = session.text("write_note", json!({"name": "new", "text": "x"}));
        assert_eq!(added, r#"{"done":"added","name":"new"}"#);
        assert_eq!(fixture.log(), "added new\n");
        session.end();
        let fixture = Fixture::new(&["--write", "--destroy", "allow"]);
        let mut session = fixture.connect(era);
        assert_eq!(session.text("write_note", overwrite), r#"{"done":"overwrote","name":"first"}"#);
        session.end();
        let records = fixture.audit();
        assert_eq!(
            (&records[0]["ev"], &records[0]["effect"]),
            (&json!("intent"), &json!("destroy"))
        );
    });
}
