//! Rate limits: how many calls a server takes in a time, all of them, those that alter something, or
//! those of some tools. Every rule of every source is a bucket of its own, so that no source can
//! widen another's. Limits hold for one process: siblings have their own.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use globset::{Glob, GlobMatcher};
use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};
use serde::Deserialize;
use tokio::time::Instant;

use crate::effect::Effect;
use crate::error::ToolError;
use crate::policy::stated::Stated;

/// The most that a rule may allow; more is no limit.
const MOST: u32 = 1_000_000;

/// So many calls in a time, all at once if need be: `30/min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Rate {
    calls: NonZeroU32,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem =
            || format!("a rate is a number of calls from 1 to {MOST} by s, min or h: 30/min");
        let (calls, unit) = text.split_once('/').ok_or_else(problem)?;
        let unit = match unit.trim() {
            "s" => Unit::Second,
            "min" => Unit::Minute,
            "h" => Unit::Hour,
            _ => return Err(problem()),
        };
        let calls: NonZeroU32 = calls.trim().parse().map_err(|_| problem())?;
        (calls.get() <= MOST).then_some(Self { calls, unit }).ok_or_else(problem)
    }
}

impl TryFrom<String> for Rate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = match self.unit {
            Unit::Second => "s",
            Unit::Minute => "min",
            Unit::Hour => "h",
        };
        write!(f, "{}/{unit}", self.calls)
    }
}

/// What one source says of rates.
#[derive(Debug, Clone, Default)]
pub(crate) struct RateSource {
    /// Of all calls.
    pub(crate) calls: Option<Stated<Rate>>,
    /// Of calls that alter something.
    pub(crate) writes: Option<Stated<Rate>>,
    /// Of calls of the tools that a pattern names, all together.
    pub(crate) tools: Vec<(Stated<String>, Rate)>,
}

/// The limits in force.
#[derive(Default)]
pub(crate) struct Rates {
    calls: Vec<Bucket>,
    writes: Vec<Bucket>,
    tools: Vec<(GlobMatcher, Bucket)>,
    /// Whose turn it is: between looking at some buckets and taking from them, nobody else does.
    turn: Mutex<()>,
}

struct Bucket {
    rate: Rate,
    /// What it counts, for whoever called too soon.
    what: String,
    /// The rule and its place, for the owner.
    rule: String,
    limiter: RateLimiter<Ask, Level, Clock, NoOpMiddleware<Duration>>,
}

/// What is done to a bucket that has room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Ask {
    Look,
    Take,
}

/// How full a bucket is, as governor counts it.
#[derive(Debug, Default)]
struct Level(Mutex<Option<Nanos>>);

impl StateStore for Level {
    type Key = Ask;

    fn measure_and_replace<T, F, E>(&self, ask: &Ask, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut level = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (found, next) = measure(*level)?;
        if *ask == Ask::Take {
            *level = Some(next);
        }
        Ok(found)
    }
}

impl Rates {
    /// All that `sources` say about a server's `tools`; where none says anything about writing, what
    /// the server says of itself.
    ///
    /// # Errors
    ///
    /// The first rule that speaks about no tool, with its place.
    pub(crate) fn new(
        sources: &[RateSource],
        tools: &[&str],
        writes: Option<&str>,
    ) -> Result<Self, String> {
        let mut rates = Self::default();
        for source in sources {
            let stated = |stated: &Stated<Rate>, key: &str, what: &str| {
                let rule = format!("limits.{key} `{}` ({})", stated.value, stated.origin);
                Bucket::new(stated.value, what.to_owned(), rule)
            };
            let calls = source.calls.iter();
            rates.calls.extend(calls.map(|rate| stated(rate, "rate", "calls")));
            let writes = source.writes.iter();
            rates.writes.extend(writes.map(|rate| stated(rate, "write_rate", CHANGES)));
            for (pattern, rate) in &source.tools {
                let Stated { value, origin } = pattern;
                let glob = Glob::new(value).map_err(|error| format!("{origin}: {error}"))?;
                let matcher = glob.compile_matcher();
                if !tools.iter().any(|tool| matcher.is_match(tool)) {
                    let tools = tools.join(", ");
                    return Err(format!("{origin}: no tool matches `{value}`; they are {tools}"));
                }
                let rule = format!("limits.tools `{value}` = `{rate}` ({origin})");
                let what = format!("calls of `{value}`");
                rates.tools.push((matcher, Bucket::new(*rate, what, rule)));
            }
        }
        if let Some(rate) = writes.filter(|_| rates.writes.is_empty()) {
            let rate = rate.parse()?;
            let rule = format!("limits.write_rate `{rate}` (built in)");
            rates.writes.push(Bucket::new(rate, CHANGES.to_owned(), rule));
        }
        Ok(rates)
    }

    /// Counts a call of `tool`, or of none in force.
    ///
    /// # Errors
    ///
    /// The refusal, with the rule, if it comes too soon. What one rule refuses counts for none: who
    /// asks one tool too often can still use the others, and who comes back when told to has lost
    /// nothing.
    pub(crate) fn admit(&self, tool: Option<&str>) -> Result<(), ToolError> {
        self.take(&self.of_tool(tool).chain(&self.calls))
    }

    /// Counts a call that is about to alter something.
    ///
    /// # Errors
    ///
    /// The refusal, if it comes too soon.
    pub(crate) fn admit_write(&self) -> Result<(), ToolError> {
        self.take(&self.writes.iter())
    }

    /// Whether a call that would alter something would be let through now. It counts nothing.
    ///
    /// # Errors
    ///
    /// The refusal, if it wouldn't.
    pub(crate) fn room_to_write(&self) -> Result<(), ToolError> {
        self.writes.iter().try_for_each(|bucket| bucket.ask(Ask::Look))
    }

    /// Takes from all of these buckets, or from none.
    fn take<'a>(
        &self,
        buckets: &(impl Iterator<Item = &'a Bucket> + Clone),
    ) -> Result<(), ToolError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.clone().try_for_each(|bucket| bucket.ask(Ask::Look))?;
        buckets.clone().try_for_each(|bucket| bucket.ask(Ask::Take))
    }

    /// Every rule in force, with its place.
    pub(crate) fn rules(&self) -> Vec<&str> {
        let tools = self.tools.iter().map(|(_, bucket)| bucket);
        let all = self.calls.iter().chain(&self.writes).chain(tools);
        all.map(|bucket| &*bucket.rule).collect()
    }

    /// The rules that a call of `tool` with this effect counts for.
    pub(crate) fn rules_for(&self, tool: &str, effect: Effect) -> Vec<String> {
        let writes = self.writes.iter().filter(|_| effect.mutates());
        let all = self.of_tool(Some(tool)).chain(&self.calls).chain(writes);
        all.map(|bucket| bucket.rule.clone()).collect()
    }

    fn of_tool<'a>(&'a self, tool: Option<&'a str>) -> impl Iterator<Item = &'a Bucket> + Clone {
        let named = self
            .tools
            .iter()
            .filter(move |(pattern, _)| tool.is_some_and(|tool| pattern.is_match(tool)));
        named.map(|(_, bucket)| bucket)
    }
}

/// What the limit on writing counts.
const CHANGES: &str = "calls that change something";

impl Bucket {
    fn new(rate: Rate, what: String, rule: String) -> Self {
        let quota = match rate.unit {
            Unit::Second => Quota::per_second(rate.calls),
            Unit::Minute => Quota::per_minute(rate.calls),
            Unit::Hour => Quota::per_hour(rate.calls),
        };
        let limiter = RateLimiter::new(quota, Level::default(), Clock(Instant::now()));
        Self { rate, what, rule, limiter }
    }

    fn ask(&self, ask: Ask) -> Result<(), ToolError> {
        let Err(not_yet) = self.limiter.check_key(&ask) else { return Ok(()) };
        let wait = not_yet.wait_time_from(self.limiter.clock().now());
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let message = format!("this server takes at most {} {}", self.rate, self.what);
        Err(ToolError::new("rate_limited", message)
            .hint("call again later, or ask for more in one call")
            .retry_after_s(seconds.max(1))
            .denied_by(&self.rule))
    }
}

/// The time since a server's start, which tests can turn.
#[derive(Debug, Clone)]
struct Clock(Instant);

impl governor::clock::Clock for Clock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOLS: [&str; 3] = ["search_text", "search_names", "write_file"];

    fn stated<T>(value: T) -> Stated<T> {
        Stated::new(value, "limits.toml:3")
    }

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    fn tools(pattern: &str, text: &str) -> RateSource {
        RateSource {
            tools: vec![(stated(pattern.to_owned()), rate(text))],
            ..RateSource::default()
        }
    }

    fn calls(text: &str) -> RateSource {
        RateSource { calls: Some(stated(rate(text))), ..RateSource::default() }
    }

    #[test]
    fn a_rate_is_a_number_and_a_unit() {
        for text in ["1/s", "300/min", "1000000/h"] {
            assert_eq!(rate(text).to_string(), text);
        }
        assert_eq!(rate(" 20 / min ").to_string(), "20/min");
        for text in ["", "30", "0/min", "-1/min", "1.5/s", "30/m", "30/day", "1000001/s", "/min"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_refills_with_time() {
        let rates = Rates::new(&[calls("2/min")], &TOOLS, None).unwrap();
        rates.admit(Some("write_file")).unwrap();
        rates.admit(None).unwrap();
        let refused = rates.admit(None).unwrap_err();
        assert_eq!(
            refused.text(),
            "rate_limited: this server takes at most 2/min calls\n\
             next: call again later, or ask for more in one call\nretry_after_s: 30"
        );
        assert_eq!(refused.rule(), Some("limits.rate `2/min` (limits.toml:3)"));
        // Asking again puts nothing off, and what is said to be long enough is.
        tokio::time::advance(Duration::from_millis(500)).await;
        assert!(rates.admit(None).unwrap_err().text().ends_with("retry_after_s: 30"), "rounded up");
        tokio::time::advance(Duration::from_millis(29_500)).await;
        rates.admit(None).unwrap();
        assert!(rates.admit(None).is_err());
        tokio::time::advance(Duration::from_hours(1)).await;
        rates.admit(None).unwrap();
        rates.admit(None).unwrap();
        assert!(rates.admit(None).is_err(), "no more at once than the rule says");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rule_over_tools_is_one_bucket() {
        let sources = [tools("search_*", "2/h"), calls("3/h")];
        let rates = Rates::new(&sources, &TOOLS, None).unwrap();
        rates.admit(Some("search_text")).unwrap();
        rates.admit(Some("search_names")).unwrap();
        for _ in 0..10 {
            let refused = rates.admit(Some("search_text")).unwrap_err();
            assert!(refused.message().contains("`search_*`"), "{refused}");
        }
        // What was refused by name took nothing from the others.
        rates.admit(Some("write_file")).unwrap();
        assert_eq!(
            rates.admit(Some("write_file")).unwrap_err().message(),
            "this server takes at most 3/h calls"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn every_source_counts() {
        for sources in [[calls("1/h"), calls("9/s")], [calls("9/s"), calls("1/h")]] {
            let rates = Rates::new(&sources, &TOOLS, None).unwrap();
            rates.admit(None).unwrap();
            assert!(rates.admit(None).is_err(), "none widens another, in whatever order");
            assert_eq!(rates.rules().len(), 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_rule_refuses_counts_for_no_other() {
        let rates = Rates::new(&[tools("search_*", "2/h"), calls("1/min")], &TOOLS, None).unwrap();
        rates.admit(Some("write_file")).unwrap();
        for _ in 0..10 {
            let refused = rates.admit(Some("search_text")).unwrap_err();
            assert!(refused.text().ends_with("retry_after_s: 60"), "{refused}");
        }
        for _ in 0..2 {
            tokio::time::advance(Duration::from_mins(1)).await;
            rates.admit(Some("search_text")).unwrap();
        }
        let sources = ["2/min", "1/s"]
            .map(|text| RateSource { writes: Some(stated(rate(text))), ..RateSource::default() });
        let rates = Rates::new(&sources, &TOOLS, None).unwrap();
        rates.admit_write().unwrap();
        for _ in 0..10 {
            assert!(rates.admit_write().unwrap_err().text().ends_with("retry_after_s: 1"));
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        rates.admit_write().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_s_own_limit_on_writing_is_a_default() {
        let rates = Rates::new(&[], &TOOLS, Some("1/min")).unwrap();
        rates.admit_write().unwrap();
        assert!(rates.admit_write().is_err());
        assert_eq!(rates.rules(), ["limits.write_rate `1/min` (built in)"]);
        let writes = Some(stated(rate("2/min")));
        let said = RateSource { writes, ..RateSource::default() };
        let rates = Rates::new(&[said], &TOOLS, Some("1/min")).unwrap();
        assert_eq!(rates.rules(), ["limits.write_rate `2/min` (limits.toml:3)"]);
        assert_eq!(rates.rules_for("search_text", Effect::Read), [""; 0]);
        assert_eq!(rates.rules_for("write_file", Effect::Add).len(), 1);
    }

    #[test]
    fn a_rule_about_nothing_is_refused() {
        for pattern in ["serch_*", "[", ""] {
            let error = Rates::new(&[tools(pattern, "1/s")], &TOOLS, None).err().unwrap();
            assert!(error.starts_with("limits.toml:3: "), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_at_once_are_told_when_to_come_back() {
        let rates = Rates::new(&[calls("100/min")], &TOOLS, None).unwrap();
        let answers: Vec<_> = (0..1_000).map(|_| rates.admit(Some("search_text"))).collect();
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 100);
        let told = answers.iter().filter_map(|answer| answer.as_ref().err());
        assert!(told.clone().all(|error| error.code() == "rate_limited"));
        assert!(told.clone().all(|error| error.text().ends_with("retry_after_s: 1")));
    }
}
