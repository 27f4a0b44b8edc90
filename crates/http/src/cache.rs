//! Answers that needn't be asked for again, or only whether they still hold. It keeps whole answers
//! with status 200 and nothing else: no errors, nothing partial, nothing that says "don't". Keys are
//! bound to whom the answers are for. Every change that goes through marks all that is kept as in
//! doubt, before it begins and after it ended, however it ended.

mod entry;
mod flight;
mod store;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{
    ACCEPT, AUTHORIZATION, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, PRAGMA, RANGE,
};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use http_body::Body as _;
use lockkeeper_core::{Cached, Upstream};
use tokio::time::Instant;
use tower::{ServiceExt as _, service_fn};

use self::entry::{Asked, Directives, Entry, Lifetimes, may_be_kept};
use self::flight::{Flights, Landing};
use self::store::Store;
use crate::fingerprint::Fingerprint;
use crate::gather::{Gathered, gather};
use crate::semantics::{Streamed, reads};
use crate::{Body, HttpError, Request, Response, Stack};

/// What a cache keeps, and how long.
#[derive(Debug, Clone, Copy)]
pub struct CacheSettings {
    /// At most so many answers.
    pub entries: usize,
    /// At most so many bytes of them in all, with their headers.
    pub bytes: usize,
    /// No answer whose body is longer than this, bytes.
    pub longest: usize,
    /// How long an answer holds that doesn't say so.
    pub unsaid: Duration,
    /// How long an answer holds at most, whatever it says.
    pub most: Duration,
}

impl Default for CacheSettings {
    /// Little memory, and nothing is believed for longer than a minute: others change what is
    /// there, too. Validators make up for the short time.
    fn default() -> Self {
        Self {
            entries: 1_024,
            bytes: 8 * 1024 * 1024,
            longest: 1024 * 1024,
            unsaid: Duration::ZERO,
            most: Duration::from_mins(1),
        }
    }
}

/// The answers of one upstream. Clones are the same cache: clients that speak with the same upstream
/// have to share one, so that a change through one of them is seen by all.
#[derive(Clone)]
pub struct Cache(Arc<Shared>);

struct Shared {
    settings: CacheSettings,
    store: Mutex<Store>,
    flights: Flights,
    /// How many changes have begun or ended.
    epoch: AtomicU64,
}

/// What a kept answer is for: all that decides about it but the headers it varies by. A digest, so
/// that no credential is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key([u8; 32]);

impl Cache {
    /// An empty cache.
    pub fn new(settings: CacheSettings) -> Self {
        Self(Arc::new(Shared {
            settings,
            store: Mutex::default(),
            flights: Flights::default(),
            epoch: AtomicU64::new(0),
        }))
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Asked {
        Asked { at: Instant::now(), epoch: self.0.epoch.load(Ordering::SeqCst) }
    }

    fn keep(&self, key: Key, entry: &Arc<Entry>) {
        let settings = &self.0.settings;
        self.store().put(key, Arc::clone(entry), settings.entries, settings.bytes);
    }

    fn lifetimes(&self) -> Lifetimes {
        Lifetimes { unsaid: self.0.settings.unsaid, longest: self.0.settings.most }
    }

    /// A change begins; it ends when this is dropped.
    fn change(&self) -> Changing<'_> {
        self.0.epoch.fetch_add(1, Ordering::SeqCst);
        Changing(self)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

struct Changing<'a>(&'a Cache);

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.0.0.epoch.fetch_add(1, Ordering::SeqCst);
    }
}

/// The layer. `partition` is a digest of whom its answers are for: principal and policy.
pub(crate) fn cache(inner: Stack, cache: Cache, upstream: Upstream, partition: [u8; 32]) -> Stack {
    let caching = Caching { inner, cache, upstream, partition };
    Stack::new(service_fn(move |request| caching.clone().run(request)))
}

#[derive(Clone)]
struct Caching {
    inner: Stack,
    cache: Cache,
    upstream: Upstream,
    partition: [u8; 32],
}

/// What the upstream was asked, and what came of it.
enum Came {
    /// An answer that is kept now.
    Kept(Arc<Entry>, Cached),
    /// Any other.
    Passed(Response),
}

impl Caching {
    async fn run(self, request: Request) -> Result<Response, HttpError> {
        let (parts, body) = request.into_parts();
        if !reads(&parts) {
            let _changing = self.cache.change();
            return self.ask(parts, body).await;
        }
        if !is_for_cache(&parts, &body) {
            self.upstream.cached(Cached::Bypassed);
            return self.ask(parts, body).await;
        }
        let key = self.key(&parts);
        let now = self.cache.now();
        // Whoever wants it anew gets it anew, alone; what comes is kept for the others.
        let is_anew = Directives::of(&parts.headers).no_cache || parts.headers.contains_key(PRAGMA);
        if is_anew {
            return self.settle(self.fetch(key, parts, None, now).await);
        }
        let stored = self.stored(key, &parts.headers);
        if let Some(entry) = stored.filter(|entry| entry.is_fresh(now)) {
            self.upstream.cached(Cached::Hit);
            return Ok(entry.response());
        }
        let seat = self.cache.0.flights.board((key, now.epoch));
        let flight = seat.flight();
        let mut landing = flight.lock().await;
        match &*landing {
            Landing::Open => {}
            Landing::Answer(entry) if entry.answers(&parts.headers) => {
                self.upstream.cached(Cached::Coalesced);
                return Ok(entry.response());
            }
            Landing::Answer(_) | Landing::Nothing => {
                drop(landing);
                let stored = self.stored(key, &parts.headers);
                return self.settle(self.fetch(key, parts, stored, self.cache.now()).await);
            }
        }
        let stored = self.stored(key, &parts.headers);
        let came = self.fetch(key, parts, stored, now).await;
        *landing = match &came {
            Ok(Came::Kept(entry, _)) => Landing::Answer(Arc::clone(entry)),
            Ok(Came::Passed(_)) | Err(_) => Landing::Nothing,
        };
        seat.landed();
        drop(landing);
        self.settle(came)
    }

    fn settle(&self, came: Result<Came, HttpError>) -> Result<Response, HttpError> {
        let how = match &came {
            Ok(Came::Kept(_, how)) => *how,
            Ok(Came::Passed(_)) | Err(_) => Cached::Miss,
        };
        self.upstream.cached(how);
        Ok(match came? {
            Came::Kept(entry, _) => entry.response(),
            Came::Passed(response) => response,
        })
    }

    fn stored(&self, key: Key, headers: &HeaderMap) -> Option<Arc<Entry>> {
        self.cache.store().get(&key).filter(|entry| entry.answers(headers))
    }

    async fn ask(&self, parts: Parts, body: Body) -> Result<Response, HttpError> {
        self.inner.clone().oneshot(Request::from_parts(parts, body)).await
    }

    /// Asks the upstream, for a whole answer or whether the stored one still holds.
    async fn fetch(
        &self,
        key: Key,
        parts: Parts,
        stored: Option<Arc<Entry>>,
        asked: Asked,
    ) -> Result<Came, HttpError> {
        let lifetimes = self.cache.lifetimes();
        let mut asking = parts.clone();
        let stored = stored.filter(|entry| entry.ask(&mut asking.headers));
        let mut response = self.ask(asking, Body::empty()).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            let (told, _) = response.into_parts();
            if let Some(entry) = stored.filter(|entry| entry.is_meant_by(&told.headers)) {
                let entry = Arc::new(entry.renewed(&parts.headers, &told, asked, lifetimes));
                self.cache.keep(key, &entry);
                return Ok(Came::Kept(entry, Cached::Revalidated));
            }
            // It holds, but what it speaks of isn't here: once more, without a condition.
            self.cache.store().remove(&key);
            response = self.ask(parts.clone(), Body::empty()).await?;
            if response.status() == StatusCode::NOT_MODIFIED {
                let reason = "it says that nothing was changed, but nobody asked that";
                return Err(HttpError::Answer { reason });
            }
        }
        let (told, body) = response.into_parts();
        if !may_be_kept(&told) {
            // What was there is no longer what is there, unless the upstream only has a bad day.
            if !told.status.is_server_error() && told.status != StatusCode::TOO_MANY_REQUESTS {
                self.cache.store().remove(&key);
            }
            return Ok(Came::Passed(Response::from_parts(told, body)));
        }
        match gather(body, self.cache.0.settings.longest).await? {
            Gathered::Longer(body) => {
                self.cache.store().remove(&key);
                Ok(Came::Passed(Response::from_parts(told, body)))
            }
            Gathered::Whole(bytes) => {
                let entry = Entry::new(&parts.headers, &told, &bytes, asked, lifetimes);
                let entry = Arc::new(entry);
                self.cache.keep(key, &entry);
                Ok(Came::Kept(entry, Cached::Miss))
            }
        }
    }

    fn key(&self, parts: &Parts) -> Key {
        let mut key = Fingerprint::default();
        key.add(self.partition);
        key.add(parts.method.as_str());
        key.add(parts.uri.to_string());
        // Not all services say `Vary` where they should; these two are what they vary by.
        key.add_header(&parts.headers, &AUTHORIZATION);
        key.add_header(&parts.headers, &ACCEPT);
        Key(key.finish())
    }
}

/// Whether a request that reads can be answered from what is kept, or its answer be kept.
fn is_for_cache(parts: &Parts, body: &Body) -> bool {
    let has = |name| parts.headers.contains_key(name);
    parts.method == Method::GET
        && body.is_end_stream()
        && parts.extensions.get::<Streamed>().is_none()
        && !has(RANGE)
        && !has(IF_NONE_MATCH)
        && !has(IF_MODIFIED_SINCE)
        && !has(IF_MATCH)
        && !has(IF_UNMODIFIED_SINCE)
        && !has(IF_RANGE)
        && !Directives::of(&parts.headers).no_store
}

#[cfg(test)]
mod tests;
