//! `account`: who this server acts for, and what it may.

use lockkeeper_core::{Cx, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::rows::{self, Answer};
use crate::source::Source;

pub(crate) struct Account;

/// Show the account, what its login allows, storage, shared drives and allowed folders.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {}

impl Tool<Source> for Account {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    async fn run(cx: Cx<'_, Source, Read>, _: Args) -> Result<Answer, ToolError> {
        let source = cx.source();
        let about = source.about().await?;
        let email = about.user.and_then(|user| user.email_address).unwrap_or_default();
        let mut answer = Answer::about(rows::plain(&email));
        let mut line = |key: &str, value: &str| {
            answer.push(&format!("{key}: {value}\n"), json!({ key: value }));
        };
        line("login", &source.way());
        match source.scopes().await? {
            Some(scopes) => {
                line("scopes", &scopes.join(" "));
                let full = "https://www.googleapis.com/auth/drive";
                let is_enough = scopes.iter().any(|scope| scope == source.scope() || scope == full);
                if !is_enough {
                    line("missing scope", source.scope());
                }
            }
            None => line("scope asked for", source.scope()),
        }
        if let Some(quota) = about.storage_quota {
            let limit = quota.limit.map_or_else(|| "no limit".to_owned(), |n| format!("of {n}"));
            line("storage", &format!("{} bytes {limit}", quota.usage.unwrap_or_default()));
        }
        match source.folders().await? {
            None => line("folders", "all that the account sees"),
            Some(folders) => {
                for (id, name) in folders {
                    line("folder", &format!("{id} {}", rows::plain(&name)));
                }
            }
        }
        for (id, name) in source.drives().await? {
            line("shared drive", &format!("{id} {}", rows::plain(&name)));
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;

    use crate::testing::World;

    #[test]
    fn says_who_and_what() {
        let world = World::office();
        world.check(
            "account {}",
            &expect![[r#"
            [me@example.com]
            login: an access token that was given
            scope asked for: https://www.googleapis.com/auth/drive.readonly
            storage: 8061 bytes of 16106127360
            folders: all that the account sees
            shared drive: shared Company
        "#]],
        );
        world.check_with(
            &["--folder=team"],
            "account {}",
            &expect![[r#"
            [me@example.com]
            login: an access token that was given
            scope asked for: https://www.googleapis.com/auth/drive.readonly
            storage: 8061 bytes of 16106127360
            folder: team Team
        "#]],
        );
    }
}
