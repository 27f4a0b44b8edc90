//! A new repository of the token's user, or of an organization.

use http::Method;
use lockkeeper_core::{Add, Cx, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Done, Request, need};
use crate::source::{Route, Source, Target, is_repo_name};

pub(super) struct Create;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// name, or org/name
    repo: String,
    description: Option<String>,
    /// seen by everybody
    #[serde(default)]
    public: bool,
    /// with a README
    #[serde(default)]
    init: bool,
}

impl Tool<Source> for Create {
    type Effect = Add;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        need::<Add>(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Add>, args: Args) -> Result<Done, ToolError> {
        let (route, name) = if let Some((org, name)) = args.repo.split_once('/') {
            cx.source().may_exist(org, name)?;
            (Route::outside("orgs").name("repo", org)?.at("repos"), name)
        } else {
            cx.source().may_exist_of_user(&args.repo).await?;
            (Route::outside("user").at("repos"), args.repo.as_str())
        };
        if !is_repo_name(name) {
            return Err(ToolError::invalid_arguments("`repo`: that is no name of a repository")
                .hint("names have letters, digits, `-`, `_` and `.`"));
        }
        let Request { route, body, .. } = Request::new(Method::POST, route).fields([
            ("name", json!(name)),
            ("description", json!(args.description)),
            ("private", json!(!args.public)),
            ("auto_init", json!(args.init)),
        ]);
        let target = if args.public { Target::Public("a public repository") } else { Target::Own };
        let reply = cx.source().change(cx.grant(), target, (Method::POST, &route), body).await?;
        Ok(Done::of(format!("created {}", args.repo), &reply.value))
    }
}
