//! Its README, as text.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};

use crate::answer::Answer;
use crate::fetch::{Common as _, InRepo};
use crate::source::Source;
use crate::text::{Lines, Window, file_answer};

pub(super) struct Readme;

impl Tool<Source> for Readme {
    type Effect = Read;
    type Args = InRepo;
    type Output = Answer;

    fn plan(args: &InRepo) -> Need {
        Need::new(Effect::Read).resource(args.repo())
    }

    async fn run(cx: Cx<'_, Source, Read>, args: InRepo) -> Result<Answer, ToolError> {
        let repo = cx.source().repo(args.repo()).await?;
        let reply = cx.source().read(&repo.route().at("readme")).await?;
        let window = Window { lines: Lines::default(), numbered: false };
        file_answer(&cx, &repo, &reply.value, args.page().cursor, window).await
    }
}
