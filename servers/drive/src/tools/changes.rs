//! `changes`: what changed since a point in time.

use lockkeeper_core::{Cx, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::rows::{self, Answer};
use crate::source::Source;

pub(crate) struct Changes;

/// Show what changed since a token; without one, get a token to begin with.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    since: Option<String>,
}

impl Tool<Source> for Changes {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let Some(since) = args.since else {
            let token = cx.source().start_token().await?;
            let mut answer = Answer::about(format!("changes from now on: since {token}"));
            answer.items.push(json!({ "since": token }));
            return Ok(answer);
        };
        let (changes, list) = cx.source().changes(&since, 100).await?;
        let mut answer = Answer::about(format!("{} changes", changes.len()));
        if cx.source().restricts() {
            answer.note(rows::FILTERED);
        }
        match (list.next_page_token, list.new_start_page_token) {
            (Some(more), _) => answer.note(&format!("truncated, go on: since {more}")),
            (None, Some(end)) => answer.note(&format!("all; next time: since {end}")),
            (None, None) => {}
        }
        for change in changes {
            let time = change.time.map(rows::rfc3339).unwrap_or_default();
            if let Some(found) = &change.file {
                answer.push(&format!("{time}\t{}", rows::line(found)), rows::item(found));
            } else {
                let line = format!("{time}\t{}\tremoved\n", change.id);
                answer.push(&line, json!({ "id": change.id, "removed": true }));
            }
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::World;

    /// The token in an answer.
    fn since(seen: &str) -> String {
        let (_, rest) = seen.split_once("since ").unwrap();
        rest.split(']').next().unwrap().to_owned()
    }

    #[test]
    fn changes_are_told_once_and_only_those_inside() {
        let world = World::office();
        let begin = since(&world.call(&[], "changes {}"));
        world.call(&["--write"], r#"write {"file": "notes", "content": "new"}"#);
        world.call(&["--write"], r#"write {"file": "diary", "content": "new"}"#);
        let asked = format!(r#"changes {{"since": "{begin}"}}"#);
        let seen = world.call(&["--folder=team"], &asked);
        assert!(seen.starts_with("[1 changes; filtered: "), "{seen}");
        assert!(seen.contains("\tnotes\t") && !seen.contains("diary"), "{seen}");
        let asked = format!(r#"changes {{"since": "{}"}}"#, since(&seen));
        assert!(world.call(&[], &asked).starts_with("[0 changes; all"));
        let seen = world.call(&[], r#"changes {"since": "../about"}"#);
        assert!(seen.starts_with("error: invalid_arguments: `since`"), "{seen}");
    }
}
