//! What the official conformance suite asks of a server, by the names that it uses. Tools, resources
//! and prompts are core's, through its whole pipeline; what core leaves out on purpose is answered in
//! `beside`.

mod beside;
mod prompts;
mod resources;
mod tools;

use std::process::ExitCode;

use lockkeeper_core::testing::Beside;
use lockkeeper_core::{
    Environment, Registered, RegisteredPrompt, RegisteredResource, Server, StartError, prompt,
    resource, tool,
};
use serde::{Deserialize, Serialize};

/// An image of one red pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg==";

struct Conformance;

/// There is nothing to work on.
struct Nothing;

#[derive(clap::Args, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Options {}

impl Server for Conformance {
    type Source = Nothing;
    type Options = Options;

    const NAME: &'static str = "conformance";
    const TITLE: &'static str = "Conformance";
    const VERSION: &'static str = "0.1.0";
    const ABOUT: &'static str = "What the official conformance suite asks for";
    const INSTRUCTIONS: &'static str = "For the conformance suite.";
    const OPEN_WORLD: bool = false;
    const BESIDE: Option<&'static dyn Beside> = Some(&beside::LeftOut);

    fn tools() -> &'static [Registered<Nothing>] {
        static TOOLS: &[Registered<Nothing>] = &[
            tool::<Nothing, tools::SimpleText>("test_simple_text"),
            tool::<Nothing, tools::Image>("test_image_content"),
            tool::<Nothing, tools::Audio>("test_audio_content"),
            tool::<Nothing, tools::Failing>("test_error_handling"),
            tool::<Nothing, tools::Progress>("test_tool_with_progress"),
            tool::<Nothing, tools::Confirmed>("test_elicitation"),
            tool::<Nothing, tools::Confirmed>("test_streaming_elicitation"),
            tool::<Nothing, tools::Confirmed>("test_input_required_result_request_state"),
            tool::<Nothing, tools::Confirmed>("test_input_required_result_tampered_state"),
        ];
        TOOLS
    }

    fn resources() -> &'static [RegisteredResource<Nothing>] {
        static RESOURCES: &[RegisteredResource<Nothing>] = &[
            resource::<Nothing, resources::Text>(),
            resource::<Nothing, resources::Binary>(),
            resource::<Nothing, resources::Template>(),
            resource::<Nothing, resources::Watched>(),
        ];
        RESOURCES
    }

    fn prompts() -> &'static [RegisteredPrompt<Nothing>] {
        static PROMPTS: &[RegisteredPrompt<Nothing>] =
            &[prompt::<Nothing, prompts::Simple>(), prompt::<Nothing, prompts::WithArguments>()];
        PROMPTS
    }

    fn open(_options: Options, _environment: &Environment) -> Result<Nothing, StartError> {
        Ok(Nothing)
    }
}

fn main() -> ExitCode {
    lockkeeper_core::main::<Conformance>()
}
