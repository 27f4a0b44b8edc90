//! A gist goes.

use http::Method;
use lockkeeper_core::{Cx, Destroy, Effect, Need, Tool, ToolError};

use super::OfGist;
use crate::change::Done;
use crate::source::Source;

pub(super) struct Delete;

impl Tool<Source> for Delete {
    type Effect = Destroy;
    type Args = OfGist;
    type Output = Done;

    fn plan(args: &OfGist) -> Need {
        Need::new(Effect::Destroy).loses(format!("gist {}", args.id))
    }

    async fn run(cx: Cx<'_, Source, Destroy>, args: OfGist) -> Result<Done, ToolError> {
        let gist = cx.source().gist(&args.id).await?;
        let route = gist.route()?;
        let method = (Method::DELETE, &route);
        cx.source().change(cx.grant(), gist.target()?, method, None).await?;
        Ok(Done { done: format!("deleted {}", gist.called()), ..Done::default() })
    }
}
