//! `manage_index` with method `drop`.

use lockkeeper_core::{Cx, Destroy, Effect, Need, Output, Tool, ToolError, quoted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::Mongo;

pub(crate) struct DropIndex;

/// Drop an index.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    database: Option<String>,
    collection: String,
    /// As `describe_collection` names it
    name: String,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Record {
    dropped: String,
}

impl Output for Record {}

impl Tool<Mongo> for DropIndex {
    type Effect = Destroy;
    type Args = Args;
    type Output = Record;

    const PLAIN: &'static [&'static str] = &["database", "collection", "name"];

    fn plan(args: &Args) -> Need {
        let resource = crate::tools::resource(args.database.as_deref(), &args.collection);
        Need::new(Effect::Destroy)
            .loses(format!("the index {} of `{resource}`", quoted(&args.name)))
            .resource(resource)
    }

    async fn run(cx: Cx<'_, Mongo, Destroy>, args: Args) -> Result<Record, ToolError> {
        let mongo = cx.source();
        let name = mongo.namespace(args.database.as_deref(), &args.collection).await?;
        // `*` means all of them to MongoDB.
        if args.name == "*" || args.name.is_empty() {
            return Err(ToolError::invalid_arguments("one index at a time")
                .hint("describe_collection shows their names"));
        }
        mongo.drop_index(cx.grant_of::<Destroy>()?, &name, &args.name).await?;
        Ok(Record { dropped: args.name })
    }
}
