//! Hostile arguments in every place of every method: a request that leaves goes where that method's
//! requests go, and into no repository that the settings don't name.

use std::collections::BTreeSet;

use lockkeeper_core::testing::definitions;
use serde_json::{Value, json};

use super::{ALL, said};
use crate::GitHub;
use crate::testing::calls::{self, Call};
use crate::testing::{REPO, World};

/// What would lead elsewhere if it were put into an address as it is.
const HOSTILE: [&str; 22] = [
    "..",
    ".",
    "../../../user",
    "a/../../../../user/repos",
    "%2e%2e%2f%2e%2e%2fuser",
    "..%2f..%2fuser",
    "a?per_page=1&access_token=x",
    "a#b",
    "a;b=c",
    "a\\..\\b",
    "\\\\evil.example\\x",
    "//evil.example/x",
    "https://evil.example/x/y",
    "a\r\nHost: evil.example",
    "a\0b",
    "-x",
    "--upload-pack=x",
    "a b+c%20d%",
    "ünïcödé/\u{202e}x",
    "refs/heads/../../../user",
    "a@{1}:b",
    " /  / ",
];

/// So many of them are tried in one place; all together get all.
const EACH: usize = 3;
const STEP: usize = 7;

/// Every place of a text in a call's arguments, and those that its tool takes besides.
fn places(call: &Call, tools: &[Value]) -> Vec<String> {
    fn texts(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::String(_) => found.push(at.to_owned()),
            Value::Array(items) => {
                let items = items.iter().enumerate();
                items.for_each(|(n, item)| texts(item, &format!("{at}/{n}"), found));
            }
            Value::Object(fields) => {
                fields
                    .iter()
                    .for_each(|(name, field)| texts(field, &format!("{at}/{name}"), found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    texts(&call.arguments, "", &mut found);
    let tool = tools.iter().find(|tool| tool["name"] == call.tool).unwrap();
    for (name, property) in tool["inputSchema"]["properties"].as_object().unwrap() {
        if property["type"] == "string" && property["enum"].is_null() {
            found.push(format!("/{name}"));
        }
    }
    found.retain(|place| !matches!(place.as_str(), "/method" | "/cursor"));
    found.sort_unstable();
    found.dedup();
    found
}

/// The same call with this text in that place.
fn with(call: &Call, place: &str, text: &str) -> Call {
    let mut call = call.clone();
    match call.arguments.pointer_mut(place) {
        Some(there) => *there = json!(text),
        None => call.arguments[place.trim_start_matches('/')] = json!(text),
    }
    call
}

/// The operations that were asked for.
fn operations(world: &World) -> BTreeSet<String> {
    let seen = world.front.take_seen().into_iter();
    seen.map(|seen| match seen.body["query"].as_str() {
        Some(query) => query.split('(').next().unwrap_or_default().to_owned(),
        None => seen.operation,
    })
    .collect()
}

#[test]
fn no_argument_leads_a_request_elsewhere() {
    let world = World::of_calls();
    let looked_up = ["GET /repos/{owner}/{repo}", "GET /user"].map(str::to_owned);
    let tools = definitions::<GitHub>(ALL).unwrap();
    let mut tried = 0;
    for call in calls::all() {
        let mut client = world.client(ALL);
        said(&mut client, &call);
        let usual = operations(&world);
        for place in places(&call, &tools) {
            if call.arguments.pointer(&place).is_none() {
                let other = if place == "/to" { REPO } else { "x" };
                let text = said(&mut client, &with(&call, &place, other));
                if text.contains("unknown argument") {
                    world.front.take_seen();
                    continue;
                }
            }
            let mut known = operations(&world);
            known.extend(usual.iter().chain(&looked_up).cloned());
            // Without an organization before its name, a new repository is the user's.
            if call.name() == "repo_write create" {
                known.insert("POST /user/repos".to_owned());
            }
            for at in 0..EACH {
                let hostile = HOSTILE[(tried + at * STEP) % HOSTILE.len()];
                said(&mut client, &with(&call, &place, hostile));
                let asked = operations(&world);
                // What names a commit, a number or nothing may cost fewer requests, never others.
                let strange: Vec<_> = asked.difference(&known).collect();
                assert!(strange.is_empty(), "{} {place}={hostile:?}: {strange:?}", call.name());
            }
            tried += 1;
        }
    }
    assert!(tried > 300, "only {tried} places were tried");
    // GitHub refuses values that it doesn't know, where it knows the place.
    let violations = world.front.take_violations();
    let strange: Vec<_> =
        violations.iter().filter(|one| !one.contains("}: ") && !one.contains(": `")).collect();
    assert!(strange.is_empty(), "{strange:?}");
}

#[test]
fn a_repository_that_is_not_named_is_asked_nothing_about() {
    let world = World::of_calls();
    let tools = definitions::<GitHub>(ALL).unwrap();
    let flags: Vec<&str> =
        ALL.iter().copied().chain(["--repos=octocat/*,acme/*,octo-org/*"]).collect();
    for call in calls::all() {
        let mut client = world.client(&flags);
        for place in places(&call, &tools) {
            for foreign in
                ["evil/x", "evil/x#1", "x repo:evil/x", "https://github.com/evil/x/issues/1"]
            {
                world.front.take_seen();
                said(&mut client, &with(&call, &place, foreign));
                let asked = world.front.take_seen();
                let strange = asked.iter().find(|seen| seen.path.starts_with("/repos/evil"));
                assert!(strange.is_none(), "{} {place}={foreign}: {strange:?}", call.name());
                if place == "/repo" && call.tool != "repo_write" {
                    assert!(asked.is_empty(), "{} {foreign}: {asked:?}", call.name());
                }
            }
        }
    }
    world.front.take_violations();
}
