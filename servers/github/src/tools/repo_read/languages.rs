//! The languages that it is written in, by bytes.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use serde_json::{Value, json};

use crate::answer::{Answer, Shape, f};
use crate::fetch::{Common as _, InRepo, Position, View, list, of_repo};
use crate::source::Source;

pub(super) struct Languages;

const VIEW: View = View::table("languages", SHAPE).whole();

const SHAPE: Shape = &[f("language", "language"), f("bytes", "bytes")];

impl Tool<Source> for Languages {
    type Effect = Read;
    type Args = InRepo;
    type Output = Answer;

    fn plan(args: &InRepo) -> Need {
        Need::new(Effect::Read).resource(args.repo())
    }

    async fn run(cx: Cx<'_, Source, Read>, args: InRepo) -> Result<Answer, ToolError> {
        let page = args.page();
        page.check(&VIEW)?;
        let repo = cx.source().repo(args.repo()).await?;
        let reply = cx.source().read(&repo.route().at("languages")).await?;
        let languages = reply.value.as_object().cloned().unwrap_or_default();
        let mut items: Vec<Value> = languages
            .into_iter()
            .map(|(language, bytes)| json!({"language": language, "bytes": bytes}))
            .collect();
        items.sort_by_key(|item| std::cmp::Reverse(item.get("bytes").and_then(Value::as_u64)));
        let at = Position::resume(&cx, &page)?;
        let answer = list(&cx, &items, &VIEW, &page, (at, false))?;
        Ok(answer.headed(&of_repo(VIEW.title, &repo, "")))
    }
}
