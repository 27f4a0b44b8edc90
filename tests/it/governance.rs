//! A policy from managed files, a configuration file and the command line: what it hides on every
//! route, what it masks, and what its owner is told about it.

use serde_json::json;

use crate::fixture::{Fixture, Ran, Session, eras};

const ROUTES: &str = "\
[policy]
write = true
destroy = \"allow\"
[policy.resources]
allow = [\"first\", \"sec*\", \"gr*\"]
deny = [\"second\"]
[policy.mask]
\"first\" = \"last4\"
";

fn configured(text: &str) -> Fixture {
    let fixture = Fixture::new(&[]);
    let path = fixture.file("policy.toml", text);
    fixture.also(&["--config", &path])
}

/// A fixture under managed files, and the same with further arguments.
fn managed(files: &[(&str, &str)], arguments: &[&str]) -> Fixture {
    let fixture = Fixture::new(arguments);
    std::fs::create_dir(fixture.path("managed")).unwrap();
    for (name, text) in files {
        fixture.file(&format!("managed/{name}"), text);
    }
    let directory = fixture.path("managed").to_str().unwrap().to_owned();
    fixture.env("LOCKKEEPER_MANAGED_DIR", &directory)
}

fn tools(session: &mut Session) -> Vec<String> {
    let answer = session.ask("tools/list", json!({}));
    let tools = answer["result"]["tools"].as_array().unwrap();
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_hidden_resource_is_missing_on_every_route() {
    eras(|era| {
        let fixture = configured(ROUTES);
        let mut session = fixture.connect(era);
        let hidden = "second";
        for (tool, arguments) in [
            ("get_note", json!({"note_name": "NAME"})),
            ("add_note", json!({"name": "NAME", "text": "x"})),
            ("edit_note", json!({"name": "NAME", "text": "x"})),
            ("write_note", json!({"name": "NAME", "text": "x", "overwrite": true})),
            ("delete_note", json!({"name": "NAME"})),
            ("manage_tags", json!({"method": "list", "name": "NAME"})),
            ("manage_tags", json!({"method": "set", "name": "NAME", "tag": "x"})),
            ("manage_tags", json!({"method": "clear", "name": "NAME"})),
        ] {
            let mut ask = |name: &str| {
                let named = arguments.to_string().replace("NAME", name);
                let answer = session.call(tool, serde_json::from_str(&named).unwrap());
                assert_eq!(answer["isError"], true, "{tool} {name}");
                answer.to_string().replace(name, "NAME")
            };
            assert_eq!(ask(hidden), ask("nobody"), "{tool}");
        }
        let uri = |name: &str| json!({"uri": format!("note:///{name}")});
        let read = |session: &mut Session, name: &str| {
            session.ask("resources/read", uri(name))["error"].to_string().replace(name, "NAME")
        };
        assert_eq!(read(&mut session, hidden), read(&mut session, "nobody"));
        let listed = session.ask("resources/list", json!({}))["result"].to_string();
        assert!(listed.contains("note:///first") && !listed.contains(hidden), "{listed}");
        let reference = json!({"type": "ref/resource", "uri": "note:///{+name}"});
        let typed = json!({"ref": reference, "argument": {"name": "name", "value": "sec"}});
        let completed = session.ask("completion/complete", typed);
        assert_eq!(completed["result"]["completion"]["values"], json!([]));
        // Beside the denial there is an allow-list: what it doesn't name doesn't exist either.
        let answer = session.text("add_note", json!({"name": "other", "text": "x"}));
        assert!(answer.contains("not_found"), "{answer}");
    });
}

#[test]
fn the_audit_log_names_the_rule_behind_every_denial() {
    eras(|era| {
        let fixture = configured(&format!("{ROUTES}[policy.tools]\ndeny = [\"get_peak\"]\n"));
        let mut session = fixture.connect(era);
        session.call("get_note", json!({"note_name": "second"}));
        session.call("get_peak", json!({}));
        session.call("get_note", json!({"note_name": "first"}));
        session.end();
        let ran = fixture.run_audit(&["query", "--denied", "--json"]).stdout();
        assert!(ran.contains("resources.deny `second` ("), "{ran}");
        assert!(ran.contains("tools.deny `get_peak` ("), "{ran}");
        assert_eq!(ran.matches("\"deny\"").count(), 2, "{ran}");
    });
}

#[test]
fn masked_values_never_leave() {
    for (mask, shown) in [
        ("redact", "[redacted:masked]"),
        ("last4", "[redacted:masked]"),
        ("hash", "[redacted:hash_"),
    ] {
        eras(|era| {
            let fixture = configured(&format!("[policy.mask]\n\"second\" = \"{mask}\"\n"));
            let mut session = fixture.connect(era);
            let answer = session.text("get_note", json!({"note_name": "second"}));
            assert!(answer.contains(shown) && !answer.contains("two"), "{answer}");
            assert!(answer.contains("altered: 1 redacted"), "{answer}");
            let read = session.ask("resources/read", json!({"uri": "note:///second"}));
            assert!(!read.to_string().contains("two"), "{read}");
            let first = session.text("get_note", json!({"note_name": "first"}));
            assert!(first.contains("one"), "{first}");
        });
    }
}

#[test]
fn a_managed_file_is_a_ceiling() {
    eras(|era| {
        let listed = |fixture: &Fixture| tools(&mut fixture.connect(era));
        let all = "[policy]\nwrite = false\n";
        let fixture = managed(&[("all.toml", all)], &["--write", "--destroy", "allow"]);
        assert!(!listed(&fixture).contains(&"add_note".to_owned()));
        // One that the file leaves open.
        let open = "[policy]\nwrite = false\n[managed]\nopen = [\"policy.write\"]\n";
        let fixture = managed(&[("all.toml", open)], &["--write"]);
        assert!(listed(&fixture).contains(&"add_note".to_owned()));
        assert!(!listed(&managed(&[("all.toml", open)], &[])).contains(&"add_note".to_owned()));
        // Open in one file is not open in the other.
        let both = [("all.toml", all), ("fixture.toml", open)];
        assert!(!listed(&managed(&both, &["--write"])).contains(&"add_note".to_owned()));
        let one = "[policy.tools]\ndeny = [\"get_note\"]\n[limits]\nmax_output = \"2kB\"\n";
        let fixture =
            managed(&[("fixture.toml", one)], &["--tools", "get_*", "--max-output", "9kB"]);
        assert!(!listed(&fixture).contains(&"get_note".to_owned()));
        let limits = fixture.run(&["check"]).stdout();
        assert!(limits.contains("answers 2000 bytes"), "{limits}");
    });
}

#[cfg(unix)]
#[test]
fn a_policy_that_can_not_be_read_starts_nothing() {
    use std::os::unix::fs::symlink;
    use std::process::Command;
    let refused = |fixture: &Fixture, place: &str| {
        for ran in [fixture.run(&["policy", "check"]), fixture.run(&["check"])] {
            assert!(ran.code() != 0 && ran.stderr().contains(place), "{place}: {}", ran.stderr());
        }
    };
    for (name, problem) in [
        ("link", "a link to nothing"),
        ("fifo", "it is not a regular file"),
        ("directory", "it is not a regular file"),
        ("device", "it is not a regular file"),
        ("long", "it is longer than 1 MiB"),
    ] {
        for file in ["all.toml", "fixture.toml"] {
            let fixture = managed(&[], &["--write"]);
            let path = fixture.path("managed").join(file);
            match name {
                "link" => symlink("/nowhere/at/all", &path).unwrap(),
                "device" => symlink("/dev/zero", &path).unwrap(),
                "directory" => std::fs::create_dir(&path).unwrap(),
                "fifo" => assert!(Command::new("mkfifo").arg(&path).status().unwrap().success()),
                _ => std::fs::write(&path, "# a policy\n".repeat(100_000)).unwrap(),
            }
            refused(&fixture, &format!("{file}: "));
            refused(&fixture, problem);
            let named = Fixture::new(&["--config", path.to_str().unwrap()]);
            let problem = if name == "link" { "there is no such file" } else { problem };
            refused(&named, problem);
        }
    }
    let fixture = Fixture::new(&[]);
    let nowhere = fixture.path("nowhere").to_str().unwrap().to_owned();
    refused(&fixture.env("LOCKKEEPER_MANAGED_DIR", &nowhere), "there is no such directory");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_not_ignored() {
    use std::os::unix::ffi::OsStrExt as _;
    for (name, value) in [("WRITE", "0"), ("DESTROY", "never"), ("SANDBOX", "require")] {
        let name = format!("LOCKKEEPER_{name}");
        let value = [value.as_bytes(), b"\xff"].concat();
        let fixture = Fixture::new(&[]);
        let mut command = fixture.command();
        command.env(&name, std::ffi::OsStr::from_bytes(&value)).stdin(std::process::Stdio::null());
        let ran = Ran(command.output().unwrap());
        assert!(ran.code() != 0 && ran.stderr().contains(&name), "{}", ran.stderr());
    }
}

#[test]
fn a_policy_that_says_nothing_sensible_starts_nothing() {
    let wrong = |text: &str, place: &str| {
        let expect = |ran: Ran| {
            let said = ran.stderr();
            assert!(ran.code() != 0 && said.contains(place), "{text}: {said}");
            assert_eq!(ran.stdout(), "");
        };
        let fixture = configured(text);
        expect(fixture.run(&["policy", "check"]));
        expect(fixture.run(&["check"]));
        expect(fixture.serve_nothing());
        expect(managed(&[("fixture.toml", text)], &[]).run(&["policy", "check"]));
    };
    wrong("[policy]\nwrite = true\nwirte = true\n", "toml:3: unknown field `wirte`");
    wrong("[policy]\n\ntools = { deny = [\"get_nite\"] }\n", "toml:3: there is no tool `get_nite`");
    wrong("[policy.tools]\nallow = [\n  \"get_[\",\n]\n", "toml:3: `get_[`: unclosed");
    wrong("[policy.resources]\ndeny = [\"a..b\"]\n", "toml:2: `a..b`: a part of the name is empty");
    wrong("[policy.mask]\nfirst = \"blur\"\n", "toml:2: unknown variant `blur`");
    wrong("[policy]\ndestroy = \"maybe\"\n", "toml:2: unknown variant `maybe`");
    wrong("[limits]\nmax_output = \"huge\"\n", "toml:2: a size is a number with");
    wrong("[limits]\nmax_output = \"200kB\"\n", "toml:2: an answer is between 1kB and 100kB");
    wrong("[limits]\ncall_budget = \"0s\"\n", "toml:2: a time is more than 0");
    wrong("[limits]\n\nconcurrency = 0\n", "toml:3: ");
    wrong("[[test]]\ntool = \"get_note\"\nexpect = \"perhaps\"\n", "toml:3: unknown variant");
    let ran = configured("[managed]\nopen = []\n").run(&["check"]);
    assert!(ran.stderr().contains("toml:1: [managed] is for managed files"), "{}", ran.stderr());
    for (file, text, expected) in [
        ("fixture.toml", "[source]\nbroken = true\n", "fixture.toml:1: a managed file holds"),
        ("all.toml", "[policy.tools]\ndeny = [\"x\"]\n", "all.toml:2: tools, resources, masks"),
        ("all.toml", "[managed]\nopen = [\"policy.wirte\"]\n", "all.toml:2: `policy.wirte`"),
        ("fixture.toml", "[policy\n", "fixture.toml:1: "),
    ] {
        let ran = managed(&[(file, text)], &[]).run(&["check"]);
        assert!(ran.code() != 0 && ran.stderr().contains(expected), "{}", ran.stderr());
    }
    for (flag, name) in [("--tools", "nope"), ("--deny-tools", "get_nite")] {
        let ran = Fixture::new(&[flag, name]).run(&["check"]);
        let expected = format!("{flag}: there is no tool `{name}`");
        assert!(ran.code() != 0 && ran.stderr().contains(&expected), "{}", ran.stderr());
    }
}

#[test]
fn explain_names_the_decision_and_its_rule() {
    let fixture = configured(ROUTES);
    let explain = |fixture: &Fixture, tool: &str, arguments: &str, code: i32| {
        let ran = fixture.run(&["policy", "explain", tool, arguments]);
        assert_eq!(ran.code(), code, "{}{}", ran.stdout(), ran.stderr());
        let directory = fixture.path("").to_str().unwrap().to_owned();
        format!("{}{}", ran.stdout(), ran.stderr()).replace(&directory, "")
    };
    assert_eq!(
        explain(&fixture, "get_note", r#"{"note_name": "first"}"#, 0),
        "allow: get_note (read): reading is allowed\n    admitted `first`\n"
    );
    assert_eq!(
        explain(&fixture, "get_note", r#"{"note_name": "second"}"#, 1),
        "deny: get_note (read): resources.deny `second` (policy.toml:6)\n    \
         denied `second`: resources.deny `second` (policy.toml:6)\n"
    );
    assert_eq!(
        explain(&fixture, "delete_note", r#"{"name": "first"}"#, 0),
        "allow: delete_note (destroy): destroy = \"allow\" (policy.toml:3)\n    \
         admitted `first`\n"
    );
    let bare = Fixture::new(&["--deny-tools", "get_*"]);
    assert_eq!(
        explain(&bare, "get_note", r#"{"note_name": "first"}"#, 1),
        "deny: get_note (read): tools.deny `get_*` (--deny-tools)\n    admitted `first`\n"
    );
    assert_eq!(
        explain(&bare, "edit_note", r#"{"name": "first", "text": "x"}"#, 1),
        "deny: edit_note (change): read-only unless told otherwise (default)\n    \
         admitted `first`\n"
    );
    assert!(explain(&bare, "nothing", "{}", 1).contains("there is no tool `nothing`"));
    assert!(explain(&bare, "get_note", "{\"nam\": 1}", 1).contains("unknown argument `nam`"));
    // Nothing was called.
    assert_eq!(fixture.log(), "");
    let json = fixture.run(&["policy", "explain", "get_note", r#"{"note_name":"x"}"#, "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout()).unwrap();
    assert_eq!(json["decision"], "deny");
}

#[test]
fn the_tests_of_a_policy_are_run() {
    let test = |name: &str, expect: &str| {
        format!(
            "[[test]]\ntool = \"get_note\"\nargs = {{ note_name = \"{name}\" }}\nexpect = \"{expect}\"\n"
        )
    };
    let good = format!("{ROUTES}{}{}", test("first", "allow"), test("second", "deny"));
    let ran = configured(&good).run(&["policy", "test"]);
    assert_eq!(ran.code(), 0, "{}", ran.stdout());
    assert!(ran.stdout().ends_with("2 tests, 0 failed\n"), "{}", ran.stdout());
    let ran = configured(&good).run(&["policy", "test", "--live"]);
    assert_eq!(ran.code(), 0, "{}", ran.stdout());
    let bad = format!("{good}{}", test("second", "allow"));
    let ran = configured(&bad).run(&["policy", "test"]);
    assert_eq!(ran.code(), 1);
    assert!(
        ran.stdout().contains("policy.toml:17: get_note expects allow, got deny"),
        "{}",
        ran.stdout()
    );
    let ran = Fixture::new(&[]).run(&["policy", "test"]);
    assert!(ran.code() != 0 && ran.stderr().contains("no file in force has a [[test]]"));
}

#[test]
fn check_names_the_files_in_force() {
    let fixture = managed(&[("all.toml", "[policy]\nwrite = true\n")], &[]);
    let said = fixture.run(&["policy", "check"]).stdout();
    assert!(said.contains("managed/all.toml (sha256 "), "{said}");
    assert!(said.contains("rule  write = true ("), "{said}");
    assert!(said.contains("rule  destroy = \"ask\" (default)"), "{said}");
    let check = fixture.run(&["check"]).stdout();
    assert!(check.contains("managed/all.toml (sha256 "), "{check}");
    assert!(check.contains("advisory"), "whoever runs this test can rewrite the file: {check}");
}
