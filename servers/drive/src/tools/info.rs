//! `info`: what is known of a file.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::rows::{self, Answer};
use crate::source::{Found, Source};

pub(crate) struct FileInfo;

/// Show a file's properties.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    file: String,
    #[serde(default)]
    include: Vec<Include>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Include {
    Path,
    Permissions,
    Revisions,
    Tabs,
}

impl Tool<Source> for FileInfo {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read).resource(args.file.clone())
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let source = cx.source();
        let found = source.find(&args.file).await?;
        let mut answer = Answer::about(rows::plain(found.name()));
        let mut facts = facts(&found);
        let asks = |what| args.include.contains(&what);
        if asks(Include::Path) {
            facts.insert("path".into(), source.path(&found).await?.into());
        }
        let mut lines = String::new();
        for (key, value) in &facts {
            let text = value.as_str().map_or_else(|| value.to_string(), rows::plain);
            lines.push_str(&format!("{key}: {text}\n"));
        }
        if asks(Include::Tabs) {
            for (name, rows, columns) in source.tabs(&found).await? {
                lines.push_str(&format!(
                    "tab: {} ({rows} rows, {columns} columns)\n",
                    rows::plain(&name)
                ));
            }
        }
        if asks(Include::Permissions) {
            let list = source.permissions(&found).await?;
            for one in list.permissions.unwrap_or_default() {
                let who = one.email_address.or(one.domain).or(one.type_).unwrap_or_default();
                let (role, id) = (one.role.unwrap_or_default(), one.id.unwrap_or_default());
                lines.push_str(&format!("permission {id}: {role} {}\n", rows::plain(&who)));
            }
            if list.next_page_token.is_some() {
                answer.note("more permissions than 100");
            }
        }
        if asks(Include::Revisions) {
            let list = source.revisions(&found).await?;
            for one in list.revisions.unwrap_or_default() {
                let id = one.id.unwrap_or_default();
                let time = one.modified_time.map(rows::rfc3339).unwrap_or_default();
                let size = one.size.map(|size| format!(" {size} bytes")).unwrap_or_default();
                let by = one.last_modifying_user.and_then(|user| user.display_name);
                let by = by.map(|name| format!(" by {}", rows::plain(&name))).unwrap_or_default();
                lines.push_str(&format!("revision {id}: {time}{size}{by}\n"));
            }
            if list.next_page_token.is_some() {
                answer.note("more revisions than 200");
            }
        }
        answer.push(&lines, Value::Object(facts));
        Ok(answer)
    }
}

fn facts(found: &Found) -> Map<String, Value> {
    let file = found.file();
    let facts = json!({
        "id": found.id(),
        "type": found.mime(),
        "revision": (!found.is_folder()).then(|| found.revision()),
        "size": file.size,
        "modified": file.modified_time.map(rows::rfc3339),
        "sha256": file.sha256_checksum,
        "starred": file.starred.filter(|starred| *starred),
        "trashed": file.trashed.filter(|trashed| *trashed),
        "shared_drive": file.drive_id,
        "through_shortcut": found.through(),
    });
    let Value::Object(mut facts) = facts else { return Map::new() };
    facts.retain(|_, value| !value.is_null());
    facts
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;

    use crate::testing::World;

    #[test]
    fn shows_what_is_asked_for() {
        let world = World::office();
        world.check(
            r#"info {"file": "notes", "include": ["path", "permissions", "revisions"]}"#,
            &expect![[r#"
                [notes]
                id: notes
                modified: 2026-03-01T08:00:00Z
                path: /Team/Sub/notes
                revision: EE1XBB4e
                sha256: 2110fe6cb0c7b717df7953d104d89f55dcc3a0d1b8519100d790bd30058f30c1
                size: 10
                type: text/plain
                permission 07960286522194355700: owner me@example.com
                revision 0B7NBwWxuadIWiuot9HMyltdoHHUG_BOaaZd5WrorXT6SB2iHmB: 2026-03-01T08:00:00Z 10 bytes by Me
            "#]],
        );
        world.check(
            r#"info {"file": "costs", "include": ["tabs"]}"#,
            &expect![[r#"
            [Costs]
            id: costs
            modified: 2026-03-01T08:00:00Z
            revision: v2
            size: 0
            type: application/vnd.google-apps.spreadsheet
            tab: Q1 (1000 rows, 26 columns)
            tab: Q2 (1000 rows, 26 columns)
        "#]],
        );
        world.check(
            r#"info {"file": "nothing"}"#,
            &expect![[r#"
            error: not_found: `nothing` is not there, or can't be seen from here
            next: check the id; search and list show what there is"#]],
        );
    }

    #[test]
    fn a_path_begins_at_the_allowed_folder() {
        let world = World::office();
        world.check_with(
            &["--folder=sub"],
            r#"info {"file": "notes", "include": ["path"]}"#,
            &expect![[r#"
                [notes]
                id: notes
                modified: 2026-03-01T08:00:00Z
                path: /Sub/notes
                revision: EE1XBB4e
                sha256: 2110fe6cb0c7b717df7953d104d89f55dcc3a0d1b8519100d790bd30058f30c1
                size: 10
                type: text/plain
            "#]],
        );
    }
}
