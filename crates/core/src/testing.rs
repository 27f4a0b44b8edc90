//! A server without a process around it, for lockkeeper-testkit.

use std::time::Instant;

use serde_json::Value;
use tokio::io::DuplexStream;
use tokio_util::sync::CancellationToken;

use crate::cli::Served;
use crate::effect::{Effect, EffectKind, Grant};
pub use crate::handler::beside::Beside;
use crate::ongoing::Ongoing;
use crate::server::{Server, serve};
use crate::stdio;
use crate::trace::Trace;

/// Serves `S`, started with these arguments, over one end of an in-memory connection until the
/// other end is closed. No environment is read and nothing is kept, but what the arguments name.
///
/// # Errors
///
/// Whatever `S` would print and end with.
pub fn serve_in_memory<S: Server>(
    arguments: &[&str],
) -> Result<(DuplexStream, impl Future<Output = ()> + Send + use<S>), String> {
    let served = Served::<S>::from_args(arguments)?;
    let (client, server) = tokio::io::duplex(1024 * 1024);
    let streams = stdio::over(server);
    let serving = serve(served.pipeline, served.identity, streams, CancellationToken::new());
    Ok((client, serving))
}

/// Runs `work` as a call's body would run that ends at `deadline`, with this `traceparent`.
pub async fn during<T>(
    deadline: Instant,
    traceparent: Option<&str>,
    work: impl Future<Output = T>,
) -> T {
    let trace = traceparent.and_then(|text| Trace::read(text, None));
    Ongoing::new(deadline, trace).during(work).await
}

/// A grant that no pipeline gave, for tests of a source's operations.
pub fn grant<E: EffectKind>() -> Grant<E> {
    Grant::new()
}

/// Every tool of `S` with its effects (weakest and strongest), whatever a policy says.
pub fn registered<S: Server>() -> Vec<(&'static str, Effect, Effect)> {
    S::tools().iter().map(|tool| (tool.name(), tool.effects().0, tool.effects().1)).collect()
}

/// The definitions that `S`, started with these arguments, lists.
pub fn definitions<S: Server>(arguments: &[&str]) -> Result<Vec<Value>, String> {
    let served = Served::<S>::from_args(arguments)?;
    let definitions = served.pipeline.catalog.definitions();
    definitions.map(|one| serde_json::to_value(one).map_err(|error| error.to_string())).collect()
}
