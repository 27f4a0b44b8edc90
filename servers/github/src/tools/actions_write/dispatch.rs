//! A workflow is run.

use std::collections::BTreeMap;

use lockkeeper_core::{Add, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Change, InRepository, Request};
use crate::source::RepoRef;
use crate::source::check_ref;

pub(super) struct Dispatch;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    /// id or file name
    workflow: String,
    r#ref: String,
    inputs: Option<BTreeMap<String, String>>,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for Dispatch {
    type Effect = Add;
    type Args = Args;
    const DONE: &'static str = "dispatched the workflow";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        check_ref("ref", &args.r#ref)?;
        let route = repo.route().at("actions").at("workflows").name("workflow", &args.workflow)?;
        Ok(Request::post(route.at("dispatches"))
            .fields([("ref", json!(args.r#ref)), ("inputs", json!(args.inputs))]))
    }
}
