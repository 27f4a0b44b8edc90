//! A new project, which is private at first.

use lockkeeper_core::{Add, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::need;
use crate::answer::find;
use crate::change::Done;
use crate::patch::check_text;
use crate::source::{Document, Source, SourceError, Target, Within};

pub(super) struct Create;

static OWNER: Document =
    Document { name: "owner", text: include_str!("../../graphql/project_owner.graphql") };

static DOCUMENT: Document =
    Document { name: "project", text: include_str!("../../graphql/create_project.graphql") };

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    owner: String,
    title: String,
}

impl Tool<Source> for Create {
    type Effect = Add;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        need(Effect::Add, &args.owner)
    }

    async fn run(cx: Cx<'_, Source, Add>, args: Args) -> Result<Done, ToolError> {
        check_text(Some(&args.title))?;
        let owner = cx.source().owner(&args.owner)?;
        let variables = json!({ "owner": owner.login() });
        let data = cx.source().query(Within::Owner(&owner), &OWNER, variables).await?;
        let id = find(&data, "repositoryOwner.id");
        if id.is_null() {
            return Err(SourceError::NotFound { asked: owner.login().to_owned() }.into());
        }
        let target = Target::Owned { owner: &owner, what: "a project", is_public: false };
        let input = json!({ "ownerId": id, "title": args.title });
        let data = cx.source().mutate(cx.grant(), target, &DOCUMENT, input).await?;
        let project = find(&data, "createProjectV2.projectV2");
        Ok(Done {
            done: format!("created the project, private, of {}", owner.login()),
            number: find(&project, "number").as_u64(),
            url: find(&project, "url").as_str().map(str::to_owned),
            ..Done::default()
        })
    }
}
