//! A proxy that stands before a real upstream and does to it what networks, gateways and hostile
//! peers do. [`HttpProxy`] knows HTTP/1.1 and can fail at each stage of a request; [`TcpProxy`]
//! knows no protocol and stands before anything. What goes wrong is told by a queue, by rules, or
//! by chance with a seed; what went through is kept for tests to look at.
//!
//! A name that doesn't resolve needs no proxy: any below `.invalid` is one.

mod http;
mod script;
mod seen;
mod tcp;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::dice::Dice;
use crate::serving::Serving;

pub use self::script::{Fault, Rule};
pub use self::seen::Seen;
pub use self::tcp::{TcpFault, TcpProxy};

/// An HTTP/1.1 proxy before an upstream, served until it is dropped.
///
/// ```
/// use lockkeeper_testkit::fault::{Fault, HttpProxy, Rule};
/// use lockkeeper_testkit::notes::NotesService;
///
/// let notes = NotesService::start()?;
/// let proxy = HttpProxy::start(notes.address())?;
/// proxy.next([Fault::ResetAfter, Fault::Status(429, Some(2))]);
/// proxy.rule(Rule::new(Fault::CutLength).method("GET").path("/notes/").times(3));
/// let url = format!("http://{}", proxy.address());
/// // … calls through `url` …
/// assert_eq!(proxy.forwarded("POST", "/notes", "\"token\":\"t1\""), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct HttpProxy {
    serving: Serving,
    shared: Arc<Shared>,
}

/// What all connections look at.
#[derive(Debug, Default)]
struct Shared {
    script: Mutex<script::Script>,
    book: Mutex<seen::Book>,
    /// Made once: that takes a while.
    bomb: OnceLock<Vec<u8>>,
}

impl HttpProxy {
    /// Starts a proxy on a free loopback port.
    pub fn start(upstream: SocketAddr) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let serving = Serving::start({
            let shared = Arc::clone(&shared);
            move |stream, number| {
                http::Connection::new(stream, number, upstream, Arc::clone(&shared)).serve()
            }
        })?;
        Ok(Self { serving, shared })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.serving.address()
    }

    /// These faults, one each, for the next requests.
    pub fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.script().queue.extend(faults);
    }

    /// A fault for requests of a kind; of several rules the first that was given holds.
    pub fn rule(&self, rule: Rule) {
        self.script().rules.push(rule);
    }

    /// Faults by chance for all that no rule takes, each as often as its weight says. The same
    /// seed gives the same faults in the same order of requests.
    pub fn mix(&self, seed: u64, weights: impl IntoIterator<Item = (u32, Fault)>) {
        let mut script = self.script();
        script.dice = Dice::new(seed);
        script.mix = weights.into_iter().collect();
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        *self.script() = script::Script::default();
    }

    /// Drops all connections and refuses new ones.
    pub fn down(&self) {
        self.serving.listen(false);
    }

    /// Takes connections again.
    pub fn up(&self) {
        self.serving.listen(true);
    }

    /// How many requests came, whatever was done with them.
    pub fn requests(&self) -> u64 {
        self.book().total()
    }

    /// The last requests, the oldest first; what is older than the last four thousand is gone.
    pub fn seen(&self) -> Vec<Seen> {
        self.book().seen()
    }

    /// How often each fault was done, by its name.
    pub fn faults(&self) -> BTreeMap<&'static str, u64> {
        self.book().faults()
    }

    /// How many of the last requests the upstream got with this method and path, and a body that
    /// contains this text.
    pub fn forwarded(&self, method: &str, path: &str, body: &str) -> usize {
        let contains = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(body);
        let is_meant = |seen: &&Seen| {
            seen.forwarded && seen.method == method && seen.path == path && contains(&seen.body)
        };
        self.seen().iter().filter(is_meant).count()
    }

    fn script(&self) -> MutexGuard<'_, script::Script> {
        locked(&self.shared.script)
    }

    fn book(&self) -> MutexGuard<'_, seen::Book> {
        locked(&self.shared.book)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
