//! `trash`: out of sight, and back. Nothing here deletes for good.

use lockkeeper_core::{Change, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rows::Done;
use crate::source::{Amended, Source};

pub(crate) struct Trash;

/// Put a file or folder into the trash, where it stays for 30 days, or restore it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    file: String,
    #[serde(default)]
    restore: bool,
}

impl Tool<Source> for Trash {
    type Effect = Change;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Change).resource(args.file.clone())
    }

    async fn run(cx: Cx<'_, Source, Change>, args: Args) -> Result<Done, ToolError> {
        let file = cx.source().hold(&args.file).await?;
        let new = Amended { trashed: Some(!args.restore), ..Amended::default() };
        let state = if args.restore { "restored" } else { "trashed" };
        Ok(Done::of(state, &cx.source().amend(cx.grant(), &file, new).await?))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::World;

    #[test]
    fn what_is_trashed_can_be_restored() {
        let world = World::office();
        let flags = ["--write", "--folder=team"];
        let seen = world.once(&flags, r#"trash {"file": "notes"}"#);
        assert!(seen.starts_with(r#"{"state":"trashed","id":"notes""#), "{seen}");
        assert!(!world.once(&[], r#"list {"folder": "sub"}"#).contains("notes"));
        let seen = world.once(&flags, r#"trash {"file": "notes", "restore": true}"#);
        assert!(seen.starts_with(r#"{"state":"restored""#), "{seen}");
        assert!(world.once(&[], r#"list {"folder": "sub"}"#).contains("notes"));
    }

    #[test]
    fn nothing_outside_is_trashed_or_restored() {
        let world = World::office();
        let flags = ["--write", "--folder=team"];
        for call in [
            r#"trash {"file": "diary"}"#,
            r#"trash {"file": "diary", "restore": true}"#,
            r#"trash {"file": "out"}"#,
        ] {
            let seen = world.once(&flags, call);
            assert!(seen.starts_with("error: not_found: "), "{call}: {seen}");
        }
        assert!(world.once(&[], r#"list {"folder": "private"}"#).contains("Diary"));
    }
}
