//! It is no longer starred.

use http::Method;
use lockkeeper_core::{Change, Cx, Effect, Need, Tool, ToolError};

use super::OfGist;
use crate::change::Done;
use crate::source::{Source, Target};

pub(super) struct Unstar;

impl Tool<Source> for Unstar {
    type Effect = Change;
    type Args = OfGist;
    type Output = Done;

    fn plan(_args: &OfGist) -> Need {
        Need::new(Effect::Change)
    }

    async fn run(cx: Cx<'_, Source, Change>, args: OfGist) -> Result<Done, ToolError> {
        let gist = cx.source().gist(&args.id).await?;
        let route = gist.route()?.at("star");
        cx.source()
            .change(
                cx.grant(),
                Target::Public("the stars of a gist"),
                (Method::DELETE, &route),
                None,
            )
            .await?;
        Ok(Done { done: format!("unstarred {}", gist.called()), ..Done::default() })
    }
}
