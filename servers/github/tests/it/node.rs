//! What only programs for Node tell: how many tokens a text has, what GitHub's schema says to a
//! document.

use std::io::Write as _;
use std::process::{Command, Stdio};

use lockkeeper_testkit::github::counterpart;
use serde_json::{Value, json};

/// Runs a script on a module with JSON from standard input; its standard output is JSON.
fn run(name: &str, variable: &str, script: &str, input: &Value) -> Option<Value> {
    let module = counterpart(name, variable)?;
    let node = counterpart("node", "LOCKKEEPER_NODE")?;
    let script = format!(
        "const module = await import({});\nconst input = JSON.parse(require('fs').readFileSync(0));\n{script}",
        json!(module)
    );
    let script = script.replace("require('fs')", "(await import('node:fs'))");
    let mut child = Command::new(node)
        .args(["--input-type=module", "-e", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{script}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// The number of o200k tokens of each text.
pub(crate) fn tokens(texts: &[String]) -> Option<Vec<u64>> {
    let script = "console.log(JSON.stringify(input.map((text) => module.countTokens(text))))";
    let counts = run("tokenizer", "LOCKKEEPER_TOKENIZER", script, &json!(texts))?;
    Some(counts.as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect())
}

/// What is wrong with GraphQL documents.
pub(crate) fn graphql_problems(documents: &[String]) -> Option<String> {
    let script = "const validate = module.validate ?? module.default.validate;\n\
        const all = input.flatMap((text) => validate(text).map((error) => String(error)));\n\
        console.log(JSON.stringify(all.join('\\n')))";
    let problems = run("graphql-schema", "LOCKKEEPER_GRAPHQL_SCHEMA", script, &json!(documents))?;
    Some(problems.as_str().unwrap().to_owned())
}
