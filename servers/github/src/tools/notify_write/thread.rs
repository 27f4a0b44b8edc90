//! What all methods on one thread have in common: whose thread it is has to be known first.

use std::marker::PhantomData;

use http::Method;
use lockkeeper_core::{Change, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::change::Done;
use crate::source::{Route, Source, SourceError, Target};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    id: u64,
}

/// A method on a thread.
pub(super) trait Thread: Send + Sync + 'static {
    const DONE: &'static str;

    /// The request for the thread at this route.
    fn request(thread: Route) -> (Method, Route, Option<Value>);
}

/// A [`Thread`] as a tool's method.
pub(super) struct OnThread<T>(PhantomData<T>);

impl<T: Thread> Tool<Source> for OnThread<T> {
    type Effect = Change;
    type Args = Args;
    type Output = Done;

    fn plan(_args: &Args) -> Need {
        Need::new(Effect::Change)
    }

    async fn run(cx: Cx<'_, Source, Change>, args: Args) -> Result<Done, ToolError> {
        let route = Route::outside("notifications").at("threads").number(args.id);
        let mut thread = cx.source().read(&route).await?.value;
        if !cx.source().admit(&mut thread, None) {
            return Err(SourceError::NotFound { asked: format!("notification {}", args.id) }.into());
        }
        let (method, route, body) = T::request(route);
        cx.source().change(cx.grant(), Target::Own, (method, &route), body).await?;
        Ok(Done { done: format!("{} {}", T::DONE, args.id), ..Done::default() })
    }
}
