//! Subscriptions in both eras: `resources/subscribe` and `unsubscribe`, one set for a connection;
//! and `subscriptions/listen`, each with a set of its own that ends with the request.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rmcp::model::{
    ErrorData, GetMeta as _, ResourceUpdatedNotification, ResourceUpdatedNotificationParam,
    ServerNotification, SubscribeRequestParams, UnsubscribeRequestParams,
};
use rmcp::service::{RequestContext, RoleServer, SubscriptionContext};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{Handler, NO_SUCH_RESOURCE, caller, echoed, kept};
use crate::changes::{Listening, MOST_LISTENED, Queue};
use crate::context::Nobody;
use crate::error::ToolError;
use crate::metrics::Noted;
use crate::pipeline::{Caller, Reading};
use crate::text::truncate_at_char;
use crate::trace::Trace;

/// In the `_meta` of a notice: there may have been more changes than were seen.
const GAP: &str = "lockkeeper/gap";

/// The part of a filter that names resources.
const FILTER: &str = "resourceSubscriptions";

/// What an older client is subscribed to. Nothing of it runs without a subscription.
#[derive(Default)]
pub(super) struct Session {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queue: Arc<Queue>,
    listening: HashMap<String, Listening>,
    sending: Option<AbortOnDropHandle<()>>,
}

impl Session {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, uri: &str) -> bool {
        self.lock().listening.contains_key(uri)
    }
}

/// What one `subscriptions/listen` listens to, as long as its request lives.
pub(crate) struct Listened {
    queue: Arc<Queue>,
    _listening: Vec<Listening>,
}

impl<S: Send + Sync + 'static> Handler<S> {
    /// Whether there is anything to subscribe to.
    pub(super) fn is_watchable(&self) -> bool {
        self.visible_resources().any(|resource| resource.watch.is_some())
    }

    pub(super) async fn subscribe_to(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let uri = request.uri;
        let queue = {
            let state = self.session.lock();
            if state.listening.get(&uri).is_some_and(Listening::is_watched) {
                return Ok(());
            }
            Arc::clone(&state.queue)
        };
        let listened = self.listen_to(&uri, &queue, "resources/subscribe", caller(&context)).await;
        let listening = listened.map_err(|error| match error.code() {
            "not_found" => ErrorData::resource_not_found(NO_SUCH_RESOURCE, Some(echoed(&uri))),
            _ if error.is_ours() => ErrorData::internal_error(error.text(), Some(echoed(&uri))),
            _ => ErrorData::invalid_params(error.text(), Some(echoed(&uri))),
        })?;
        let mut state = self.session.lock();
        state.listening.insert(uri, listening);
        if state.sending.is_none() {
            let session = Arc::downgrade(&self.session);
            let backlog = Arc::clone(&self.pipeline.backlog);
            let peer = context.peer;
            #[expect(clippy::disallowed_methods, reason = "it ends with the last subscription")]
            let task = tokio::spawn(async move {
                loop {
                    let (uri, gap) = queue.next(&backlog).await;
                    let Some(session) = session.upgrade() else { return };
                    if session.has(&uri) && peer.send_notification(notice(uri, gap)).await.is_err()
                    {
                        return;
                    }
                }
            });
            state.sending = Some(AbortOnDropHandle::new(task));
        }
        Ok(())
    }

    /// Unsubscribing from what nobody subscribed to is no error: it is so already.
    pub(super) fn unsubscribe_from(&self, request: &UnsubscribeRequestParams) {
        let mut state = self.session.lock();
        state.listening.remove(&request.uri);
        if state.listening.is_empty() {
            state.sending = None;
        }
    }

    /// Begins to watch what a `subscriptions/listen` asks for, before it is acknowledged: what can't
    /// be watched is left out, which its client gets to see.
    pub(super) async fn open_listen(
        &self,
        asked: Vec<String>,
        caller: impl Fn() -> Caller,
    ) -> (Vec<String>, Arc<Listened>) {
        let queue = Arc::<Queue>::default();
        let mut listening = Vec::new();
        let mut accepted = Vec::new();
        for uri in BTreeSet::from_iter(asked).into_iter().take(MOST_LISTENED) {
            if let Ok(one) = self.listen_to(&uri, &queue, "subscriptions/listen", caller()).await {
                listening.push(one);
                accepted.push(uri);
            }
        }
        (accepted, Arc::new(Listened { queue, _listening: listening }))
    }

    /// The same for a message that came over HTTP, in which the filter is then what was accepted.
    pub(crate) async fn open_listen_of(
        &self,
        message: &mut Value,
        noted: &Arc<Noted>,
    ) -> Arc<Listened> {
        let meta = message.pointer("/params/_meta").cloned().unwrap_or_default();
        let text = |name: &str| meta.get(name).and_then(Value::as_str);
        let info = meta.get("io.modelcontextprotocol/clientInfo");
        let told = |name: &str| info.and_then(|info| info.get(name)).and_then(Value::as_str);
        let mut client = told("name").map_or_else(String::new, |name| {
            format!("{name}/{}", told("version").unwrap_or_default())
        });
        truncate_at_char(&mut client, 100);
        let trace = text("traceparent").and_then(|one| Trace::read(one, text("tracestate")));
        let caller = || Caller {
            // Dropped with its connection, and needs no token for that.
            cancelled: CancellationToken::new(),
            client: client.clone(),
            host: Arc::new(Nobody),
            trace: trace.clone(),
            noted: Arc::clone(noted),
        };
        let filter = message.pointer_mut("/params/notifications").and_then(Value::as_object_mut);
        let asked = filter.as_ref().and_then(|filter| filter.get(FILTER)?.as_array().cloned());
        let asked = asked.unwrap_or_default();
        let asked = asked.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let (accepted, listened) = self.open_listen(asked, caller).await;
        if let Some(filter) = filter {
            filter.remove(FILTER);
            if !accepted.is_empty() {
                filter.insert(FILTER.to_owned(), json!(accepted));
            }
        }
        listened
    }

    /// Tells of changes until the client cancels the request, or the connection ends.
    pub(super) async fn listen_on(&self, context: SubscriptionContext) {
        let Some(listened) = kept::<Arc<Listened>>(context.request_context()) else { return };
        let told = async {
            loop {
                let (uri, gap) = listened.queue.next(&self.pipeline.backlog).await;
                if context.sink().send(notice(uri, gap)).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = context.cancelled() => {}
            () = self.draining.cancelled() => {}
            () = told => {}
        }
    }

    /// The gate of each subscription: that of reading the same resource.
    async fn listen_to(
        &self,
        uri: &str,
        queue: &Arc<Queue>,
        route: &'static str,
        caller: Caller,
    ) -> Result<Listening, ToolError> {
        let watched = self.resource(uri);
        let watched = watched.and_then(|(one, variables)| Some((one.tool, one.watch?, variables)));
        let Some((tool, watch, variables)) = watched else {
            caller.noted.error("not_found");
            return Err(ToolError::new("not_found", NO_SUCH_RESOURCE));
        };
        let reading = Reading { route, tool, resource: Some(uri), caller };
        let bus = Arc::clone(&self.pipeline.bus);
        let listened = self.pipeline.read(reading, async |call| {
            bus.listen(uri, queue, |changed| watch(call, variables, changed)).await
        });
        Ok(listened.await?.0)
    }
}

fn notice(uri: String, gap: bool) -> ServerNotification {
    let param = ResourceUpdatedNotificationParam::new(uri);
    let notice = ResourceUpdatedNotification::new(param);
    let mut notice = ServerNotification::ResourceUpdatedNotification(notice);
    if gap {
        notice.get_meta_mut().0.0.insert(GAP.to_owned(), json!(true));
    }
    notice
}
