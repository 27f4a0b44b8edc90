//! `comments`: what people say about a file.

use google_drive3::api::{Comment, Reply, User};
use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::rows::{self, Answer};
use crate::source::{Place, Source};

pub(crate) struct Comments;

/// Show a file's comments with what they are about and their replies.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    file: String,
    /// Resolved ones as well
    #[serde(default)]
    resolved: bool,
    cursor: Option<String>,
}

impl Tool<Source> for Comments {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read).resource(args.file.clone())
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let page = rows::page(&cx, args.cursor.as_deref())?;
        let found = cx.source().find(&args.file).await?;
        let list = cx.source().comments(&found, 30, page).await?;
        let all = list.comments.unwrap_or_default();
        let is_shown = |one: &&Comment| args.resolved || one.resolved != Some(true);
        let shown: Vec<_> = all.iter().filter(is_shown).collect();
        let mut answer =
            Answer::about(format!("{} comments on {}", shown.len(), rows::plain(found.name())));
        if shown.len() < all.len() {
            answer.note(&format!("{} resolved left out", all.len() - shown.len()));
        }
        answer.next = rows::next(&cx, Place::at(list.next_page_token));
        for comment in shown {
            let item = json!({
                "id": comment.id,
                "author": author(comment.author.as_ref()),
                "text": comment.content,
                "about": comment.quoted_file_content.as_ref().and_then(|quoted| quoted.value.clone()),
            });
            answer.push(&lines(comment), item);
        }
        Ok(answer)
    }
}

fn lines(comment: &Comment) -> String {
    let time = comment.created_time.map(rows::rfc3339).unwrap_or_default();
    let resolved = if comment.resolved == Some(true) { " (resolved)" } else { "" };
    let (id, by) = (comment.id.as_deref().unwrap_or_default(), author(comment.author.as_ref()));
    let mut lines = format!("# {id} {time} {by}{resolved}\n");
    let quoted = comment.quoted_file_content.as_ref().and_then(|quoted| quoted.value.as_ref());
    for line in quoted.into_iter().flat_map(|quoted| quoted.lines()) {
        lines.push_str(&format!("> {line}\n"));
    }
    lines.push_str(comment.content.as_deref().unwrap_or_default());
    lines.push('\n');
    for reply in comment.replies.iter().flatten() {
        lines.push_str(&answered(reply));
    }
    lines
}

fn answered(reply: &Reply) -> String {
    let time = reply.created_time.map(rows::rfc3339).unwrap_or_default();
    let action = reply.action.as_ref().map(|action| format!(" ({action})")).unwrap_or_default();
    let text = reply.content.as_deref().unwrap_or_default();
    format!("- {time} {}{action}: {text}\n", author(reply.author.as_ref()))
}

fn author(user: Option<&User>) -> String {
    rows::plain(user.and_then(|user| user.display_name.as_deref()).unwrap_or("somebody"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{World, id_in};

    #[test]
    fn comments_are_shown_with_their_replies() {
        let world = World::office();
        let made = world.call(
            &["--write"],
            r#"comment {"method": "add", "file": "plan", "text": "Which budget?"}"#,
        );
        let id = id_in(&made);
        let reply = format!(
            r#"comment {{"method": "reply", "file": "plan", "comment": "{id}", "text": "The new one."}}"#
        );
        world.call(&["--write"], &reply);
        let seen = world.call(&[], r#"comments {"file": "plan"}"#);
        assert!(seen.starts_with("[1 comments on Plan 2026]\n# "), "{seen}");
        assert!(seen.contains("\nWhich budget?\n- ") && seen.contains(": The new one."), "{seen}");
        let resolve =
            format!(r#"comment {{"method": "resolve", "file": "plan", "comment": "{id}"}}"#);
        world.call(&["--write"], &resolve);
        let seen = world.call(&[], r#"comments {"file": "plan"}"#);
        assert_eq!(seen, "[0 comments on Plan 2026; 1 resolved left out]\n");
        let seen = world.call(&[], r#"comments {"file": "plan", "resolved": true}"#);
        assert!(seen.contains("(resolved)"), "{seen}");
        let seen = world.call(&[], r#"comments {"file": "nothing"}"#);
        assert!(seen.starts_with("error: not_found"), "{seen}");
    }
}
