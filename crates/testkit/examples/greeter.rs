//! A connector of one tool, with its tests.

use std::process::ExitCode;

use lockkeeper_core::{
    Cx, Environment, Output, Read, Registered, Server, StartError, Tool, ToolError, tool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The connector: what it is called, what it works on, which tools it has.
struct Greeter;

/// What the tools work on. It knows nothing of the protocol.
struct Phrase(String);

/// The connector's own settings.
#[derive(clap::Args, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Options {
    /// The phrase to greet with
    #[arg(long)]
    phrase: Option<String>,
}

/// The one tool.
struct Greet;

/// Greet a person by name.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Args {
    name: String,
}

#[derive(Serialize, JsonSchema)]
struct Greeting {
    greeting: String,
}

impl Output for Greeting {
    fn text(&self) -> String {
        self.greeting.clone()
    }
}

impl Tool<Phrase> for Greet {
    type Effect = Read;
    type Args = Args;
    type Output = Greeting;

    async fn run(cx: Cx<'_, Phrase, Read>, args: Args) -> Result<Greeting, ToolError> {
        if args.name.is_empty() {
            return Err(ToolError::invalid_arguments("`name` is empty").hint("ask for the name"));
        }
        Ok(Greeting { greeting: format!("{}, {}!", cx.source().0, args.name) })
    }
}

impl Server for Greeter {
    type Source = Phrase;
    type Options = Options;

    const NAME: &'static str = "lockkeeper-greeter";
    const TITLE: &'static str = "Greeter";
    const VERSION: &'static str = "0.1.0";
    const ABOUT: &'static str = "Greets people";
    const INSTRUCTIONS: &'static str = "Greets people by name.";
    const OPEN_WORLD: bool = false;

    fn tools() -> &'static [Registered<Phrase>] {
        static TOOLS: &[Registered<Phrase>] = &[tool::<Phrase, Greet>("greet")];
        TOOLS
    }

    fn open(options: Options, _: &Environment) -> Result<Phrase, StartError> {
        Ok(Phrase(options.phrase.unwrap_or_else(|| "Hello".into())))
    }
}

fn main() -> ExitCode {
    lockkeeper_core::main::<Greeter>()
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::in_process::check;

    use super::Greeter;

    #[test]
    fn greets() {
        let arguments = ["--phrase", "Good day"];
        let call = r#"greet {"name": "Ada"}"#;
        check::<Greeter>(
            &arguments,
            call,
            &expect![[r#"
            Good day, Ada!
            structured: {"greeting":"Good day, Ada!"}"#]],
        );
    }

    #[test]
    fn says_what_is_missing() {
        check::<Greeter>(
            &[],
            r#"greet {"name": ""}"#,
            &expect![[r"
            error: invalid_arguments: `name` is empty
            next: ask for the name"]],
        );
    }
}
