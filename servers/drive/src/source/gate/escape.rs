//! Every tool and method, every resource and every other way to name a file, held against every way out
//! of the allowed folder: all end as if nothing were there, and nothing but a file's place is asked of
//! Drive. A tool that isn't in the table fails the test.

use std::collections::BTreeSet;

use lockkeeper_core::testing::definitions;
use lockkeeper_drive_double::{NewFile, Seed};
use lockkeeper_testkit::in_process::{InProcess, seen};
use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use crate::Drive;
use crate::testing::World;

const ME: &str = "me@example.com";

/// What stands for a file that was never there: as long as an id may be.
const NEVER: &str = "never";

/// Names of files and folders that lie outside of `team`, and how they got their names.
const WAYS_OUT: &[(&str, &str)] = &[
    ("diary", "by its id"),
    ("https://docs.google.com/document/d/diary/edit", "by its address"),
    ("/Private/Diary", "by its path"),
    ("/Team/../Private/Diary", "by a path that climbs"),
    ("private", "the folder beside"),
    ("root", "what the folder lies in, by its other name"),
    ("out", "a shortcut inside, to a file outside"),
    ("outdir", "a shortcut inside, to a folder outside"),
    ("chain", "a shortcut inside, to a shortcut outside that leads in"),
    ("astray", "a shortcut outside, to a file outside"),
    ("stray", "in no folder that can be seen"),
    ("unseen", "in a folder that can't be seen"),
    ("handbook", "in a shared drive"),
    ("shared", "a shared drive"),
    ("bin", "in the trash outside"),
    ("sheet", "a spreadsheet outside, which another service holds"),
    ("doc", "a document outside, which is exported"),
    ("twin", "of the same name as one inside"),
];

/// The ids of what lies outside. Of these Drive is asked where they lie, and nothing else.
const OUTSIDE: &[&str] = &[
    "diary", "private", "root", "astray", "stray", "unseen", "hidden", "handbook", "shared", "bin",
    "sheet", "doc", "twin",
];

/// Tools that take no file, and where they are tested.
const WITHOUT_FILE: &[&str] = &["account", "changes"];

fn world() -> World {
    let folder = |name: &str, id: &str| NewFile::folder(name).id(id);
    let file = |name: &str, id: &str| NewFile::text(name, "secret").id(id);
    let eve = |file: NewFile| file.owner("eve@example.org");
    World::new(
        Seed::new()
            .user("eve@example.org")
            .drive("shared", "Company", "organizer")
            .file(folder("Team", "team"))
            .file(folder("Sub", "sub").parent("team"))
            .file(folder("Private", "private"))
            .file(NewFile::text("notes", "Call Ada.\n").id("notes").parent("sub"))
            .file(NewFile::text("Twin", "inside").id("inside").parent("team"))
            .file(file("Diary", "diary").parent("private"))
            .file(file("Twin", "twin").parent("private"))
            .file(file("Handbook", "handbook").parent("shared"))
            .file(file("Bin", "bin").parent("private").trashed())
            .file(NewFile::spreadsheet("Sheet", Vec::new()).id("sheet").parent("private"))
            .file(NewFile::document("Doc", "secret").id("doc").parent("private"))
            .file(NewFile::shortcut("out", "diary").id("out").parent("team"))
            .file(NewFile::shortcut("outdir", "private").id("outdir").parent("team"))
            .file(NewFile::shortcut("astray", "diary").id("astray").parent("private"))
            .file(NewFile::shortcut("in", "notes").id("within").parent("private"))
            .file(NewFile::shortcut("chain", "within").id("chain").parent("team"))
            .file(eve(file("Stray", "stray")).without_parent().shared_with(ME, "writer"))
            .file(eve(folder("Hidden", "hidden")))
            .file(eve(file("Unseen", "unseen")).parent("hidden").shared_with(ME, "writer")),
    )
}

/// Every call that can name a file, with that name in its place.
fn calls(file: &str) -> Vec<(&'static str, Value)> {
    let with = |tool, arguments: Value| (tool, arguments);
    let mut calls = vec![
        with("search", json!({"in": file})),
        with("search", json!({"in": file, "text": "secret"})),
        with("search", json!({"in": file, "query": "fullText contains 'secret'"})),
        with("list", json!({"folder": file})),
        with("list", json!({"folder": file, "depth": 3})),
        with("read", json!({"file": file})),
        with("read", json!({"file": file, "tab": "A"})),
        with("read", json!({"file": file, "revision": "1"})),
        with("info", json!({"file": file})),
        with(
            "info",
            json!({"file": file, "include": ["path", "permissions", "revisions", "tabs"]}),
        ),
        with("comments", json!({"file": file, "resolved": true})),
        with("download", json!({"file": file, "to": "x"})),
        with("download", json!({"file": file, "to": "x", "format": "pdf"})),
        with("write", json!({"file": file, "content": "x"})),
        with("write", json!({"file": file, "content": "x", "expect_revision": "1"})),
        with("write", json!({"parent": file, "name": "x", "content": "x"})),
        with("create_folder", json!({"parent": file, "name": "x"})),
        with("trash", json!({"file": file})),
        with("trash", json!({"file": file, "restore": true})),
    ];
    for (tool, method, more) in [
        ("organize", "move", json!({"to": "team"})),
        ("organize", "copy", json!({})),
        ("organize", "copy", json!({"to": "team"})),
        ("organize", "shortcut", json!({"to": "team"})),
        ("organize", "rename", json!({"name": "x"})),
        ("organize", "star", json!({})),
        ("comment", "add", json!({"text": "x"})),
        ("comment", "reply", json!({"comment": "1", "text": "x"})),
        ("comment", "resolve", json!({"comment": "1"})),
        ("share", "grant", json!({"email": "eve@example.org", "role": "writer"})),
        ("share", "change", json!({"permission": "1", "role": "writer"})),
        ("share", "revoke", json!({"permission": "1"})),
    ] {
        let mut arguments = json!({"method": method, "file": file});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        calls.push((tool, arguments));
    }
    // The other end.
    for method in ["move", "copy", "shortcut"] {
        calls.push(("organize", json!({"method": method, "file": "notes", "to": file})));
    }
    calls
}

fn flags(export: &str) -> Vec<String> {
    ["--folder=team", "--write", "--share"]
        .map(str::to_owned)
        .into_iter()
        .chain([format!("--export-dir={export}")])
        .collect()
}

fn client(world: &World, export: &str) -> InProcess {
    let flags = flags(export);
    world.client(&flags.iter().map(String::as_str).collect::<Vec<_>>())
}

/// That nothing but where it lies was asked of anything outside, and nothing was changed.
fn asked_only_for_places(world: &World) {
    for request in world.double.log() {
        let mut parts = request.path.split(['/', ':']);
        let Some(id) = parts.find(|part| OUTSIDE.contains(part)) else { continue };
        let is_place = request.id == "drive.files.get" && request.parameter("alt").is_none();
        let is_name = request.id == "drive.drives.get";
        assert!(is_place || is_name, "{id}: {} {}", request.verb, request.path);
    }
}

#[test]
fn every_tool_and_method_is_in_the_table() {
    let directory = tempfile::tempdir().unwrap();
    let flags = flags(directory.path().to_str().unwrap());
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let in_table: BTreeSet<(String, Option<String>)> = calls("x")
        .into_iter()
        .map(|(tool, given)| (tool.to_owned(), given["method"].as_str().map(str::to_owned)))
        .collect();
    for tool in definitions::<Drive>(&flags).unwrap() {
        let name = tool["name"].as_str().unwrap();
        let methods = tool["inputSchema"]["properties"]["method"]["enum"].as_array().cloned();
        let methods = methods.map_or_else(
            || vec![None],
            |methods| methods.iter().map(|method| method.as_str().map(str::to_owned)).collect(),
        );
        for method in methods {
            let is_known = in_table.contains(&(name.to_owned(), method.clone()));
            assert!(is_known || WITHOUT_FILE.contains(&name), "{name} {method:?} isn't tested");
        }
    }
}

#[test]
fn every_tool_by_every_way_out_finds_nothing_and_asks_for_nothing() {
    let world = world();
    let directory = tempfile::tempdir().unwrap();
    let mut client = client(&world, directory.path().to_str().unwrap());
    let mut ask = |tool: &str, given: &Value| seen(&client.call(tool, given.clone()));
    let missing: Vec<String> = calls(NEVER).iter().map(|(tool, given)| ask(tool, given)).collect();
    for said in &missing {
        assert!(said.starts_with("error: not_found: `never` is not there"), "{said}");
    }
    for (file, how) in WAYS_OUT {
        for ((tool, given), missing) in calls(file).iter().zip(&missing) {
            let hidden = ask(tool, given);
            assert_eq!(hidden.replace(file, NEVER), *missing, "{how}: {tool} {given}");
        }
    }
    asked_only_for_places(&world);
    assert_eq!(world.double.content("diary").unwrap(), b"secret");
    assert_eq!(world.double.file("diary").unwrap()["parents"], json!(["private"]));
    assert_eq!(world.double.file("notes").unwrap()["parents"], json!(["sub"]));
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}

#[test]
fn every_resource_by_every_way_out_finds_nothing_and_asks_for_nothing() {
    let world = world();
    let mut client = world.client_of(Era::Legacy, &["--folder=team"]);
    let uris = |file: &str| {
        let file = lockkeeper_core::percent_encode_path(file).replace('/', "%2F");
        [format!("gdrive:///{file}"), format!("gdrive:///{file}/A")]
    };
    let mut told = |file: &str| {
        let mut told = Vec::new();
        for uri in uris(file) {
            for method in ["resources/read", "resources/subscribe"] {
                let mut answer = client.request(method, json!({"uri": uri}));
                assert!(answer["error"].is_object(), "{method} {uri}: {answer}");
                answer["id"].take();
                let text = answer.to_string().replace(&uri, "URI");
                told.push(text.replace(file, NEVER));
            }
            let reference = json!({"type": "ref/resource", "uri": "gdrive:///{file}/{tab}"});
            let given = json!({"ref": reference, "argument": {"name": "tab", "value": ""},
                "context": {"arguments": {"file": file}}});
            let mut answer = client.request("completion/complete", given);
            answer["id"].take();
            told.push(answer.to_string().replace(file, NEVER));
        }
        told
    };
    let missing = told(NEVER);
    for (file, how) in WAYS_OUT {
        assert_eq!(told(file), missing, "{how}");
    }
    for typed in ["", "Di", "Hand", "Str", "Un"] {
        let reference = json!({"type": "ref/resource", "uri": "gdrive:///{file}"});
        let given = json!({"ref": reference, "argument": {"name": "file", "value": typed}});
        let values = client.request("completion/complete", given)["result"].to_string();
        assert!(!OUTSIDE.iter().any(|id| values.contains(&format!("\"{id}\""))), "{values}");
    }
    let listed = client.request("resources/list", json!({})).to_string();
    assert!(listed.contains("gdrive:///notes"), "{listed}");
    for id in OUTSIDE.iter().chain(&["out", "outdir", "chain"]) {
        assert!(!listed.contains(&format!("gdrive:///{id}\"")), "{id}: {listed}");
    }
    asked_only_for_places(&world);
}

#[test]
fn what_lies_in_two_folders_is_read_and_not_changed() {
    let world = World::new(
        Seed::new()
            .file(NewFile::folder("Team").id("team"))
            .file(NewFile::folder("Private").id("private"))
            .file(NewFile::text("Both", "both").id("both").parent("private").parent("team")),
    );
    let directory = tempfile::tempdir().unwrap();
    let mut client = client(&world, directory.path().to_str().unwrap());
    let mut ask = |tool: &str, given: &Value| seen(&client.call(tool, given.clone()));
    assert!(ask("read", &json!({"file": "both"})).ends_with("both"));
    // The other folder isn't told of.
    let info = ask("info", &json!({"file": "both", "include": ["path"]}));
    assert!(info.contains("path: /Team/Both\n"), "{info}");
    for (tool, given) in calls("both") {
        let is_change =
            !matches!(tool, "search" | "list" | "read" | "info" | "comments" | "download");
        let is_copy = matches!(given["method"].as_str(), Some("copy" | "shortcut"));
        if is_change && !is_copy {
            let said = ask(tool, &given);
            assert!(said.starts_with("error: not_found: "), "{tool} {given}: {said}");
        }
    }
    assert_eq!(world.double.content("both").unwrap(), b"both");
}

#[test]
fn what_the_settings_allow_can_not_be_moved_renamed_or_trashed() {
    let world = world();
    let flags = ["--folder=team", "--folder=/Private", "--write"];
    for call in [
        r#"trash {"file": "team"}"#,
        r#"organize {"method": "rename", "file": "/Team", "name": "x"}"#,
        r#"organize {"method": "move", "file": "team", "to": "private"}"#,
    ] {
        let seen = world.once(&flags, call);
        assert!(seen.starts_with("error: not_suited: `Team` is what the settings allow"), "{seen}");
    }
    let seen = world.once(&flags, r#"organize {"method": "move", "file": "sub", "to": "private"}"#);
    assert!(seen.contains(r#""state":"moved""#), "{seen}");
}

#[test]
fn a_page_is_not_continued_outside() {
    let world = World::office();
    let mut client = world.client(&["--folder=team"]);
    let first = seen(&client.call("read", json!({"file": "log", "limit": 100})));
    let cursor = crate::testing::cursor(&first).unwrap();
    world.once(&["--write"], r#"organize {"method": "move", "file": "log", "to": "private"}"#);
    let next = json!({"file": "log", "limit": 100, "cursor": cursor});
    let second = seen(&client.call("read", next));
    assert!(second.starts_with("error: not_found: `log`"), "{second}");
}

#[test]
fn more_folders_than_a_query_names_are_searched_and_nothing_outside_is_told() {
    let mut seed = Seed::new().file(NewFile::folder("Team").id("team"));
    for n in 0..60 {
        seed = seed
            .file(NewFile::folder(&format!("F{n}")).id(&format!("f{n}")).parent("team"))
            .file(NewFile::text("needle", "x").id(&format!("n{n}")).parent(&format!("f{n}")))
            .file(NewFile::text("secret needle", "x").id(&format!("s{n}")));
    }
    let world = World::new(seed);
    let pages = world.pages(&["--folder=team"], "search", json!({"name": "needle", "limit": 25}));
    let ids: Vec<&str> = pages
        .iter()
        .flat_map(|page| page.lines().skip(2))
        .map(|line| line.split('\t').next().unwrap())
        .collect();
    assert_eq!(ids.len(), 60);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 60);
    assert!(ids.iter().all(|id| id.starts_with('n')), "{ids:?}");
    let search = |name: &str| {
        world.once(&["--folder=team"], &format!(r#"search {{"name": "{name}", "limit": 1}}"#))
    };
    assert_eq!(search("secret"), search("nothing"));
}

#[test]
fn a_removal_is_told_of_what_was_shown_alone() {
    let world = World::office();
    let mut client = world.client(&["--folder=team"]);
    let mut ask = |tool: &str, given: Value| seen(&client.call(tool, given));
    let begin = ask("changes", json!({}));
    let since = begin.split_once("since ").unwrap().1.split(']').next().unwrap().to_owned();
    // Asked for, and refused: that isn't having seen it.
    ask("read", json!({"file": "diary"}));
    ask("read", json!({"file": "notes"}));
    world.double.remove("diary");
    world.double.remove("notes");
    let told = ask("changes", json!({"since": since}));
    assert!(told.contains("\tnotes\tremoved\n") && !told.contains("diary"), "{told}");
}
