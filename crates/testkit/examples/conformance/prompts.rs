//! Prompts of core's, and what completes them.

use std::collections::BTreeMap;

use lockkeeper_core::{Argument, Cx, Prompt, Read, ToolError, Typed};

use crate::Nothing;

/// The tool whose gate they share.
const TOOL: &str = "test_simple_text";

pub(crate) struct Simple;

impl Prompt<Nothing> for Simple {
    const NAME: &'static str = "test_simple_prompt";
    const DESCRIPTION: &'static str = "A prompt without blanks";
    const ARGUMENTS: &'static [Argument] = &[];
    const TOOL: &'static str = TOOL;

    fn text(_: &BTreeMap<String, String>) -> String {
        "This is a simple prompt for testing.".to_owned()
    }
}

pub(crate) struct WithArguments;

impl Prompt<Nothing> for WithArguments {
    const NAME: &'static str = "test_prompt_with_arguments";
    const DESCRIPTION: &'static str = "A prompt with two blanks";
    const ARGUMENTS: &'static [Argument] = &[
        Argument { name: "arg1", description: "the first", required: true },
        Argument { name: "arg2", description: "the second", required: true },
    ];
    const TOOL: &'static str = TOOL;

    fn text(arguments: &BTreeMap<String, String>) -> String {
        let given = |name: &str| arguments.get(name).map_or("", String::as_str).to_owned();
        format!("Prompt with arguments: arg1='{}', arg2='{}'", given("arg1"), given("arg2"))
    }

    async fn complete(_cx: Cx<'_, Nothing, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        let all = ["paris", "park", "party"].into_iter();
        Ok(all.filter(|one| one.starts_with(&typed.text)).map(str::to_owned).collect())
    }
}
