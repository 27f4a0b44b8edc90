//! Rules for what a server shows before anything is called: each byte of `tools/list` is paid for
//! by every user on every turn, and hosts differ in which schemas they understand.
#![expect(clippy::expect_used, clippy::panic, reason = "a broken surface fails its test")]
#![expect(clippy::disallowed_methods, reason = "reads and rewrites snapshots")]

use std::collections::BTreeSet;
use std::path::Path;

use lockkeeper_core::testing::{definitions, registered};
use lockkeeper_core::{Effect, Server};
use serde_json::{Map, Value, json};

/// The most bytes that `tools/list` may take.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// As the server starts by default.
    pub read_only: usize,
    /// With `--write --destroy allow`.
    pub all: usize,
}

/// Checks every tool of `S`, started with `arguments`, against the rules, and its definition
/// against `snapshots/<tool>.json` in `package` (the server's `CARGO_MANIFEST_DIR`).
///
/// `UPDATE_EXPECT=1` rewrites the snapshots: a diff in them is a change of the public interface.
///
/// # Panics
///
/// With all violations at once.
pub fn check<S: Server>(arguments: &[&str], package: &Path, budget: Budget) {
    check_with::<S>(arguments, &[], package, budget);
}

/// The same for a server with tools that exist only with the settings `switches`.
///
/// # Panics
///
/// With all violations at once.
pub fn check_with<S: Server>(
    arguments: &[&str],
    switches: &[&str],
    package: &Path,
    budget: Budget,
) {
    let mut problems = Vec::new();
    let listed = |extra: &[&str]| {
        let arguments = [arguments, extra].concat();
        definitions::<S>(&arguments).unwrap_or_else(|problem| panic!("{problem}"))
    };
    let read_only = listed(&[]);
    let all = listed(&[switches, &["--write", "--destroy", "allow"]].concat());
    for (list, most) in [(&read_only, budget.read_only), (&all, budget.all)] {
        let bytes = json!({ "tools": list }).to_string().len();
        if bytes > most {
            problems.push(format!("{} tools take {bytes} bytes of {most}", list.len()));
        }
    }
    for (name, weakest, strongest) in registered::<S>() {
        let find = |list: &[Value]| list.iter().find(|tool| tool["name"] == name).cloned();
        let Some(tool) = find(&all) else {
            problems.push(format!("{name}: not listed with everything allowed"));
            continue;
        };
        if find(&read_only).is_some() != (weakest == Effect::Read) {
            problems.push(format!("{name}: listed read-only against its effect"));
        }
        problems.extend(rules(name, strongest, &tool).into_iter().map(|p| format!("{name}: {p}")));
        problems.extend(snapshot(name, &tool, package));
    }
    let structured = listed(&[switches, &["--write", "--results", "structured"]].concat());
    for tool in structured.iter().filter(|tool| tool.get("outputSchema").is_none()) {
        problems.push(format!("{}: no output schema with --results structured", tool["name"]));
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// The rules for one tool's definition.
pub fn rules(name: &str, effect: Effect, tool: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let mut rule = |kept: bool, problem: &str| {
        if !kept {
            problems.push(problem.to_owned());
        }
    };
    let words = name.split('_').count();
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    rule(plain && (1..=4).contains(&words) && name.len() <= 40, "name is not verb_noun");
    let description = tool["description"].as_str().unwrap_or_default();
    rule(!description.is_empty(), "no description");
    rule(description.len() <= 400, "description is longer than 400 bytes");
    rule(!description.starts_with("This tool"), "description does not begin with a verb");
    let hints = &tool["annotations"];
    rule(hints["readOnlyHint"] == (effect == Effect::Read), "readOnlyHint is not the effect");
    let destructive =
        effect.mutates().then_some(effect > Effect::Add).map_or(Value::Null, Value::from);
    rule(hints["destructiveHint"] == destructive, "destructiveHint is not the effect");
    rule(hints["openWorldHint"].is_boolean(), "openWorldHint is not said");
    let empty = Map::new();
    let input = tool["inputSchema"].as_object().unwrap_or(&empty);
    rule(input.get("type") == Some(&json!("object")), "input is not an object");
    rule(input.get("additionalProperties") == Some(&json!(false)), "input takes unknown fields");
    for word in ["anyOf", "oneOf", "allOf", "not"] {
        rule(!input.contains_key(word), "input has a combinator at its root");
    }
    for schema in ["inputSchema", "outputSchema"] {
        let Some(schema) = tool.get(schema) else { continue };
        let text = schema.to_string();
        // A property may be called `title`; a schema's own is a text.
        for word in ["\"$ref\"", "\"$schema\"", "\"$defs\"", "\"title\":\""] {
            rule(!text.contains(word), &format!("a schema has {word}"));
        }
        rule(!text.contains("\"items\":true"), "a schema has a bare `true`");
        // The keyword, which schemas of arguments don't need, and no argument of that name.
        rule(!text.contains("\"format\":\""), "a schema has \"format\"");
        rule(jsonschema::meta::is_valid(schema), "a schema is not valid");
    }
    if let Some(output) = tool.get("outputSchema") {
        rule(output["type"] == "object", "output is not an object");
    }
    let properties = input.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let required = input.get("required").and_then(Value::as_array);
    let required: BTreeSet<&str> =
        required.into_iter().flatten().filter_map(Value::as_str).collect();
    rule(required.iter().all(|name| properties.contains_key(*name)), "requires an unknown field");
    problems
}

fn snapshot(name: &str, tool: &Value, package: &Path) -> Option<String> {
    let path = package.join("snapshots").join(format!("{name}.json"));
    let text = format!("{tool:#}\n");
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    if stored == text {
        return None;
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let directory = path.parent().unwrap_or(package);
        std::fs::create_dir_all(directory).expect("a writable package");
        std::fs::write(&path, text).expect("a writable snapshot");
        return None;
    }
    Some(format!("{name}: differs from {}; UPDATE_EXPECT=1 rewrites it", path.display()))
}
