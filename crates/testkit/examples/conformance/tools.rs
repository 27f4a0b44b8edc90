//! Tools of core's: what they answer, report, fail with and ask a person.

use std::time::Duration;

use lockkeeper_core::{Cx, Destroy, Effect, Media, MediaKind, Need, Output, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Nothing, PIXEL};

/// A sound of no length.
const SILENCE: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=";

/// Do as the suite expects.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nil {}

#[derive(Serialize, JsonSchema, Default)]
pub(crate) struct Said {
    said: String,
    #[serde(skip)]
    media: Vec<Media>,
}

impl Said {
    fn text(said: &str) -> Self {
        Self { said: said.to_owned(), media: Vec::new() }
    }

    fn media(kind: MediaKind, data: &str, mime_type: &str) -> Self {
        let media = Media { kind, data: data.to_owned(), mime_type: mime_type.to_owned() };
        Self { said: format!("one {mime_type}"), media: vec![media] }
    }
}

impl Output for Said {
    const BULK: bool = true;

    fn text(&self) -> String {
        self.said.clone()
    }

    fn take_media(&mut self) -> Vec<Media> {
        std::mem::take(&mut self.media)
    }
}

pub(crate) struct SimpleText;

impl Tool<Nothing> for SimpleText {
    type Effect = Read;
    type Args = Nil;
    type Output = Said;

    async fn run(_cx: Cx<'_, Nothing, Read>, _args: Nil) -> Result<Said, ToolError> {
        Ok(Said::text("This is a simple text response for testing."))
    }
}

pub(crate) struct Image;

impl Tool<Nothing> for Image {
    type Effect = Read;
    type Args = Nil;
    type Output = Said;

    async fn run(_cx: Cx<'_, Nothing, Read>, _args: Nil) -> Result<Said, ToolError> {
        Ok(Said::media(MediaKind::Image, PIXEL, "image/png"))
    }
}

pub(crate) struct Audio;

impl Tool<Nothing> for Audio {
    type Effect = Read;
    type Args = Nil;
    type Output = Said;

    async fn run(_cx: Cx<'_, Nothing, Read>, _args: Nil) -> Result<Said, ToolError> {
        Ok(Said::media(MediaKind::Audio, SILENCE, "audio/wav"))
    }
}

pub(crate) struct Failing;

impl Tool<Nothing> for Failing {
    type Effect = Read;
    type Args = Nil;
    type Output = Said;

    async fn run(_cx: Cx<'_, Nothing, Read>, _args: Nil) -> Result<Said, ToolError> {
        Err(ToolError::new("failed", "this tool fails on purpose"))
    }
}

pub(crate) struct Progress;

impl Tool<Nothing> for Progress {
    type Effect = Read;
    type Args = Nil;
    type Output = Said;

    async fn run(cx: Cx<'_, Nothing, Read>, _args: Nil) -> Result<Said, ToolError> {
        for done in [0, 50, 100] {
            cx.progress(done, Some(100), None).await;
            // Core tells of progress four times a second.
            tokio::time::sleep(Duration::from_millis(260)).await;
        }
        Ok(Said::text("done"))
    }
}

/// What a person has to agree to.
pub(crate) struct Confirmed;

/// Do what a person has confirmed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    message: Option<String>,
}

impl Tool<Nothing> for Confirmed {
    type Effect = Destroy;
    type Args = Question;
    type Output = Said;

    fn plan(args: &Question) -> Need {
        Need::new(Effect::Destroy).loses(args.message.as_deref().unwrap_or("nothing at all"))
    }

    async fn run(_cx: Cx<'_, Nothing, Destroy>, _args: Question) -> Result<Said, ToolError> {
        Ok(Said::text("confirmed: state-ok"))
    }
}
