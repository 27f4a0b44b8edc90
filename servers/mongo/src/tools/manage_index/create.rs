//! `manage_index` with method `create`.

use lockkeeper_core::{Change, Cx, Effect, Need, Output, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ejson::Given;
use crate::source::Mongo;
use crate::source::writing::NewIndex;

pub(crate) struct Create;

/// Make an index.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    database: Option<String>,
    collection: String,
    /// Fields in their order: {"status": 1, "at": -1}
    keys: Given,
    name: Option<String>,
    #[serde(default)]
    unique: bool,
    #[serde(default)]
    sparse: bool,
    /// Only documents that match it
    partial_filter: Option<Given>,
    /// Deletes documents this long after the date in the field
    expire_after_s: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Record {
    name: String,
}

impl Output for Record {}

impl Tool<Mongo> for Create {
    type Effect = Change;
    type Args = Args;
    type Output = Record;

    const PLAIN: &'static [&'static str] =
        &["database", "collection", "keys", "name", "unique", "sparse", "expire_after_s"];

    fn plan(args: &Args) -> Need {
        let resource = crate::tools::resource(args.database.as_deref(), &args.collection);
        let need = match args.expire_after_s {
            Some(seconds) => Need::new(Effect::Destroy).loses(format!(
                "documents of `{resource}`, each {seconds} s after the date in its field"
            )),
            None => Need::new(Effect::Change),
        };
        need.resource(resource)
    }

    async fn run(cx: Cx<'_, Mongo, Change>, args: Args) -> Result<Record, ToolError> {
        let mongo = cx.source();
        let name = mongo.namespace(args.database.as_deref(), &args.collection).await?;
        let index = NewIndex {
            keys: args.keys.0,
            name: args.name,
            unique: args.unique,
            sparse: args.sparse,
            partial: args.partial_filter.map(|filter| filter.0),
            expire_after_s: args.expire_after_s,
        };
        let index = mongo.check_index(&name, index).await?;
        let name = mongo.create_index(cx.grant_of::<Change>()?, &name, index).await?;
        Ok(Record { name })
    }
}
