//! The server as its users meet it: what it lists, and what that costs.
#![expect(clippy::disallowed_methods, reason = "tests run programs and make their own files")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]
#![expect(clippy::indexing_slicing, reason = "indexing a JSON value by key yields null, no panic")]

mod leak;
mod lockdown;
mod log;
mod login;
mod node;
mod scene;
mod token;

use std::path::Path;

use lockkeeper_core::testing::definitions;
use lockkeeper_github::GitHub;
use lockkeeper_testkit::surface::{self, Budget};
use serde_json::{Value, json};

/// Everything there is; what most users have is counted in tokens below.
const BUDGET: Budget = Budget { read_only: 11_000, all: 25_000 };

#[test]
fn the_surface_keeps_the_rules() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    surface::check::<GitHub>(&["--toolsets=all"], package, BUDGET);
}

/// As most agent hosts hand tools to a model.
fn listed(flags: &[&str]) -> Vec<Value> {
    definitions::<GitHub>(flags).unwrap()
}

#[test]
fn tools_cost_few_tokens() {
    for (flags, most) in [
        (&[][..], 2_500),
        (&["--write", "--destroy=allow"], 4_500),
        (&["--toolsets=all", "--write", "--destroy=allow"], 6_500),
    ] {
        let tools = listed(flags);
        let texts: Vec<String> = tools.iter().map(Value::to_string).collect();
        let Some(each) = node::tokens(&texts) else { return };
        let Some(all) = node::tokens(&[json!({ "tools": tools }).to_string()]) else { return };
        assert!(all[0] <= most, "{flags:?}: {} tokens, {most} may be; each: {each:?}", all[0]);
        for (tool, tokens) in tools.iter().zip(each) {
            assert!(tokens <= 350, "{}: {tokens} tokens", tool["name"]);
        }
    }
}

#[test]
fn ten_tools_are_there_by_default_and_toolsets_choose() {
    let names = |flags: &[&str]| -> Vec<String> {
        listed(flags).iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        names(&[]),
        [
            "account_read",
            "actions_read",
            "commit_read",
            "file_read",
            "issue_list",
            "issue_read",
            "pr_list",
            "pr_read",
            "repo_read",
            "search"
        ]
    );
    assert_eq!(names(&["--toolsets=issues,context"]), ["account_read", "issue_list", "issue_read"]);
    assert!(definitions::<GitHub>(&["--toolsets=isues"]).unwrap_err().contains("isues"));
}

#[test]
fn documents_are_what_github_understands() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/graphql");
    let mut documents = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        documents.push(std::fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    assert!(!documents.is_empty());
    let Some(problems) = node::graphql_problems(&documents) else { return };
    assert!(problems.is_empty(), "{problems}");
}
