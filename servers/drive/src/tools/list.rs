//! `list`: what lies in a folder.

use std::future::Future;
use std::pin::Pin;

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rows::{self, Answer};
use crate::source::{Found, Place, Source};

/// What is shown of a folder within the one that is listed.
const NESTED: usize = 50;

/// Folders that are looked into for one answer.
const MOST_FOLDERS: usize = 40;

pub(crate) struct ListFolder;

/// List a folder, folders first.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// Default: the allowed folder, or My Drive
    folder: Option<String>,
    /// 1 to 3
    depth: Option<u8>,
    /// default 100
    limit: Option<usize>,
    cursor: Option<String>,
}

impl Tool<Source> for ListFolder {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(args: &Args) -> Need {
        args.folder.iter().fold(Need::new(Effect::Read), Need::resource)
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let page = rows::page(&cx, args.cursor.as_deref())?;
        let allowed = cx.source().folders().await?;
        if args.folder.is_none()
            && let Some(folders) = allowed.filter(|folders| folders.len() > 1)
        {
            return Ok(roots(folders));
        }
        let folder = match &args.folder {
            Some(folder) => cx.source().find(folder).await?,
            None => cx.source().find("/").await?,
        };
        let limit = args.limit.unwrap_or(100).clamp(1, 500);
        let depth = args.depth.unwrap_or(1).clamp(1, 3);
        let listed = cx.source().children(&folder, limit, page).await?;
        let mut answer = Answer::about(format!("{} in {}", listed.files.len(), folder.name()));
        if listed.filtered > 0 {
            answer.note(&format!("filtered: {}", listed.filtered));
        }
        answer.next = rows::next(&cx, listed.next);
        if !listed.files.is_empty() {
            answer.body.push_str(rows::COLUMNS);
        }
        let mut left = MOST_FOLDERS;
        tree(&cx, &mut answer, (&listed.files, depth - 1, 0), &mut left).await?;
        Ok(answer)
    }
}

/// The folders of the settings, where there are several.
fn roots(folders: Vec<(String, String)>) -> Answer {
    let mut answer = Answer::about(format!("{} folders are allowed", folders.len()));
    for (id, name) in folders {
        let line = format!("{id}\tfolder\t\t\t{}/\n", rows::plain(&name));
        answer.push(&line, serde_json::json!({"id": id, "type": "folder", "name": name}));
    }
    answer
}

type Doing<'a> = Pin<Box<dyn Future<Output = Result<(), ToolError>> + Send + 'a>>;

fn tree<'a>(
    cx: &'a Cx<'_, Source, Read>,
    answer: &'a mut Answer,
    (files, depth, indent): (&'a [Found], u8, usize),
    left: &'a mut usize,
) -> Doing<'a> {
    Box::pin(async move {
        let margin = "  ".repeat(indent);
        for found in files {
            answer.push(&format!("{margin}{}", rows::line(found)), rows::item(found));
            if depth == 0 || !found.is_folder() {
                continue;
            }
            if *left == 0 || answer.body.len() > cx.max_output() {
                answer
                    .body
                    .push_str(&format!("{margin}  … not looked into: list {}\n", found.id()));
                continue;
            }
            *left -= 1;
            let listed = cx.source().children(found, NESTED, Place::default()).await?;
            tree(cx, answer, (&listed.files, depth - 1, indent + 1), left).await?;
            if listed.next.is_some() {
                answer.body.push_str(&format!("{margin}  … more: list {}\n", found.id()));
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;

    use crate::testing::World;

    #[test]
    fn lists_folders_and_trees() {
        let world = World::office();
        world.check(
            r#"list {}"#,
            &expect![[r#"
            [2 in My Drive]
            id	type	size	modified	name
            private	folder		2026-03-01T08:00:00Z	Private/
            team	folder		2026-03-01T08:00:00Z	Team/
        "#]],
        );
        world.check(
            r#"list {"folder": "/Team", "depth": 3}"#,
            &expect![[r#"
            [10 in Team]
            id	type	size	modified	name
            sub	folder		2026-03-01T08:00:00Z	Sub/
              log	text/plain	6192	2026-03-01T08:00:00Z	log
              notes	text/plain	10	2026-03-01T08:00:00Z	notes
            blob	application/octet-stream	3	2026-03-01T08:00:00Z	blob
            book	xlsx	1219	2026-03-01T08:00:00Z	Book.xlsx
            costs	sheet	0	2026-03-01T08:00:00Z	Costs
            deck	slides	8	2026-03-01T08:00:00Z	Deck
            paper	pdf	619	2026-03-01T08:00:00Z	Paper.pdf
            photo	image/png	12	2026-03-01T08:00:00Z	photo.png
            plan	doc	78	2026-03-01T08:00:00Z	Plan 2026
            link	shortcut		2026-03-01T08:00:00Z	to notes
            out	shortcut		2026-03-01T08:00:00Z	to the diary
        "#]],
        );
        world.check(
            r#"list {"folder": "/Team/Plan 2026"}"#,
            &expect![[r#"
            error: not_suited: `Plan 2026` is no folder
            next: read shows what a file holds"#]],
        );
        world.check(
            r#"list {"folder": "/Nowhere"}"#,
            &expect![[r#"
            error: not_found: `/Nowhere` is not there, or can't be seen from here
            next: check the id; search and list show what there is"#]],
        );
    }

    #[test]
    fn several_allowed_folders_are_listed_first() {
        let world = World::office();
        world.check_with(
            &["--folder=team", "--folder=shared"],
            r#"list {}"#,
            &expect![[r#"
            [2 folders are allowed]
            team	folder			Team/
            shared	folder			Company/
        "#]],
        );
        world.check_with(
            &["--folder=/Team"],
            r#"list {}"#,
            &expect![[r#"
            [9 in Team; filtered: 1]
            id	type	size	modified	name
            sub	folder		2026-03-01T08:00:00Z	Sub/
            blob	application/octet-stream	3	2026-03-01T08:00:00Z	blob
            book	xlsx	1219	2026-03-01T08:00:00Z	Book.xlsx
            costs	sheet	0	2026-03-01T08:00:00Z	Costs
            deck	slides	8	2026-03-01T08:00:00Z	Deck
            paper	pdf	619	2026-03-01T08:00:00Z	Paper.pdf
            photo	image/png	12	2026-03-01T08:00:00Z	photo.png
            plan	doc	78	2026-03-01T08:00:00Z	Plan 2026
            link	shortcut		2026-03-01T08:00:00Z	to notes
        "#]],
        );
    }
}
