//! The files that it changes.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};

use super::state::State;
use crate::answer::Answer;
use crate::fetch::{Common as _, OfNumber, Position, View, items, list, of_repo};
use crate::shapes::FILE;
use crate::source::Source;

pub(super) struct Files;

const VIEW: View = View::table("files", FILE);

impl Tool<Source> for Files {
    type Effect = Read;
    type Args = OfNumber;
    type Output = Answer;

    fn plan(args: &OfNumber) -> Need {
        Need::new(Effect::Read).resource(args.repo())
    }

    async fn run(cx: Cx<'_, Source, Read>, args: OfNumber) -> Result<Answer, ToolError> {
        let page = args.page();
        page.check(&VIEW)?;
        let repo = cx.source().repo(args.repo()).await?;
        let pull = repo.route().at("pulls").number(args.number);
        let state = State::read(cx.source(), &pull).await?;
        let mut at = Position::resume(&cx, &page)?;
        if page.cursor.is_some() {
            state.check(at.of)?;
        }
        at.of = Some(state.mark);
        let route = pull.at("files").query("per_page", page.n()?).query("page", at.page);
        let reply = cx.source().read(&route).await?;
        let found = items(reply.value, VIEW.key)?;
        let answer = list(&cx, &found, &VIEW, &page, (at, reply.has_next))?;
        Ok(state.told(answer.headed(&of_repo(VIEW.title, &repo, &args.subject()))))
    }
}
