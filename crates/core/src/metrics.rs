//! What a server counts of itself, as Prometheus text. Names follow OpenTelemetry's conventions for
//! MCP where there are any. Every label value is a `&'static str`: nothing that a client or an
//! upstream sends can become one, so that the number of series is bounded by what is compiled in.
//! Nothing here writes or serves; whoever does asks for [`Metrics::text`].

mod family;
mod recent;
mod text;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use self::family::{Counters, Histograms};
pub(crate) use self::recent::Recent;
use self::recent::Ring;
pub(crate) use self::text::{Kind, Text};
use crate::effect::Effect;
use crate::outside::Altered;

/// The tool of a call that named none in force.
pub(crate) const UNKNOWN_TOOL: &str = "_unknown";

/// A method that isn't one of ours.
pub(crate) const OTHER_METHOD: &str = "_other";

/// Adds the samples of something that counts by itself.
type Collector = Box<dyn Fn(&mut Text) + Send + Sync>;

/// All counts of one process.
pub(crate) struct Metrics {
    service: &'static str,
    version: &'static str,
    instance: String,
    started: SystemTime,
    /// By method, tool and kind of error.
    operations: Histograms<3>,
    sessions: Histograms<0>,
    /// By decision and effect.
    decisions: Counters<2>,
    /// By tool.
    rate_limited: Counters<1>,
    /// By tool.
    truncated: Counters<1>,
    /// By what was asked and what came of it.
    confirmations: Counters<1>,
    escaped: AtomicU64,
    redacted: AtomicU64,
    recent: Mutex<Ring>,
    collectors: Mutex<Vec<Collector>>,
    changes: watch::Sender<()>,
}

/// What a request turned out to be, for whoever counts and logs it from outside.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    /// The request's id as the client gave it, if it is short and plain.
    pub(crate) request: Option<String>,
    tool: OnceLock<&'static str>,
    error: OnceLock<&'static str>,
}

impl Noted {
    pub(crate) fn new(request: Option<String>) -> Self {
        Self { request, ..Self::default() }
    }

    /// The tool that was called, by its registered name.
    pub(crate) fn tool(&self, name: &'static str) {
        self.tool.get_or_init(|| name);
    }

    /// The name of the tool, once it was noted.
    pub(crate) fn named(&self) -> &'static str {
        self.tool.get().copied().unwrap_or_default()
    }

    /// The error with which it ended.
    pub(crate) fn error(&self, code: &'static str) {
        self.error.get_or_init(|| code);
    }
}

impl Metrics {
    pub(crate) fn new(service: &'static str, version: &'static str, instance: String) -> Self {
        let decisions = ["allow", "ask", "deny"].into_iter();
        let decisions =
            decisions.flat_map(|said| Effect::ALL.map(|effect| [said, effect.as_str()]));
        Self {
            service,
            version,
            instance,
            started: SystemTime::now(),
            operations: Histograms::default(),
            sessions: Histograms::default(),
            // What is rare should be seen to be zero before it happens first.
            decisions: Counters::starting_with(decisions),
            rate_limited: Counters::default(),
            truncated: Counters::default(),
            confirmations: Counters::default(),
            escaped: AtomicU64::new(0),
            redacted: AtomicU64::new(0),
            recent: Mutex::default(),
            collectors: Mutex::default(),
            changes: watch::channel(()).0,
        }
    }

    /// Counts a request of this method as it was answered; `error` is what is known of its error
    /// beyond what was noted.
    pub(crate) fn operation(
        &self,
        method: &'static str,
        noted: &Noted,
        error: Option<&'static str>,
        took: Duration,
    ) {
        let error = noted.error.get().copied().or(error).unwrap_or_default();
        self.operations.observe([method, noted.named(), error], took);
        if matches!(method, "tools/call" | "resources/read") {
            self.recent().add(took, !error.is_empty());
        }
        self.changed();
    }

    /// Says that there is something new to tell: a call has begun, or was counted.
    pub(crate) fn changed(&self) {
        self.changes.send_replace(());
    }

    /// Hears whenever there is something new to tell.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Counts a session that came to its end.
    pub(crate) fn session(&self, took: Duration) {
        self.sessions.observe([], took);
    }

    /// Counts what the policy said to a call.
    pub(crate) fn decided(&self, decision: &'static str, effect: Effect) {
        self.decisions.add([decision, effect.as_str()], 1);
    }

    /// Counts a call that came too soon.
    pub(crate) fn rate_limited(&self, tool: &'static str) {
        self.rate_limited.add([tool], 1);
    }

    /// Counts a confirmation: `accepted`, `asked`, or the code of the error that it ended with.
    pub(crate) fn confirmed(&self, outcome: &'static str) {
        self.confirmations.add([outcome], 1);
    }

    /// Counts what an answer left out or showed otherwise.
    pub(crate) fn answered(&self, tool: &'static str, truncated: bool, altered: Altered) {
        if truncated {
            self.truncated.add([tool], 1);
        }
        self.escaped.fetch_add(altered.escaped, Ordering::Relaxed);
        self.redacted.fetch_add(altered.redacted, Ordering::Relaxed);
    }

    /// Calls and resource reads so far, and how long the last ones took.
    pub(crate) fn summary(&self) -> Recent {
        self.recent().summary()
    }

    /// Adds what `collector` says to every text. It must not wait for anything.
    pub(crate) fn collect(&self, collector: impl Fn(&mut Text) + Send + Sync + 'static) {
        let mut collectors = self.collectors.lock().unwrap_or_else(PoisonError::into_inner);
        collectors.push(Box::new(collector));
    }

    /// All samples, in the text format of Prometheus (0.0.4).
    pub(crate) fn text(&self) -> String {
        let constant = [("service_name", self.service), ("service_instance_id", &self.instance)];
        let mut text = Text::new(&constant);
        let name = "mcp_server_operation_duration_seconds";
        text.family(name, Kind::Histogram, "Requests as the server handled them.");
        self.operations.each(|[method, tool, error], histogram| {
            let labels = [
                ("mcp_method_name", *method),
                ("gen_ai_tool_name", *tool),
                ("error_type", *error),
                ("network_transport", "pipe"),
            ];
            text.histogram(name, &labels, histogram);
        });
        let name = "mcp_server_session_duration_seconds";
        text.family(name, Kind::Histogram, "Connections that came to their end.");
        let labels = [("network_transport", "pipe")];
        self.sessions.each(|_, histogram| text.histogram(name, &labels, histogram));
        let help = "What the policy said to calls.";
        self.decisions.write(&mut text, "policy_decisions", ["decision", "effect"], help);
        let help = "Calls refused because they came too soon.";
        self.rate_limited.write(&mut text, "rate_limited", ["tool"], help);
        let help = "Answers that left something out.";
        self.truncated.write(&mut text, "results_truncated", ["tool"], help);
        let help = "Confirmations that calls needed.";
        self.confirmations.write(&mut text, "confirmations", ["outcome"], help);
        let name = "lockkeeper_altered_total";
        text.family(name, Kind::Counter, "Hidden characters and credentials shown otherwise.");
        for (kind, count) in [("escaped", &self.escaped), ("redacted", &self.redacted)] {
            text.sample(name, &[("kind", kind)], count.load(Ordering::Relaxed));
        }
        for collector in self.collectors.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            collector(&mut text);
        }
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = "lockkeeper_process_start_time_seconds";
        text.family(name, Kind::Gauge, "When the process started, in Unix time.");
        text.sample(name, &[], started.as_secs());
        text.family("lockkeeper_build_info", Kind::Gauge, "Always 1; the version is in its label.");
        text.sample("lockkeeper_build_info", &[("version", self.version)], 1);
        text.end()
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, Ring> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
