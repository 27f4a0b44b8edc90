//! What is to go wrong, and when.

use std::collections::VecDeque;
use std::time::Duration;

use crate::dice::Dice;

/// What the HTTP proxy does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing goes wrong.
    Pass,
    /// The request is passed on this much later.
    Latency(Duration),
    /// The connection is reset; the upstream never gets the request.
    ResetBefore,
    /// The upstream got the request and answered; then the connection is reset.
    ResetAfter,
    /// No answer, ever; the upstream never gets the request.
    Silence,
    /// The upstream got the request and answered; the answer never arrives.
    SilenceAfter,
    /// So many bytes of the body at once, with a pause after each.
    SlowBody(usize, Duration),
    /// Half of the body, then the end, though `Content-Length` promised all of it.
    CutLength,
    /// Half of the body in a chunk, then the end, without the chunk that ends a body.
    CutChunks,
    /// Half of the body, then a reset.
    ResetInBody,
    /// This status instead of the upstream, which never gets the request, with `Retry-After`.
    Status(u16, Option<u32>),
    /// The upstream got the request and answered; the client gets this status, as from a gateway
    /// that lost the answer.
    StatusAfter(u16),
    /// Something that is not HTTP.
    Malformed,
    /// Header fields without end.
    EndlessHeaders,
    /// A compressed body that becomes so many bytes: as many as the proxy's first bomb has.
    GzipBomb(usize),
}

impl Fault {
    /// What it is called in logs and tables.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Latency(_) => "latency",
            Self::ResetBefore => "reset before the request",
            Self::ResetAfter => "reset after the request",
            Self::Silence => "silence",
            Self::SilenceAfter => "silence after the request",
            Self::SlowBody(..) => "slow body",
            Self::CutLength => "body cut short",
            Self::CutChunks => "chunks cut short",
            Self::ResetInBody => "reset in the body",
            Self::Status(429, _) => "429",
            Self::Status(403, _) => "403",
            Self::Status(503, _) => "503",
            Self::Status(..) => "other status",
            Self::StatusAfter(_) => "5xx after the request",
            Self::Malformed => "not HTTP",
            Self::EndlessHeaders => "endless headers",
            Self::GzipBomb(_) => "gzip bomb",
        }
    }

    /// Whether the upstream gets the request all the same.
    pub fn forwards(&self) -> bool {
        !matches!(
            self,
            Self::ResetBefore
                | Self::Silence
                | Self::Status(..)
                | Self::Malformed
                | Self::EndlessHeaders
                | Self::GzipBomb(_)
        )
    }
}

/// A fault for the requests that it describes.
#[derive(Clone, Debug)]
pub struct Rule {
    fault: Fault,
    method: Option<String>,
    path: Option<String>,
    left: Option<usize>,
}

impl Rule {
    /// A fault for every request, always.
    pub fn new(fault: Fault) -> Self {
        Self { fault, method: None, path: None, left: None }
    }

    /// Only for requests with this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Only for requests whose path begins like this.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// Only so often.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.left = Some(times);
        self
    }

    fn meets(&self, method: &str, path: &str) -> bool {
        self.left != Some(0)
            && self.method.as_ref().is_none_or(|wanted| wanted == method)
            && self.path.as_ref().is_none_or(|wanted| path.starts_with(wanted))
    }
}

/// A queue for the next requests, then rules, then chance, in this order.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) queue: VecDeque<Fault>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) mix: Vec<(u32, Fault)>,
    pub(crate) dice: Dice,
}

impl Default for Script {
    fn default() -> Self {
        let (queue, rules, mix) = (VecDeque::new(), Vec::new(), Vec::new());
        Self { queue, rules, mix, dice: Dice::new(0) }
    }
}

impl Script {
    pub(crate) fn decide(&mut self, method: &str, path: &str) -> Fault {
        if let Some(fault) = self.queue.pop_front() {
            return fault;
        }
        if let Some(rule) = self.rules.iter_mut().find(|rule| rule.meets(method, path)) {
            rule.left = rule.left.map(|left| left - 1);
            return rule.fault.clone();
        }
        self.dice.pick(&self.mix).cloned().unwrap_or(Fault::Pass)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_comes_before_rules_and_rules_before_chance() {
        let mut script = Script::default();
        script.queue.push_back(Fault::ResetAfter);
        script.rules.push(Rule::new(Fault::Silence).method("POST").path("/notes").times(2));
        script.mix = vec![(1, Fault::Malformed)];
        let mut decide = |method, path| script.decide(method, path);
        assert_eq!(decide("POST", "/notes"), Fault::ResetAfter);
        assert_eq!(decide("GET", "/notes"), Fault::Malformed);
        assert_eq!(decide("POST", "/other"), Fault::Malformed);
        assert_eq!(decide("POST", "/notes/1"), Fault::Silence);
        assert_eq!(decide("POST", "/notes"), Fault::Silence);
        assert_eq!(decide("POST", "/notes"), Fault::Malformed);
        assert_eq!(Script::default().decide("GET", "/"), Fault::Pass);
    }
}
