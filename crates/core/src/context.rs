//! What a tool body sees of its call: the source, its grant, the room for its answer, the way to
//! blocking work, progress and cursors. Nothing of the protocol.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;

use crate::answer::Results;
use crate::cursor;
use crate::effect::{Effect, EffectKind, Grant, Mutating, Read};
use crate::error::ToolError;
use crate::feed::Feeds;
use crate::ongoing::Ongoing;
use crate::outside::Outside;
use crate::state::State;
use crate::stop::Stop;

/// Room for the line that opens an answer; the smallest `--max-output` is 1 kB.
const OPENING_LINE: usize = 400;

/// Progress notifications are sent at most this often.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// The other side of the connection, as far as a call needs it.
pub(crate) trait Host: Send + Sync {
    /// Reports progress if the caller asked for it.
    fn progress(&self, done: f64, total: Option<f64>, message: Option<String>)
    -> BoxFuture<'_, ()>;
}

/// The other side of a call that wants no progress.
pub(crate) struct Nobody;

impl Host for Nobody {
    fn progress(&self, _: f64, _: Option<f64>, _: Option<String>) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// One call in the course of the pipeline, shared by its phases and its tool body.
pub(crate) struct Call<S: 'static> {
    pub(crate) source: Arc<S>,
    pub(crate) tool: &'static str,
    /// Hash of the arguments without those that only choose the page.
    pub(crate) arguments: [u8; 32],
    /// What the policy and, where asked, a person allowed.
    pub(crate) allowed: Effect,
    /// Whether a person allowed it against a [`Caution`](crate::Caution).
    pub(crate) is_cautioned: bool,
    pub(crate) stop: Stop,
    pub(crate) max_output: usize,
    pub(crate) results: Results,
    pub(crate) outside: Outside,
    pub(crate) state: Arc<State>,
    pub(crate) feeds: Arc<Feeds<S>>,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) progress: std::sync::Mutex<Option<Instant>>,
}

/// The context of one call with the effect `E`.
///
/// A tool that is declared [`Read`] has no grant to spend:
///
/// ```compile_fail,E0599
/// use lockkeeper_core::{Cx, Read};
/// fn body(cx: Cx<'_, (), Read>) {
///     let grant = cx.grant();
/// }
/// ```
pub struct Cx<'a, S: 'static, E: EffectKind = Read> {
    call: &'a Arc<Call<S>>,
    effect: PhantomData<fn() -> E>,
}

impl<'a, S: Send + Sync + 'static, E: EffectKind> Cx<'a, S, E> {
    pub(crate) fn new(call: &'a Arc<Call<S>>) -> Self {
        Self { call, effect: PhantomData }
    }

    pub(crate) fn call(&self) -> &'a Arc<Call<S>> {
        self.call
    }

    /// The data source.
    pub fn source(&self) -> &'a S {
        &self.call.source
    }

    /// The data source, for what goes on after this call: a watch.
    pub fn shared_source(&self) -> Arc<S> {
        Arc::clone(&self.call.source)
    }

    /// How many bytes of text the answer may hold, beside its opening line.
    pub fn max_output(&self) -> usize {
        let room = self.call.max_output - OPENING_LINE;
        match self.call.results {
            Results::Text => room,
            // Names and quotes make a record of a short line several times as long.
            Results::Structured => room / 4,
        }
    }

    /// How text from outside is shown. A tool that cuts text into pages shows it first, so that a
    /// page has room for it and no credential is cut in two; all else is shown by core.
    pub fn outside(&self) -> Outside {
        self.call.outside
    }

    /// Whether the answer of a bulk tool travels as data. If not, only its text is looked at, and
    /// the data beside it need not be built.
    pub fn wants_data(&self) -> bool {
        self.call.results == Results::Structured
    }

    /// Runs blocking work on the source beside the protocol. When the call is cancelled or out of
    /// time the work's [`Stop`] says so.
    pub async fn blocking<T, W>(&self, work: W) -> Result<T, ToolError>
    where
        T: Send + 'static,
        W: FnOnce(&S, &Stop) -> T + Send + 'static,
    {
        let source = Arc::clone(&self.call.source);
        let stop = self.call.stop.clone();
        let mut cancel = CancelOnDrop(Some(stop.clone()));
        let ongoing = Ongoing::current();
        let work = move || Ongoing::during_blocking(ongoing, || work(&source, &stop));
        let result = tokio::task::spawn_blocking(work).await;
        // The call goes on, and may have more work to do.
        cancel.0 = None;
        result.map_err(|_| ToolError::internal())
    }

    /// A cursor for the next page of this call. Up to two numbers fit into 48 characters.
    pub fn next(&self, position: &[u64]) -> String {
        let call = self.call;
        cursor::seal(call.state.key().expose(), call.tool, &call.arguments, position)
    }

    /// The position in a cursor that [`Cx::next`] made for the same tool and arguments.
    pub fn resume(&self, cursor: Option<&str>) -> Result<Option<Vec<u64>>, ToolError> {
        let call = self.call;
        cursor
            .map(|text| cursor::open(call.state.key().expose(), call.tool, &call.arguments, text))
            .transpose()
    }

    /// Tells a caller that asked for progress how far the call is; sent at most 4 times a second.
    pub async fn progress(&self, done: u64, total: Option<u64>, mut message: Option<String>) {
        if let Ok(mut last) = self.call.progress.lock() {
            if last.is_some_and(|last| last.elapsed() < PROGRESS_EVERY) {
                return;
            }
            *last = Some(Instant::now());
        }
        #[expect(clippy::cast_precision_loss, reason = "the protocol counts progress in floats")]
        let (done, total) = (done as f64, total.map(|total| total as f64));
        if let Some(message) = &mut message {
            self.call.outside.show_in(message);
        }
        self.call.host.progress(done, total, message).await;
    }
}

impl<S: Send + Sync + 'static, E: Mutating> Cx<'_, S, E> {
    /// Proof that this call may have its effect.
    pub fn grant(&self) -> Grant<E> {
        Grant::new().cautioned(self.call.is_cautioned)
    }

    /// Proof for a stronger effect, which the call has if its plan asked for it.
    pub fn grant_of<W: Mutating>(&self) -> Result<Grant<W>, ToolError> {
        if W::EFFECT <= self.call.allowed {
            return Ok(Grant::new().cautioned(self.call.is_cautioned));
        }
        Err(ToolError::new("not_planned", format!("this call was not planned as `{}`", W::EFFECT)))
    }
}

struct CancelOnDrop(Option<Stop>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(stop) = &self.0 {
            stop.cancel();
        }
    }
}
