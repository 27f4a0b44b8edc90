//! Changes of resources, on their way from a source to those who subscribed. A resource is watched
//! once, however many listen, and only as long as somebody does. What travels is its URI: what
//! changed is read then, by the same rules as ever. A listener's queue holds each URI once, however
//! often it changes, so a burst costs no memory and a client that reads slowly misses nothing.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{Notify, OnceCell};
use tokio_util::task::AbortOnDropHandle;

use crate::backlog::Backlog;
use crate::error::ToolError;

/// Notices to one listener come in batches, this far apart at least.
const PAUSE: Duration = Duration::from_millis(50);

/// So many subscriptions a process has, of all its connections.
pub(crate) const MOST_LISTENED: usize = 1_000;

/// The source's end of a watch: where it says that the resource has changed. Cheap to clone and to
/// use, from anywhere.
#[derive(Debug, Clone)]
pub struct Changed(Arc<Topic>);

impl Changed {
    /// The resource has changed.
    pub fn now(&self) {
        self.0.tell(false);
    }

    /// It may have changed unseen, for example while a connection was down: listeners are told so.
    pub fn gap(&self) {
        self.0.tell(true);
    }
}

/// A watch under way. It ends when this is dropped, and with it all that it asked of the upstream.
pub struct Watch {
    _guard: Box<dyn Any + Send + Sync>,
}

impl Watch {
    /// A watch that lasts as long as `guard` lives.
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self { _guard: Box::new(guard) }
    }

    /// A watch that `work` does, which is stopped at its next wait. It goes on for ever, or gives
    /// the reason why it can't: listeners are told of a gap then, since nobody watches any more.
    pub fn run(changed: Changed, work: impl Future<Output = ToolError> + Send + 'static) -> Self {
        let work = async move {
            let ended = AssertUnwindSafe(work).catch_unwind().await;
            let error = ended.unwrap_or_else(|_| ToolError::internal());
            tracing::warn!(error = error.message(), "a subscription isn't watched any more");
            changed.0.has_ended.store(true, Ordering::Relaxed);
            changed.gap();
        };
        #[expect(clippy::disallowed_methods, reason = "it ends with the watch")]
        let task = tokio::spawn(work);
        Self::new(AbortOnDropHandle::new(task))
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

/// A resource that is watched, and who listens.
#[derive(Debug)]
struct Topic {
    uri: String,
    queues: Mutex<BTreeMap<u64, Arc<Queue>>>,
    /// Its watch gave up: who listens from now on needs another.
    has_ended: AtomicBool,
    told: Arc<AtomicU64>,
}

impl Topic {
    fn tell(&self, gap: bool) {
        for queue in lock(&self.queues).values() {
            queue.add(&self.uri, gap);
        }
        self.told.fetch_add(1, Ordering::Relaxed);
    }
}

/// All that is watched.
#[derive(Debug, Default)]
pub(crate) struct Bus {
    watched: Mutex<HashMap<String, Weak<Watched>>>,
    listeners: AtomicU64,
    live: Arc<AtomicUsize>,
    told: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Watched {
    topic: Arc<Topic>,
    watch: OnceCell<Watch>,
}

/// Somebody listens to one resource, until this is dropped.
#[derive(Debug)]
pub(crate) struct Listening {
    number: u64,
    watched: Arc<Watched>,
    live: Arc<AtomicUsize>,
}

impl Listening {
    /// Whether its resource is still watched.
    pub(crate) fn is_watched(&self) -> bool {
        !self.watched.topic.has_ended.load(Ordering::Relaxed)
    }
}

impl Bus {
    /// Puts changes of the resource into `queue` from now on. It is watched by what `open` makes,
    /// unless it is watched already.
    pub(crate) async fn listen<F>(
        &self,
        uri: &str,
        queue: &Arc<Queue>,
        open: impl FnOnce(Changed) -> F + Send,
    ) -> Result<Listening, ToolError>
    where
        F: Future<Output = Result<Watch, ToolError>> + Send,
    {
        let watched = self.watched(uri);
        let number = self.listeners.fetch_add(1, Ordering::Relaxed);
        let before = self.live.fetch_add(1, Ordering::Relaxed);
        // From here on dropped with this call if it is.
        let listening = Listening { number, watched, live: Arc::clone(&self.live) };
        if before >= MOST_LISTENED {
            let problem = format!("there are {MOST_LISTENED} subscriptions already");
            return Err(ToolError::new("too_many", problem).hint("end some first"));
        }
        lock(&listening.watched.topic.queues).insert(number, Arc::clone(queue));
        let Watched { topic, watch } = &*listening.watched;
        watch.get_or_try_init(|| open(Changed(Arc::clone(topic)))).await?;
        Ok(listening)
    }

    /// How many resources are watched, and how often one was said to have changed.
    pub(crate) fn counts(&self) -> (usize, u64) {
        let watched = lock(&self.watched);
        let live = watched.values().filter(|watched| watched.strong_count() > 0).count();
        (live, self.told.load(Ordering::Relaxed))
    }

    fn watched(&self, uri: &str) -> Arc<Watched> {
        let mut all = lock(&self.watched);
        all.retain(|_, watched| watched.strong_count() > 0);
        if let Some(watched) = all.get(uri).and_then(Weak::upgrade)
            && !watched.topic.has_ended.load(Ordering::Relaxed)
        {
            return watched;
        }
        let told = Arc::clone(&self.told);
        let (queues, has_ended) = (Mutex::default(), AtomicBool::new(false));
        let topic = Topic { uri: uri.to_owned(), queues, has_ended, told };
        let watched = Arc::new(Watched { topic: Arc::new(topic), watch: OnceCell::new() });
        all.insert(uri.to_owned(), Arc::downgrade(&watched));
        watched
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        lock(&self.watched.topic.queues).remove(&self.number);
        self.live.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What one listener has still to be told.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<Told>,
    stirred: Notify,
}

#[derive(Debug, Default)]
struct Told {
    /// By URI; true after a gap.
    changed: BTreeMap<String, bool>,
    /// Something was handed on since the last pause.
    is_busy: bool,
}

impl Queue {
    pub(crate) fn add(&self, uri: &str, gap: bool) {
        let mut state = lock(&self.state);
        if let Some(known) = state.changed.get_mut(uri) {
            *known |= gap;
            return;
        }
        state.changed.insert(uri.to_owned(), gap);
        drop(state);
        self.stirred.notify_one();
    }

    /// Waits until something has changed.
    pub(crate) async fn filled(&self) {
        while lock(&self.state).changed.is_empty() {
            self.stirred.notified().await;
        }
    }

    /// Resources that have changed, each with whether that is after a gap, and how many are left.
    pub(crate) fn take(&self, most: usize) -> (Vec<(String, bool)>, usize) {
        let mut state = lock(&self.state);
        let changed = &mut state.changed;
        let taken = std::iter::from_fn(|| changed.pop_first()).take(most).collect();
        (taken, changed.len())
    }

    /// The next resource that has changed, and whether that is after a gap. One at a time, so that
    /// what changes while others are sent still counts as one.
    pub(crate) async fn next(&self, backlog: &Backlog) -> (String, bool) {
        loop {
            backlog.low().await;
            let pause = {
                let mut state = lock(&self.state);
                let next = state.changed.pop_first();
                let was_busy = std::mem::replace(&mut state.is_busy, next.is_some());
                match next {
                    Some(next) => return next,
                    None => was_busy,
                }
            };
            if pause {
                tokio::time::sleep(PAUSE).await;
            } else {
                self.stirred.notified().await;
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
