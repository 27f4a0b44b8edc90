//! Rules for files, so that nobody has to check them by hand.

use std::fs;
use std::path::Path;

use crate::workspace::{files, read, root, servers};

/// The most lines that a source file may have.
const MOST_LINES: usize = 800;

/// Files that may be longer, each with its reason.
const LONGER: &[(&str, &str)] = &[];

fn report(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn source_files_are_short() {
    let mut problems = Vec::new();
    for path in files("rs") {
        let lines = read(&path).lines().count();
        let excused = LONGER.iter().any(|(longer, _)| path == Path::new(longer));
        if lines > MOST_LINES && !excused {
            problems.push(format!("{}: {lines} lines, {MOST_LINES} may be", path.display()));
        }
        if lines <= MOST_LINES && excused {
            problems.push(format!("{}: no longer needs its exception", path.display()));
        }
    }
    report(&problems);
}

#[test]
fn names_of_files_say_what_is_in_them() {
    let vague = ["mod.rs", "utils.rs", "util.rs", "common.rs", "types.rs", "helpers.rs"];
    let named = |path: &Path| vague.iter().any(|name| path.ends_with(name));
    let problems = files("rs").into_iter().filter(|path| named(path));
    report(&problems.map(|path| path.display().to_string()).collect::<Vec<_>>());
}

#[test]
fn what_is_left_to_do_has_an_issue() {
    let word = ["TO", "DO"].concat();
    let mut problems = Vec::new();
    for path in files("rs") {
        for (number, line) in read(&path).lines().enumerate() {
            for place in line.match_indices(&word).map(|(at, _)| at + word.len()) {
                let issue = line.get(place..).unwrap_or_default();
                let issue = issue.trim_start_matches(['(', ' ']).strip_prefix('#');
                if !issue.is_some_and(|issue| issue.starts_with(|c: char| c.is_ascii_digit())) {
                    problems.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
                }
            }
        }
    }
    report(&problems);
}

#[test]
fn every_tool_is_registered_has_a_snapshot_and_a_test() {
    let mut problems = Vec::new();
    for server in servers() {
        let tools = server.directory.join("src").join("tools");
        let list = read(&server.directory.join("src").join("tools.rs"));
        let mut names = Vec::new();
        for entry in fs::read_dir(root().join(&tools)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if !path.is_file() {
                continue;
            }
            let mut rule = |kept: bool, problem: &str| {
                if !kept {
                    problems.push(format!("{}: {name} {problem}", server.name));
                }
            };
            rule(list.contains(&format!("mod {name};")), "is not in tools.rs");
            rule(list.contains(&format!("\"{name}\"")), "is not registered");
            let text = fs::read_to_string(&path).unwrap();
            rule(text.contains("#[test]"), "has no test");
            let snapshot = server.directory.join("snapshots").join(format!("{name}.json"));
            rule(root().join(snapshot).is_file(), "has no snapshot");
            names.push(name);
        }
        for snapshot in
            files("json").iter().filter(|path| path.starts_with(server.directory.join("snapshots")))
        {
            let name = snapshot.file_stem().unwrap().to_str().unwrap().to_owned();
            if !names.contains(&name) {
                problems.push(format!("{}: a snapshot of {name}, which is no tool", server.name));
            }
        }
    }
    report(&problems);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut problems = Vec::new();
    for path in files("md") {
        let text = read(&path);
        let folder = root().join(path.parent().unwrap());
        let mut is_code = false;
        for (number, line) in text.lines().enumerate() {
            is_code ^= line.trim_start().starts_with("```");
            if is_code {
                continue;
            }
            for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let target = target.split(['#', ' ']).next().unwrap_or_default();
                let elsewhere = target.contains("://") || target.starts_with("mailto:");
                if !target.is_empty() && !elsewhere && !folder.join(target).exists() {
                    problems.push(format!("{}:{}: {target}", path.display(), number + 1));
                }
            }
        }
    }
    report(&problems);
}
