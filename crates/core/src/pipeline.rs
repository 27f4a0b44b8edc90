//! The life of a call: one function per route, the phases of ARCHITECTURE.md in their order.
//! Nothing else decides whether a call runs, and nothing else records that it did.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::answer::{Answer, Results};
use crate::audit::{Audit, Decided, End, Open, Origin, Subject, Values};
use crate::backlog::Backlog;
use crate::catalog::{Catalog, Listed};
use crate::changes::Bus;
use crate::confirm::{Asker, Asking, Round, Verdict, cannot_ask, confirm};
use crate::context::{Call, Host};
use crate::digest::{Digests, Showing};
use crate::effect::Effect;
use crate::error::ToolError;
use crate::feed::Feeds;
use crate::instance::Vitals;
use crate::metrics::{Kind, Metrics, Noted, UNKNOWN_TOOL};
use crate::ongoing::{Ongoing, Seen};
use crate::outside::Altered;
use crate::policy::{Decision, Policy};
use crate::prompt::RegisteredPrompt;
use crate::rates::Rates;
use crate::resource::{RegisteredResource, Show};
use crate::schema::Object;
use crate::server::Caution;
use crate::state::State;
use crate::stop::Stop;
use crate::text::floor_char_boundary;
use crate::tool::{Need, Prepared};
use crate::trace::Trace;
use crate::upstream::Upstreams;

/// The longest name of a resource in the audit log, bytes; paths are shorter.
const LONGEST_RESOURCE: usize = 4_096;

/// The bounds of `[limits]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) call_budget: Duration,
    pub(crate) max_output: usize,
    pub(crate) concurrency: usize,
    pub(crate) queue: usize,
}

/// See [`Server::caution`](crate::Server::caution).
pub(crate) type Cautioning<S> = for<'a> fn(&'a S, &'a Need) -> BoxFuture<'a, Option<Caution>>;

/// All that calls of one server share.
pub(crate) struct Pipeline<S: 'static> {
    pub(crate) source: Arc<S>,
    pub(crate) catalog: Catalog<S>,
    pub(crate) resources: &'static [RegisteredResource<S>],
    pub(crate) prompts: &'static [RegisteredPrompt<S>],
    pub(crate) policy: Policy,
    pub(crate) limits: Limits,
    pub(crate) rates: Rates,
    pub(crate) results: Results,
    pub(crate) state: Arc<State>,
    pub(crate) audit: Arc<Audit>,
    pub(crate) metrics: Arc<Metrics>,
    /// What is watched for subscribers.
    pub(crate) bus: Arc<Bus>,
    feeds: Arc<Feeds<S>>,
    upstreams: Upstreams,
    /// See [`Parts::means`].
    means: Vec<u8>,
    /// See [`Server::ORDERED_ARGUMENTS`](crate::Server::ORDERED_ARGUMENTS).
    pub(crate) ordered: bool,
    caution: Cautioning<S>,
    slots: Arc<Semaphore>,
    queued: Arc<AtomicUsize>,
    /// What the client has still to read.
    pub(crate) backlog: Arc<Backlog>,
    /// Cancelled when reads under way must end: the host has gone.
    pub(crate) ending: CancellationToken,
    /// Mutations that run on although nobody waits for them.
    pub(crate) mutations: TaskTracker,
}

/// A call as it came in.
pub(crate) struct Request<'a> {
    pub(crate) tool: &'a str,
    pub(crate) arguments: Object,
    /// The same as they were written, where the order of keys means something.
    pub(crate) text: Option<Arc<str>>,
    pub(crate) caller: Caller,
    pub(crate) ask: Ask,
}

/// Who makes a request, as far as any route needs it.
pub(crate) struct Caller {
    pub(crate) cancelled: CancellationToken,
    /// Name and version that the client gives itself.
    pub(crate) client: String,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) trace: Option<Trace>,
    pub(crate) noted: Arc<Noted>,
}

/// How the client of a call can be asked; see [`Asking`].
pub(crate) enum Ask {
    Rounds { can: bool, round: Option<Round> },
    Request(Arc<dyn Asker>),
    Nobody,
}

/// What becomes of a call.
pub(crate) enum Reply {
    Answer(Answer),
    Failed(ToolError),
    /// No such tool, or none that this caller may know of.
    Unknown,
    /// A person has to be asked before the call is made again.
    Question {
        question: String,
        state: String,
    },
}

/// The parts from which a pipeline is made.
pub(crate) struct Parts<S: 'static> {
    pub(crate) source: Arc<S>,
    pub(crate) catalog: Catalog<S>,
    pub(crate) resources: &'static [RegisteredResource<S>],
    pub(crate) prompts: &'static [RegisteredPrompt<S>],
    pub(crate) policy: Policy,
    pub(crate) limits: Limits,
    pub(crate) rates: Rates,
    pub(crate) results: Results,
    pub(crate) state: Arc<State>,
    pub(crate) audit: Arc<Audit>,
    pub(crate) metrics: Arc<Metrics>,
    /// The remote services that the source named.
    pub(crate) upstreams: Upstreams,
    /// Digest of the server and its settings: what the names in a call mean.
    pub(crate) means: Vec<u8>,
    pub(crate) ordered: bool,
    pub(crate) caution: Cautioning<S>,
}

impl<S: Send + Sync + 'static> Pipeline<S> {
    pub(crate) fn new(parts: Parts<S>) -> Self {
        let Parts { source, catalog, resources, prompts, policy, limits, results, .. } = parts;
        let Parts { rates, state, audit, metrics, upstreams, means, ordered, caution, .. } = parts;
        let slots = Arc::new(Semaphore::new(limits.concurrency));
        let queued = Arc::<AtomicUsize>::default();
        let counted = (Arc::clone(&slots), Arc::clone(&queued), Arc::clone(&audit));
        metrics.collect(move |text| {
            let (slots, queued, audit) = &counted;
            let running = limits.concurrency.saturating_sub(slots.available_permits());
            text.family("lockkeeper_calls_in_flight", Kind::Gauge, "Calls that have a slot.");
            text.sample("lockkeeper_calls_in_flight", &[], running);
            text.family("lockkeeper_queue_length", Kind::Gauge, "Calls that wait for a slot.");
            text.sample("lockkeeper_queue_length", &[], queued.load(Ordering::Relaxed));
            let name = "lockkeeper_audit_write_failures_total";
            text.family(name, Kind::Counter, "Records that couldn't be written.");
            text.sample(name, &[], audit.failures());
        });
        metrics.collect(upstreams.collector());
        let bus = Arc::<Bus>::default();
        metrics.collect({
            let bus = Arc::clone(&bus);
            move |text| {
                let (watched, changes) = bus.counts();
                let name = "lockkeeper_watched_resources";
                text.family(name, Kind::Gauge, "Resources that are watched for subscribers.");
                text.sample(name, &[], watched);
                let name = "lockkeeper_resource_changes_total";
                text.family(name, Kind::Counter, "Changes of watched resources.");
                text.sample(name, &[], changes);
            }
        });
        let readable = resources.iter();
        let readable =
            readable.filter(|one| policy.decide(one.tool, Effect::Read) == Decision::Allow);
        let feeds = Arc::new(Feeds::new(Arc::clone(&bus), readable.collect()));
        Self {
            source,
            catalog,
            resources,
            prompts,
            policy,
            limits,
            rates,
            results,
            state,
            audit,
            metrics,
            bus,
            feeds,
            upstreams,
            means,
            ordered,
            caution,
            slots,
            queued,
            backlog: Arc::default(),
            ending: CancellationToken::new(),
            mutations: TaskTracker::new(),
        }
    }

    /// How its calls are going.
    pub(crate) fn vitals(&self) -> Vitals {
        Vitals {
            recent: self.metrics.summary(),
            in_flight: self.limits.concurrency.saturating_sub(self.slots.available_permits()),
            queued: self.queued.load(Ordering::Relaxed),
            upstreams: self.upstreams.readings(),
            audit_fails: self.audit.fails(),
        }
    }

    /// A `tools/call`.
    pub(crate) async fn call(&self, request: Request<'_>) -> Reply {
        let noted = Arc::clone(&request.caller.noted);
        let mut reply = self.answer(request).await;
        match &reply {
            Reply::Failed(error) => noted.error(error.code()),
            Reply::Unknown => noted.error("unknown_tool"),
            Reply::Answer(answer) => {
                self.metrics.answered(noted.named(), answer.truncated, answer.altered);
            }
            Reply::Question { .. } => {}
        }
        // What a tool gives back is shown where it is rendered; errors repeat names.
        if let Reply::Failed(error) = &mut reply {
            error.show(self.policy.outside());
        }
        reply
    }

    async fn answer(&self, request: Request<'_>) -> Reply {
        let clock = Clock::start(self.limits.call_budget);
        let (listed, hidden) = (self.catalog.get(request.tool), self.catalog.hidden(request.tool));
        let name = listed.map(|listed| listed.name);
        // Its owner may know which tool is asked for in vain; the caller may not.
        let known = name.or(hidden.map(|(name, _)| name)).unwrap_or(UNKNOWN_TOOL);
        request.caller.noted.tool(known);
        if let Err(early) = self.rates.admit(name) {
            self.metrics.rate_limited(known);
            return Self::refuse(early, self.begin(known, &request.caller));
        }
        let slot = match self.slot(clock.deadline, &request.caller.cancelled).await {
            Ok(slot) => slot,
            Err(busy) => {
                let record = self.begin("_queued", &request.caller);
                return Self::refuse(busy, record);
            }
        };
        let Some(listed) = listed else {
            let mut record = self.begin(known, &request.caller);
            if let Some((name, effect)) = hidden {
                record.subject().effect = effect;
                let rule = self.policy.rule(name, effect);
                self.decided(&mut record, Decided::DENY.by(rule));
            }
            Self::record_end(record, &End { code: "unknown_tool", ..End::default() });
            return Reply::Unknown;
        };
        let arguments = &request.arguments;
        let showing = Showing {
            known: listed.arguments(),
            plain: listed.plain(arguments),
            all_clear: self.audit.rules().values == Values::Clear,
        };
        let mut digests = Digests::of(self.state.key().expose(), listed.name, arguments, showing);
        let mut record = self.begin(listed.name, &request.caller);
        record.subject().args = std::mem::take(&mut digests.shown);
        record.subject().plain = std::mem::take(&mut digests.clear);
        let incoming = Incoming { listed, request, slot, clock, digests };
        match self.admit(incoming, &mut record).await {
            Ok(admitted) => self.execute(admitted, record).await,
            Err(Turned::Back(error)) => Self::refuse(error, record),
            Err(Turned::Hidden) => {
                Self::record_end(record, &End { code: "unknown_tool", ..End::default() });
                Reply::Unknown
            }
            Err(Turned::Question { question, state }) => {
                Self::record_end(record, &End { code: "asked", ..End::default() });
                Reply::Question { question, state }
            }
        }
    }

    /// Decode, plan, policy, confirmation, intent.
    async fn admit(
        &self,
        incoming: Incoming<'_, S>,
        record: &mut Open,
    ) -> Result<Admitted, Turned> {
        let Incoming { listed, request, mut slot, mut clock, digests } = incoming;
        let prepared =
            AssertUnwindSafe(|| listed.prepare(request.arguments, request.text.as_deref()));
        let prepared = catch_unwind(prepared).unwrap_or_else(|_| Err(ToolError::internal()));
        let prepared = prepared.map_err(Turned::Back)?;
        let Prepared { need, run } = prepared;
        record.subject().effect = need.effect;
        record.subject().resources = need.resources.iter().map(|name| shortened(name)).collect();
        let decision = self.policy.decide(listed.name, need.effect);
        match decision {
            Decision::Allow | Decision::Ask => {}
            Decision::Hide => {
                let rule = self.policy.rule(listed.name, need.effect);
                self.decided(record, Decided::DENY.by(rule));
                return Err(Turned::Hidden);
            }
            Decision::Refuse => {
                let rule = self.policy.rule(listed.name, need.effect);
                self.metrics.decided("deny", need.effect);
                return Err(Turned::Back(refused(need.effect).denied_by(rule)));
            }
        }
        let ongoing = Ongoing::new(clock.deadline, request.caller.trace.clone());
        let caution = if need.effect.mutates() {
            self.cautioned(&need, (&ongoing, &request.caller.cancelled), &clock).await
        } else {
            Ok(None)
        };
        let caution = caution.map_err(Turned::Back)?;
        let is_cautioned = caution.is_some();
        if decision == Decision::Allow && caution.is_none() {
            self.decided(record, Decided::ALLOW);
        } else {
            self.decided(record, Decided::ASK);
            // Nobody is asked for a yes that comes too soon.
            if need.effect.mutates() {
                self.counted(listed.name, self.rates.room_to_write())?;
            }
            // A person's time counts neither against the slot nor against the budget.
            drop(slot);
            let asked = Instant::now();
            let asking = match &request.ask {
                Ask::Rounds { can: true, round } => Asking::Rounds(round.clone()),
                Ask::Request(asker) => Asking::Request(asker.as_ref()),
                Ask::Rounds { can: false, .. } | Ask::Nobody => Asking::Nobody,
            };
            let loses = decision == Decision::Ask;
            let mut question = question(listed.name, &need, loses, caution.as_ref());
            self.policy.outside().show_in(&mut question);
            let text = request.text.as_deref();
            let binding = self.binding(listed.name, &digests, text, &question);
            let unasked = caution.map_or_else(cannot_ask, |caution| caution.refusal);
            let verdict = confirm(&self.state, &binding, (question, unasked), asking).await;
            self.metrics.confirmed(verdict.outcome());
            match verdict {
                Verdict::Go => {}
                Verdict::AskFirst { question, state } => {
                    return Err(Turned::Question { question, state });
                }
                Verdict::Refused(error) => return Err(Turned::Back(error)),
            }
            clock.extend(asked.elapsed());
            slot =
                self.slot(clock.deadline, &request.caller.cancelled).await.map_err(Turned::Back)?;
        }
        if need.effect.mutates() {
            self.counted(listed.name, self.rates.admit_write())?;
            record.intent().map_err(|error| Turned::Back(not_recorded(&error)))?;
        }
        let call = Call {
            source: Arc::clone(&self.source),
            tool: listed.name,
            arguments: digests.page,
            allowed: need.effect,
            is_cautioned,
            stop: Stop::new(clock.pause),
            max_output: self.limits.max_output,
            results: self.results,
            outside: self.policy.outside(),
            state: Arc::clone(&self.state),
            feeds: Arc::clone(&self.feeds),
            host: request.caller.host,
            progress: std::sync::Mutex::default(),
        };
        let work = AssertUnwindSafe(run(Arc::new(call))).catch_unwind();
        let work = async { work.await.unwrap_or_else(|_| Err(ToolError::internal())) };
        // Also on a task of its own, which a mutation gets.
        let work = ongoing.during(work).boxed();
        let cancelled = request.caller.cancelled;
        Ok(Admitted { effect: need.effect, work, slot, deadline: clock.deadline, cancelled })
    }

    /// What the source says against a change that the policy allows.
    async fn cautioned(
        &self,
        need: &Need,
        (ongoing, cancelled): (&Ongoing, &CancellationToken),
        clock: &Clock,
    ) -> Result<Option<Caution>, ToolError> {
        let asked = AssertUnwindSafe((self.caution)(&self.source, need)).catch_unwind();
        let asked = async { asked.await.map_err(|_| ToolError::internal()) };
        let asked = ongoing.clone().during(asked);
        self.until_ended(asked, clock.deadline, cancelled).await
    }

    /// Runs an admitted call to its end. A read is dropped when nobody waits for it any more or
    /// its time is up; a mutation never is.
    async fn execute(&self, admitted: Admitted, record: Open) -> Reply {
        let Admitted { effect, work, slot, deadline, cancelled } = admitted;
        if !effect.mutates() {
            let result = self.until_ended(work, deadline, &cancelled).await;
            drop(slot);
            return Self::finish(result, record);
        }
        #[expect(clippy::disallowed_methods, reason = "tracked, and its end is audited")]
        let task = tokio::spawn(self.mutations.track_future(async move {
            let result = work.await;
            drop(slot);
            Self::finish(result, record)
        }));
        match timeout_at(deadline.into(), task).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => Reply::Failed(ToolError::internal()),
            Err(_) => Reply::Failed(
                ToolError::new("outcome_unknown", "the change is still under way")
                    .hint("read what it would have changed before trying again"),
            ),
        }
    }

    /// Waits for `work` as long as someone waits for it.
    async fn until_ended<T>(
        &self,
        work: impl Future<Output = Result<T, ToolError>>,
        deadline: Instant,
        cancelled: &CancellationToken,
    ) -> Result<T, ToolError> {
        tokio::select! {
            biased;
            () = cancelled.cancelled() => Err(ToolError::cancelled()),
            () = self.ending.cancelled() => Err(ToolError::ending()),
            result = work => result,
            () = sleep_until(deadline.into()) => Err(self.out_of_time()),
        }
    }

    fn finish(result: Result<Answer, ToolError>, record: Open) -> Reply {
        let mut reply = match result {
            Ok(answer) => Reply::Answer(answer),
            Err(error) => Reply::Failed(error),
        };
        let end = match &reply {
            Reply::Answer(answer) => {
                let (bytes, truncated) = (answer.text.len(), answer.truncated);
                End { code: "ok", bytes, truncated, denied_by: None }
            }
            Reply::Failed(error) => End::failed(error),
            Reply::Unknown | Reply::Question { .. } => End::default(),
        };
        // What has been changed has been changed, and saying so is better than hiding it.
        let binding = record.is_binding() && !record.mutates();
        if !Self::record_end(record, &end) {
            match &mut reply {
                _ if binding => reply = Reply::Failed(unrecorded()),
                Reply::Answer(answer) => answer.text.push_str(UNRECORDED),
                _ => {}
            }
        }
        reply
    }

    /// Records a call that doesn't run.
    fn refuse(error: ToolError, record: Open) -> Reply {
        Self::record_end(record, &End::failed(&error));
        Reply::Failed(error)
    }

    /// Any other route that reads: a resource, a list, a completion. It stands behind the gate of
    /// the read tool `tool`, in the same queue, under the same budget, in the same book.
    pub(crate) async fn read<T, W>(
        &self,
        reading: Reading<'_>,
        work: W,
    ) -> Result<(T, Aside), ToolError>
    where
        T: Show + Send,
        W: AsyncFnOnce(Arc<Call<S>>) -> Result<T, ToolError>,
    {
        let Reading { route, tool, resource, caller } = reading;
        let clock = Clock::start(self.limits.call_budget);
        let mut record = self.begin(route, &caller);
        let Caller { cancelled, host, trace, noted, .. } = caller;
        record.subject().resources.extend(resource.map(shortened));
        let ongoing = Ongoing::new(clock.deadline, trace);
        let result = async {
            let early = self.rates.admit(Some(tool));
            early.inspect_err(|_| self.metrics.rate_limited(route))?;
            let slot = self.slot(clock.deadline, &cancelled).await?;
            if self.policy.decide(tool, Effect::Read) != Decision::Allow {
                self.decided(&mut record, Decided::DENY);
                return Err(ToolError::new("not_found", "no such resource"));
            }
            self.decided(&mut record, Decided::ALLOW);
            let call = Arc::new(Call {
                source: Arc::clone(&self.source),
                tool: route,
                arguments: [0; 32],
                allowed: Effect::Read,
                is_cautioned: false,
                stop: Stop::new(clock.pause),
                max_output: self.limits.max_output,
                results: self.results,
                outside: self.policy.outside(),
                state: Arc::clone(&self.state),
                feeds: Arc::clone(&self.feeds),
                host,
                progress: std::sync::Mutex::default(),
            });
            let work = AssertUnwindSafe(work(call)).catch_unwind();
            let work = async { work.await.unwrap_or_else(|_| Err(ToolError::internal())) };
            let work = ongoing.clone().during(work);
            let result = self.until_ended(work, clock.deadline, &cancelled).await;
            drop(slot);
            result
        }
        .await;
        let ok = || End { code: "ok", ..End::default() };
        let end = result.as_ref().err().map_or_else(ok, End::failed);
        let binding = record.is_binding();
        let unrecorded = !Self::record_end(record, &end);
        let result = if unrecorded && binding { Err(self::unrecorded()) } else { result };
        let outside = self.policy.outside();
        match result {
            Ok(mut read) => {
                let altered = read.show(outside);
                self.metrics.answered(route, false, altered);
                Ok((read, Aside { altered, unrecorded, seen: ongoing.seen() }))
            }
            Err(mut error) => {
                noted.error(error.code());
                error.show(outside);
                Err(error)
            }
        }
    }

    /// Turns a call back that came too soon.
    fn counted(&self, tool: &'static str, admitted: Result<(), ToolError>) -> Result<(), Turned> {
        admitted.map_err(|early| {
            self.metrics.rate_limited(tool);
            Turned::Back(early)
        })
    }

    /// Waits in the queue for one of the slots.
    async fn slot(
        &self,
        deadline: Instant,
        cancelled: &CancellationToken,
    ) -> Result<OwnedSemaphorePermit, ToolError> {
        if cancelled.is_cancelled() {
            return Err(ToolError::cancelled());
        }
        if self.backlog.is_low()
            && let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned()
        {
            return Ok(slot);
        }
        let _queued = Queued::enter(&self.queued, self.limits.queue).ok_or_else(busy)?;
        let slot = async {
            // The semaphore is never closed.
            let slot = Arc::clone(&self.slots).acquire_owned().await;
            self.backlog.low().await;
            slot.map_err(|_| ToolError::internal())
        };
        let slot = async { timeout_at(deadline.into(), slot).await.map_err(|_| busy())? };
        self.until_ended(slot, deadline + Duration::from_secs(1), cancelled).await
    }

    fn begin(&self, tool: &str, caller: &Caller) -> Open {
        let trace = caller.trace.as_ref().map(Trace::id);
        let subject = Subject { trace, ..Subject::new(tool, &caller.client) };
        self.metrics.changed();
        let origin = Origin { request: caller.noted.request.clone(), trace: caller.trace.clone() };
        self.audit.begin(subject, origin)
    }

    fn decided(&self, record: &mut Open, decided: Decided) {
        self.metrics.decided(decided.effect(), record.subject().effect);
        record.decided(decided);
    }

    /// Writes the outcome; false if it couldn't.
    fn record_end(record: Open, end: &End) -> bool {
        let written = record.end(end);
        if let Err(error) = &written {
            tracing::error!(%error, "the audit log can't be written");
        }
        written.is_ok()
    }

    fn out_of_time(&self) -> ToolError {
        let seconds = self.limits.call_budget.as_secs_f32();
        ToolError::new("timeout", format!("the call took longer than its budget of {seconds} s"))
            .hint("ask for less, or raise --call-budget")
    }

    /// All that a person's yes is good for.
    fn binding(
        &self,
        tool: &str,
        digests: &Digests,
        text: Option<&str>,
        question: &str,
    ) -> Vec<u8> {
        let mut binding = Vec::new();
        let policy = self.policy.hash().as_bytes();
        let text = text.unwrap_or_default().as_bytes();
        let question = question.as_bytes();
        for part in [&self.means, tool.as_bytes(), &digests.all, policy, text, question] {
            binding.extend_from_slice(&(part.len() as u64).to_le_bytes());
            binding.extend_from_slice(part);
        }
        binding
    }
}

/// A route that reads without being a tool.
pub(crate) struct Reading<'a> {
    /// The name in the book, for example `resources/read`.
    pub(crate) route: &'static str,
    pub(crate) tool: &'static str,
    pub(crate) resource: Option<&'a str>,
    pub(crate) caller: Caller,
}

/// What is to be said beside an answer that has no text of ours.
#[derive(Debug, Default)]
pub(crate) struct Aside {
    pub(crate) altered: Altered,
    /// It is not in the audit log.
    pub(crate) unrecorded: bool,
    pub(crate) seen: Seen,
}

/// A call that has a slot.
struct Incoming<'a, S: 'static> {
    listed: &'a Listed<S>,
    request: Request<'a>,
    slot: OwnedSemaphorePermit,
    clock: Clock,
    digests: Digests,
}

/// A call that may run.
struct Admitted {
    effect: Effect,
    work: BoxFuture<'static, Result<Answer, ToolError>>,
    slot: OwnedSemaphorePermit,
    deadline: Instant,
    cancelled: CancellationToken,
}

/// Why a call may not run.
enum Turned {
    Back(ToolError),
    Hidden,
    Question { question: String, state: String },
}

/// When a call must end, and when long work should pause and answer with what it has.
struct Clock {
    deadline: Instant,
    pause: Instant,
}

impl Clock {
    fn start(budget: Duration) -> Self {
        let now = Instant::now();
        Self { deadline: now + budget, pause: now + budget * 4 / 5 }
    }

    fn extend(&mut self, by: Duration) {
        self.deadline += by;
        self.pause += by;
    }
}

/// A place in the queue.
struct Queued<'a>(&'a AtomicUsize);

impl<'a> Queued<'a> {
    fn enter(queued: &'a AtomicUsize, most: usize) -> Option<Self> {
        let before = queued.fetch_add(1, Ordering::Relaxed);
        let place = Self(queued);
        (before < most).then_some(place)
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A resource's name as it stands in the book, which a caller must not be able to fill.
fn shortened(name: &str) -> String {
    match name.get(..floor_char_boundary(name, LONGEST_RESOURCE)) {
        Some(start) if start.len() < name.len() => format!("{start}… ({} bytes)", name.len()),
        _ => name.to_owned(),
    }
}

fn busy() -> ToolError {
    ToolError::new("busy", "too many calls at once").hint("call again later").retry_after_s(2)
}

fn refused(effect: Effect) -> ToolError {
    ToolError::new(
        "policy_denied",
        format!("this server's policy allows no call with effect `{effect}`"),
    )
    .hint("call it in a way that loses nothing; the server's owner decides with --destroy")
}

fn not_recorded(error: &std::io::Error) -> ToolError {
    tracing::error!(%error, "the audit log can't be written");
    ToolError::new("audit_unavailable", "nothing was changed: the change can't be recorded first")
        .hint("the server's owner has to make the audit directory writable")
}

/// Ends an answer that couldn't be recorded.
const UNRECORDED: &str = "\n[warning: this call is not in the audit log]";

fn unrecorded() -> ToolError {
    ToolError::new("audit_unavailable", "the call can't be recorded, so it has no answer")
        .hint("the server's owner has to make the audit directory writable")
}

fn question(tool: &str, need: &Need, loses: bool, caution: Option<&Caution>) -> String {
    let mut question = format!("Allow `{tool}`?");
    if let Some(caution) = caution {
        question.push_str(&format!(" {}", caution.question));
    }
    if loses {
        let what = need.loses.clone().unwrap_or_else(|| need.resources.join(", "));
        question.push_str(&match shortened(&what).as_str() {
            "" => " It may lose data for good.".to_owned(),
            what => format!(" It may lose data for good: {what}"),
        });
    }
    question
}
