//! Comments are added to a review that is not submitted yet.

use lockkeeper_core::{Add, Cx, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Comment;
use crate::answer::find;
use crate::change::{Done, need};
use crate::patch::check_text;
use crate::source::{Document, Source, Target};

pub(super) struct AddComments;

const DOCUMENT: Document = Document {
    name: "add a comment",
    text: include_str!("../../graphql/add_review_thread.graphql"),
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
    id: u64,
    comments: Vec<Comment>,
}

impl Tool<Source> for AddComments {
    type Effect = Add;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        need::<Add>(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Add>, args: Args) -> Result<Done, ToolError> {
        if args.comments.is_empty() {
            return Err(ToolError::invalid_arguments("`comments` is empty"));
        }
        for comment in &args.comments {
            check_text(Some(&comment.body))?;
        }
        let source = cx.source();
        let repo = source.repo(&args.repo).await?;
        let pull = repo.route().at("pulls").number(args.number);
        let review = source.read(&pull.clone().at("reviews").number(args.id)).await?.value;
        let pull = source.read(&pull).await?.value;
        let count = args.comments.len();
        for (added, comment) in args.comments.iter().enumerate() {
            // Reviews of pull requests from forks are found only with both ids.
            let mut input = json!({
                "pullRequestId": find(&pull, "node_id"),
                "pullRequestReviewId": find(&review, "node_id"),
                "path": comment.path, "body": comment.body,
            });
            if let Some(input) = input.as_object_mut() {
                input.extend(comment.place());
            }
            let target = Target::Repo(&repo);
            let data = source.mutate(cx.grant(), target, &DOCUMENT, input).await;
            let said = match data {
                // What lies outside the diff is answered with nothing.
                Ok(data) if find(&data, "addPullRequestReviewThread.thread.id") == Value::Null => {
                    "its line is not in the diff".to_owned()
                }
                Ok(_) => continue,
                Err(error) if added == 0 => return Err(error.into()),
                Err(error) => error.to_string(),
            };
            let what = format!(
                "comment {} on {} was not added: {said}; {added} of {count} were",
                added + 1,
                comment.path,
            );
            return Err(ToolError::new("validation", what)
                .hint("add the others by another call; without `line` it is on the whole file"));
        }
        let done = format!("added {count} comments to review {} in {}", args.id, repo.full_name());
        Ok(Done { done, number: Some(args.number), ..Done::default() })
    }
}
