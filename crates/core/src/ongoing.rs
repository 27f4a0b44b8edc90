//! The call in whose course code runs, for code that a library stands between: an HTTP layer under
//! a vendor's client needs the deadline and the trace, and nobody hands it a context.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::trace::Trace;

tokio::task_local! {
    static ONGOING: Ongoing;
}

/// A call under way. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Ongoing(Arc<Call>);

#[derive(Debug)]
struct Call {
    deadline: Instant,
    trace: Option<Trace>,
    seen: Mutex<Seen>,
}

/// Of what kind something is that a call reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// Not everybody may read it.
    pub private: bool,
    /// Somebody may have written it who has no say where it lies.
    pub untrusted: bool,
}

/// What a call has read so far, and what it left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) sight: Option<Sight>,
    /// Items that a setting of the server withholds from agents.
    pub(crate) withheld: u64,
}

impl Ongoing {
    pub(crate) fn new(deadline: Instant, trace: Option<Trace>) -> Self {
        Self(Arc::new(Call { deadline, trace, seen: Mutex::default() }))
    }

    /// A call that nobody made, for tests.
    #[cfg(feature = "testing")]
    pub fn for_testing(deadline: Instant) -> Self {
        Self::new(deadline, None)
    }

    /// The call that this task, or this blocking work, belongs to. There is none outside calls, and
    /// on tasks that a tool body starts by itself.
    pub fn current() -> Option<Self> {
        ONGOING.try_with(Clone::clone).ok()
    }

    /// When the call's budget ends. A read is dropped then; a mutation goes on to its end, although
    /// nobody waits for its answer any more.
    pub fn deadline(&self) -> Instant {
        self.0.deadline
    }

    /// The trace that the caller gave.
    pub fn trace(&self) -> Option<&Trace> {
        self.0.trace.as_ref()
    }

    /// Says of what kind something is that this call has read: its answer is labelled with all that
    /// was said.
    pub fn saw(&self, sight: Sight) {
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = seen.sight.unwrap_or(Sight { private: false, untrusted: false });
        seen.sight = Some(Sight {
            private: before.private | sight.private,
            untrusted: before.untrusted | sight.untrusted,
        });
    }

    /// Counts items that a setting of the server withholds from agents; the answer says how many.
    pub fn withhold(&self, items: u64) {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner).withheld += items;
    }

    pub(crate) fn seen(&self) -> Seen {
        *self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes this the ongoing call of `work`: for work of a call that a library makes run on another
    /// task.
    pub async fn during<T>(self, work: impl Future<Output = T>) -> T {
        ONGOING.scope(self, work).await
    }

    /// The same for work on a thread of its own.
    pub(crate) fn during_blocking<T>(ongoing: Option<Self>, work: impl FnOnce() -> T) -> T {
        match ongoing {
            Some(ongoing) => ONGOING.sync_scope(ongoing, work),
            None => work(),
        }
    }
}
