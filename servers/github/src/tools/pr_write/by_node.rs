//! Changes of a pull request that only GraphQL offers: by its node, which is looked up by number.

use std::marker::PhantomData;

use lockkeeper_core::{Cx, Mutating, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::find;
use crate::change::{Done, need};
use crate::source::{Document, Source, Target};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
}

/// A method that runs one mutation on a pull request.
pub(super) trait ByNode: Send + Sync + 'static {
    type Effect: Mutating;
    const DOCUMENT: Document;
    const DONE: &'static str;
}

/// A [`ByNode`] as a tool's method.
pub(super) struct OnNode<N>(PhantomData<N>);

impl<N: ByNode> Tool<Source> for OnNode<N> {
    type Effect = N::Effect;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        need::<N::Effect>(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, N::Effect>, args: Args) -> Result<Done, ToolError> {
        mutate(&cx, &args.repo, args.number, (&N::DOCUMENT, N::DONE), Value::Null).await
    }
}

/// Runs a mutation on a pull request, with its merge method if there is one.
pub(super) async fn mutate<E: Mutating>(
    cx: &Cx<'_, Source, E>,
    repo: &str,
    number: u64,
    (document, done): (&Document, &str),
    merge_method: Value,
) -> Result<Done, ToolError> {
    let repo = cx.source().repo(repo).await?;
    let pull = cx.source().read(&repo.route().at("pulls").number(number)).await?.value;
    let mut input = json!({ "pullRequestId": find(&pull, "node_id") });
    if let (Some(fields), false) = (input.as_object_mut(), merge_method.is_null()) {
        fields.insert("mergeMethod".to_owned(), merge_method);
    }
    cx.source().mutate(cx.grant(), Target::Repo(&repo), document, input).await?;
    let done = format!("{done} in {}", repo.full_name());
    let url = find(&pull, "html_url").as_str().map(str::to_owned);
    Ok(Done { done, number: Some(number), url, ..Done::default() })
}
