//! `search`: files by what they hold, are called, or are.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rows::{self, Answer};
use crate::source::{Kind, Listed, Order, Search, Source};

pub(crate) struct SearchFiles;

/// Search files by full text, name and other properties, newest or best first.
///
/// Full text is sorted by relevance only.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    text: Option<String>,
    /// Begins a word of the name
    name: Option<String>,
    r#type: Option<Kind>,
    /// Folder, with all beneath
    r#in: Option<String>,
    modified_after: Option<String>,
    modified_before: Option<String>,
    owner: Option<String>,
    #[serde(default)]
    shared_with_me: bool,
    /// Drive's own query language, in place of the above
    query: Option<String>,
    order: Option<Order>,
    /// default 20, up to 100
    limit: Option<usize>,
    cursor: Option<String>,
}

impl Tool<Source> for SearchFiles {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(args: &Args) -> Need {
        args.r#in.iter().fold(Need::new(Effect::Read), Need::resource)
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let page = rows::page(&cx, args.cursor.as_deref())?;
        let limit = args.limit.unwrap_or(20).clamp(1, 100);
        let search = Search {
            text: args.text,
            name: args.name,
            kind: args.r#type,
            within: args.r#in,
            modified_after: args.modified_after,
            modified_before: args.modified_before,
            owner: args.owner,
            shared_with_me: args.shared_with_me,
            query: args.query,
            order: args.order,
        };
        let listed = cx.source().search(&search, limit, page).await?;
        Ok(answer(&cx, listed))
    }
}

fn answer(cx: &Cx<'_, Source, Read>, listed: Listed) -> Answer {
    let count = listed.files.len();
    let mut answer = Answer::about(match count {
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    });
    if cx.source().restricts() {
        answer.note(rows::FILTERED);
    }
    if listed.is_incomplete {
        answer.note("incomplete: Drive did not search everywhere; name `in`");
    }
    if listed.is_unordered {
        answer.note("by relevance: full text has no other order");
    }
    answer.next = rows::next(cx, listed.next);
    if count > 0 {
        answer.body.push_str(rows::COLUMNS);
    }
    for found in &listed.files {
        answer.push(&rows::line(found), rows::item(found));
    }
    answer
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;

    use crate::testing::World;

    #[test]
    fn finds_by_text_name_and_type() {
        let world = World::office();
        world.check(
            r#"search {"text": "budget"}"#,
            &expect![[r#"
            [1 file]
            id	type	size	modified	name
            plan	doc	78	2026-03-01T08:00:00Z	Plan 2026
        "#]],
        );
        world.check(
            r#"search {"name": "plan", "type": "doc"}"#,
            &expect![[r#"
            [1 file]
            id	type	size	modified	name
            plan	doc	78	2026-03-01T08:00:00Z	Plan 2026
        "#]],
        );
        world.check(
            r#"search {"text": "it's \\ \"odd\"", "order": "name"}"#,
            &expect![[r#"
            [1 file; by relevance: full text has no other order]
            id	type	size	modified	name
            plan	doc	78	2026-03-01T08:00:00Z	Plan 2026
        "#]],
        );
        world.check(
            r#"search {"query": "no such = field"}"#,
            &expect![[r#"
            error: invalid_arguments: Google refuses the request: Invalid Value
            next: correct the arguments that the message names"#]],
        );
        world.check(
            r#"search {"query": "starred = true", "name": "x"}"#,
            &expect!["error: invalid_arguments: `query` goes only with `in`, `order` and `limit`"],
        );
    }

    #[test]
    fn pages_hold_every_file_once() {
        let world = World::office();
        let whole = world.pages(&[], "search", serde_json::json!({"limit": 100, "order": "name"}));
        let paged = world.pages(&[], "search", serde_json::json!({"limit": 2, "order": "name"}));
        assert_eq!(whole.len(), 1);
        assert!(paged.len() > 3);
        let lines = |pages: &[String]| -> Vec<String> {
            pages.iter().flat_map(|page| page.lines().skip(2).map(str::to_owned)).collect()
        };
        assert_eq!(lines(&whole), lines(&paged));
    }

    #[test]
    fn what_lies_outside_is_not_told() {
        let world = World::office();
        let seen =
            world.call(&["--folder=team"], r#"search {"query": "trashed = false", "limit": 100}"#);
        assert!(!seen.contains("Diary") && !seen.contains("secret"), "{seen}");
        assert!(seen.contains("Plan 2026"), "{seen}");
        // Nor does it say whether anything outside fits.
        let fits = |name: &str| {
            let query = format!(r#"search {{"query": "name contains '{name}'"}}"#);
            world.call(&["--folder=team"], &query)
        };
        assert_eq!(fits("Diary"), fits("Nothing"));
        assert!(fits("Diary").starts_with("[0 files; filtered: "));
        let query =
            r#"search {"query": "trashed = false) or (name contains 'Diary'", "limit": 100}"#;
        let seen = world.call(&["--folder=team"], query);
        assert!(seen.starts_with("error: invalid_arguments: `query` closes"), "{seen}");
    }
}
