//! An item is given values, all by one request.

use std::collections::BTreeMap;

use http::Method;
use lockkeeper_core::{Change, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{need, values};
use crate::change::{Done, Request};
use crate::fetch::items;
use crate::source::Source;

pub(super) struct SetFields;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    owner: String,
    number: u64,
    id: u64,
    values: BTreeMap<String, Value>,
}

impl Tool<Source> for SetFields {
    type Effect = Change;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        need(Effect::Change, &args.owner)
    }

    async fn run(cx: Cx<'_, Source, Change>, args: Args) -> Result<Done, ToolError> {
        if args.values.is_empty() {
            return Err(ToolError::invalid_arguments("`values` is empty"));
        }
        for text in args.values.values().filter_map(Value::as_str) {
            crate::patch::check_text(Some(text))?;
        }
        let project = cx.source().project(&args.owner, args.number).await?;
        // There can't be more.
        let fields = project.route()?.at("fields").query("per_page", 100);
        let fields = items(cx.source().read(&fields).await?.value, "")?;
        let mut set = Vec::new();
        for (name, value) in &args.values {
            let (id, value) = values::find(&fields, name, value)?;
            set.push(json!({ "id": id, "value": value }));
        }
        let item = cx.source().project_item(&project, args.id).await?;
        let route = project.route()?.at("items").number(item.id);
        let Request { route, body, .. } = Request::patch(route).fields([("fields", json!(set))]);
        let method = (Method::PATCH, &route);
        cx.source().change(cx.grant(), project.target(), method, body).await?;
        let names: Vec<&str> = args.values.keys().map(String::as_str).collect();
        let done = format!("set {} of item {} of {}", names.join(", "), item.id, project.called());
        Ok(Done { done, ..Done::default() })
    }
}
