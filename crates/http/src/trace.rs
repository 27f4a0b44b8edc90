//! The caller's trace goes on to the upstream, and to no other host: one that a redirect leads to
//! learns nothing of who asked.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use lockkeeper_core::Ongoing;
use tower::{ServiceExt as _, service_fn};

use crate::{Request, Stack};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The layer. It stands where every hop of a redirect passes; `hosts` are names without ports.
pub(crate) fn trace(inner: Stack, hosts: Arc<[String]>) -> Stack {
    Stack::new(service_fn(move |mut request: Request| {
        let (inner, hosts) = (inner.clone(), Arc::clone(&hosts));
        async move {
            let host = request.uri().host().unwrap_or_default();
            if hosts.iter().any(|known| known.eq_ignore_ascii_case(host)) {
                mark(&mut request);
            }
            inner.oneshot(request).await
        }
    }))
}

fn mark(request: &mut Request) {
    let Some(ongoing) = Ongoing::current() else { return };
    let Some(trace) = ongoing.trace() else { return };
    let Ok(parent) = HeaderValue::try_from(trace.child_header()) else { return };
    let headers = request.headers_mut();
    headers.insert(TRACEPARENT, parent);
    if let Some(state) = trace.state().and_then(|state| HeaderValue::from_str(state).ok()) {
        headers.insert(TRACESTATE, state);
    }
}

#[cfg(test)]
mod tests;
