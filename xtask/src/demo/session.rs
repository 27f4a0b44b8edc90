//! A session that is shown while it is played. Each call says what it expects; what comes
//! otherwise is shown too, and fails the session at its end.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use lockkeeper_testkit::stdio::{Client, Era, Launch, Reply};
use serde_json::{Value, json};

use super::Stage;
use super::screen::{Screen, Tone, duration, size, tokens};

/// How many lines of an answer are shown unless a call says otherwise.
const LINES: usize = 8;

pub(super) struct Session<'a> {
    screen: &'a mut Screen,
    client: Client,
    opened: Duration,
    calls: usize,
    refused: usize,
    bytes: u64,
    problems: Vec<String>,
}

/// A tool call and what it should bring.
pub(super) struct Call<'a> {
    pub(super) caption: &'a str,
    pub(super) tool: &'a str,
    pub(super) arguments: Value,
    pub(super) expect: Expect<'a>,
}

pub(super) enum Expect<'a> {
    /// A result whose text contains this.
    Answer(&'a str),
    /// An error whose text contains this.
    Refusal(&'a str),
}

impl<'a> Session<'a> {
    /// Starts the server as a host does, learns what it is and what it can.
    pub(super) fn open(screen: &'a mut Screen, stage: &Stage<'_>, args: &[&str]) -> Result<Self> {
        let launch = Launch::new(stage.binary).args(args).cwd(&stage.workspace.root);
        let mut client = launch.connect(Era::Modern)?;
        let discovered = client.request("server/discover", json!({}))?;
        let first_answer = client.started().elapsed();
        let listed = client.request("tools/list", json!({}))?;
        let opened = first_answer + listed.elapsed;

        let mut session =
            Self { screen, client, opened, calls: 0, refused: 0, bytes: 0, problems: Vec::new() };
        let command = stage.binary.file_name().unwrap_or_default().display();
        session
            .screen
            .step(&format!("A host starts `{command} {}` and asks who it is", args.join(" ")))?;
        session.show("server/discover", &discovered, &introduction(&discovered))?;
        session.screen.step("It asks for the tools")?;
        session.show("tools/list", &listed, &tools(&listed))?;
        if tools(&listed).is_empty() {
            session.problem("tools/list names no tool");
        }
        Ok(session)
    }

    /// Returns what the model would read.
    pub(super) fn call(&mut self, call: &Call<'_>) -> Result<String> {
        let reply = self.client.call_tool(call.tool, call.arguments.clone())?;
        let text = text(&reply);
        self.calls += 1;
        self.refused += usize::from(reply.is_error());
        self.screen.step(call.caption)?;
        self.show(&format!("{}  {}", call.tool, short(&call.arguments)), &reply, &text)?;
        let (refusal, part) = match call.expect {
            Expect::Answer(part) => (false, part),
            Expect::Refusal(part) => (true, part),
        };
        match (reply.is_error(), refusal) {
            (true, false) => self.problem(&format!("`{}` was refused", call.tool)),
            (false, true) => self.problem(&format!("`{}` was not refused", call.tool)),
            _ if !text.contains(part) => {
                self.problem(&format!("the answer of `{}` does not mention `{part}`", call.tool));
            }
            _ => {}
        }
        Ok(text)
    }

    /// Notes that something did not go as announced.
    pub(super) fn problem(&mut self, what: &str) {
        self.problems.push(what.to_owned());
    }

    /// Ends the session as a host does, sums it up and fails if anything was unexpected.
    pub(super) fn close(mut self) -> Result<()> {
        let memory = self.client.peak_memory();
        self.screen.step("The host closes stdin; the server leaves")?;
        let closing = Instant::now();
        self.client.close_stdin();
        let status = self.client.wait_exit(Duration::from_secs(5))?;
        let took = duration(closing.elapsed());
        let code = status.code().map_or_else(|| status.to_string(), |code| code.to_string());
        self.screen.answer(&format!("exit code {code} after {took}"), LINES, Tone::Normal)?;
        if !status.success() {
            self.problem("the server did not exit with code 0");
        }
        if let Some(line) = self.client.impure_line() {
            let line = String::from_utf8_lossy(&line).into_owned();
            self.problem(&format!("a line of stdout is no protocol message: {line:?}"));
        }

        let mut rows = vec![
            ("start to tool list", duration(self.opened)),
            ("tool calls", format!("{}, {} of them refused", self.calls, self.refused)),
            (
                "all answers together",
                format!("{} ≈ {} tokens", size(self.bytes), tokens(self.bytes)),
            ),
        ];
        rows.extend(memory.map(|bytes| ("most memory used", size(bytes))));
        self.screen.table("In short", &rows)?;
        if self.problems.is_empty() {
            return Ok(());
        }
        bail!("the session did not go as announced:\n  {}", self.problems.join("\n  "));
    }

    fn show(&mut self, request: &str, reply: &Reply, text: &str) -> Result<()> {
        self.bytes += reply.bytes as u64;
        self.screen.request(request, reply)?;
        let tone = if reply.is_error() { Tone::Refused } else { Tone::Normal };
        self.screen.answer(text, LINES, tone)
    }
}

/// The snippet that registers a server in an agent host.
pub(super) fn registration(name: &str, stage: &Stage<'_>, args: &[&str]) -> Result<String> {
    let command = json!(stage.binary.to_str().context("the binary's path is not UTF-8")?);
    let (name, args) = (json!(name), json!(args));
    Ok(format!(
        "{{\n  \"mcpServers\": {{\n    {name}: {{\n      \"command\": {command},\n      \
         \"args\": {args}\n    }}\n  }}\n}}"
    ))
}

/// What `server/discover` says, in a few lines.
fn introduction(reply: &Reply) -> String {
    let result = reply.result();
    let server = &result["_meta"]["io.modelcontextprotocol/serverInfo"];
    let string = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let versions: &[Value] = result["supportedVersions"].as_array().map_or(&[], Vec::as_slice);
    let version = |version: Option<&Value>| version.map(string).unwrap_or_default();
    format!(
        "{} {}, speaks MCP {} to {}\n{}",
        string(&server["name"]),
        string(&server["version"]),
        version(versions.first()),
        version(versions.last()),
        result["instructions"].as_str().unwrap_or_default()
    )
}

/// One line a tool: its name, what it may do, what it is for.
fn tools(reply: &Reply) -> String {
    let tools: Vec<&Value> = reply.result()["tools"].as_array().into_iter().flatten().collect();
    let name = |tool: &Value| tool["name"].as_str().unwrap_or("?").to_owned();
    let width = tools.iter().map(|tool| name(tool).chars().count()).max().unwrap_or_default();
    let line = |tool: &&Value| {
        let effect =
            match (&tool["annotations"]["readOnlyHint"], &tool["annotations"]["destructiveHint"]) {
                (Value::Bool(true), _) => "reads",
                (_, Value::Bool(false)) => "adds",
                _ => "changes",
            };
        let description = tool["description"].as_str().unwrap_or_default();
        let first = description.lines().next().unwrap_or_default();
        let first = first.split_once(". ").map_or(first, |(sentence, _)| sentence);
        format!("{:width$}  {effect:7}  {}", name(tool), first.trim_end_matches('.'))
    };
    tools.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What a model reads of an answer: the text, or the data where there is none.
fn text(reply: &Reply) -> String {
    let text = reply.text();
    if !text.is_empty() {
        return text;
    }
    reply.result().get("structuredContent").map(Value::to_string).unwrap_or_default()
}

/// Arguments without the noise of JSON.
fn short(arguments: &Value) -> String {
    let map = arguments.as_object().into_iter().flatten();
    let pairs: Vec<String> = map.map(|(key, value)| format!("{key}: {value}")).collect();
    pairs.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(result: &Value) -> Reply {
        Reply {
            value: json!({ "result": result }),
            bytes: 0,
            at: Instant::now(),
            elapsed: Duration::ZERO,
        }
    }

    #[test]
    fn arguments_are_shown_without_braces() {
        assert_eq!(short(&json!({ "depth": 1, "path": "." })), r#"depth: 1, path: ".""#);
        assert_eq!(short(&json!({})), "");
    }

    #[test]
    fn a_tool_is_its_name_effect_and_first_sentence() {
        let listed = reply(&json!({ "tools": [
            { "name": "read", "description": "Read a file. Long.", "annotations": { "readOnlyHint": true } },
            { "name": "move_file", "description": "Move.\n\nFails if …" },
        ]}));
        assert_eq!(tools(&listed), "read       reads    Read a file\nmove_file  changes  Move");
    }

    #[test]
    fn data_is_shown_where_there_is_no_text() {
        assert_eq!(text(&reply(&json!({ "structuredContent": { "n": 1 } }))), r#"{"n":1}"#);
    }
}
