//! `create_folder`: a new folder.

use lockkeeper_core::{Add, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rows::Done;
use crate::source::Source;

pub(crate) struct CreateFolder;

/// Create a folder.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    name: String,
    /// Default: the allowed folder, or My Drive
    parent: Option<String>,
}

impl Tool<Source> for CreateFolder {
    type Effect = Add;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        args.parent.iter().fold(Need::new(Effect::Add), Need::resource)
    }

    async fn run(cx: Cx<'_, Source, Add>, args: Args) -> Result<Done, ToolError> {
        let parent = cx.source().hold_folder(args.parent.as_deref()).await?;
        let folder = cx.source().create_folder(cx.grant(), &parent, args.name).await?;
        Ok(Done::of("created", &folder))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::World;

    #[test]
    fn a_folder_is_made_where_it_is_allowed() {
        let world = World::office();
        let flags = ["--write", "--folder=team"];
        let seen = world.once(&flags, r#"create_folder {"name": "Neu ü/x"}"#);
        assert!(seen.starts_with(r#"{"state":"created","id":""#), "{seen}");
        let listed = world.once(&[], r#"list {"folder": "team"}"#);
        assert!(listed.contains("Neu ü/x/"), "{listed}");
        for parent in ["private", "notes", "nothing", "root"] {
            let call = format!(r#"create_folder {{"name": "x", "parent": "{parent}"}}"#);
            let seen = world.once(&flags, &call);
            assert!(seen.starts_with("error: not_"), "{parent}: {seen}");
        }
        let seen = world.once(&[], r#"create_folder {"name": "x"}"#);
        assert!(seen.contains("unknown"), "{seen}");
    }
}
