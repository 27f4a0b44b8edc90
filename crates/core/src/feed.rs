//! Changes for hosts without subscriptions: the same watches behind the same gate, told in the answer
//! of a call. A feed is kept for a while between two calls, so that nothing in between is missed;
//! where it isn't kept any more, whatever it told of is said to have changed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

use crate::answer::Output;
use crate::changes::{Bus, Listening, Queue};
use crate::context::{Call, Cx};
use crate::effect::Read;
use crate::error::ToolError;
use crate::resource::{RegisteredResource, matches};
use crate::shelf::Shelf;

/// Seconds that a call waits unless it says otherwise.
const PATIENCE: u64 = 20;
/// As many resources one call names, and one answer.
const MOST: usize = 100;
/// As many calls wait at once, and as many feeds are kept between two calls, for so long.
const MOST_WAITING: usize = 4;
const MOST_KEPT: usize = 8;
const KEPT: Duration = Duration::from_mins(2);
/// What changes together is told together.
const TOGETHER: Duration = Duration::from_millis(50);

/// What a call wants to hear of.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Resources by their URIs.
    pub uris: Vec<String>,
    /// The longest wait in seconds.
    pub max_wait: Option<u64>,
    /// The most resources that are named in the answer.
    pub max_items: Option<usize>,
    /// Where the last answer ended.
    pub cursor: Option<String>,
}

/// What has changed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Changes {
    /// changed, unchanged, or running: go on with next
    state: &'static str,
    changed: Vec<Change>,
    #[serde(skip_serializing_if = "is_zero")]
    left: usize,
    next: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Change {
    uri: String,
    /// it may have changed while nobody watched
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    gap: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl Output for Changes {
    fn truncated(&self) -> bool {
        self.left > 0
    }
}

/// The feeds of a server.
pub(crate) struct Feeds<S: 'static> {
    bus: Arc<Bus>,
    /// Those that may be read.
    resources: Vec<&'static RegisteredResource<S>>,
    waiting: Semaphore,
    kept: Shelf<Feed>,
}

/// What somebody hears of between two calls.
#[derive(Default)]
struct Feed {
    queue: Arc<Queue>,
    listening: Vec<(String, Listening)>,
}

impl<S: Send + Sync + 'static> Feeds<S> {
    pub(crate) fn new(bus: Arc<Bus>, resources: Vec<&'static RegisteredResource<S>>) -> Self {
        let waiting = Semaphore::new(MOST_WAITING);
        Self { bus, resources, waiting, kept: Shelf::new(MOST_KEPT, KEPT) }
    }

    /// Listens to a resource as a subscription to it does.
    async fn listen(
        &self,
        call: &Arc<Call<S>>,
        uri: &str,
        queue: &Arc<Queue>,
    ) -> Result<Listening, ToolError> {
        let found = self
            .resources
            .iter()
            .find_map(|resource| Some((resource.watch?, matches(resource.template, uri)?)));
        let (watch, variables) = found.ok_or_else(|| {
            ToolError::new("not_found", "there is nothing of that name whose changes are told")
        })?;
        let open = |changed| watch(Arc::clone(call), variables, changed);
        self.bus.listen(uri, queue, open).await
    }
}

impl<S: Send + Sync + 'static> Cx<'_, S, Read> {
    /// Waits until one of these resources changes; which of them did since the last answer.
    pub async fn changes(&self, wanted: Wanted) -> Result<Changes, ToolError> {
        let Wanted { uris, max_wait, max_items, cursor } = wanted;
        if uris.is_empty() || uris.len() > MOST {
            let problem = format!("{} names were given", uris.len());
            return Err(ToolError::invalid_arguments(problem).hint(format!("give 1 to {MOST}")));
        }
        let call = self.call();
        let feeds = &call.feeds;
        let began = Instant::now();
        let resumed = self.resume(cursor.as_deref())?;
        let _place = feeds.waiting.try_acquire().map_err(|_| {
            ToolError::new("busy", format!("{MOST_WAITING} calls wait for changes already"))
                .hint("name all in one call, or wait until another call has ended")
                .retry_after_s(5)
        })?;
        let id = resumed.as_deref().and_then(<[u64]>::first);
        let kept = id.and_then(|id| feeds.kept.take(*id));
        let is_gap = resumed.is_some() && kept.is_none();
        let mut feed = kept.unwrap_or_default();
        feed.listening.retain(|(_, listening)| listening.is_watched());
        for uri in &uris {
            if !feed.listening.iter().any(|(heard, _)| heard == uri) {
                let listening = feeds.listen(call, uri, &feed.queue).await?;
                feed.listening.push((uri.clone(), listening));
            }
        }
        if is_gap {
            for uri in &uris {
                feed.queue.add(uri, true);
            }
        }
        let wish = began + Duration::from_secs(max_wait.unwrap_or(PATIENCE).min(86_400));
        let until = wish.min(call.stop.due_at());
        if timeout_at(until.into(), feed.queue.filled()).await.is_ok() {
            tokio::time::sleep(TOGETHER).await;
        }
        // URIs are long: a page holds as many as fit for sure.
        let fit = self.max_output() / 4 / uris.iter().map(String::len).max().unwrap_or(1).max(64);
        let most = max_items.unwrap_or(MOST).clamp(1, fit.max(1));
        let (changed, left) = feed.queue.take(most);
        let state = match changed.is_empty() {
            false => "changed",
            true if until < wish => "running",
            true => "unchanged",
        };
        let changed = changed.into_iter().map(|(uri, gap)| Change { uri, gap }).collect();
        let next = self.next(&[feeds.kept.keep(feed)]);
        Ok(Changes { state, changed, left, next })
    }
}
