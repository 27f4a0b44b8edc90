//! What a tool says when it can't do what was asked: a code for programs, a message, and what the
//! model can do next. Never a secret, and never a path or name outside the caller's scope.

use std::borrow::Cow;
use std::fmt;

use crate::outside::{Altered, Outside};

/// The longest text of an error, bytes; hosts cut longer ones.
const MAX_TEXT: usize = 2_000;

/// A refusal or failure that reaches the model as an `isError` result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolError {
    code: &'static str,
    message: String,
    hint: Option<Cow<'static, str>>,
    retry_after_s: Option<u64>,
    rule: Option<String>,
}

impl ToolError {
    /// An error with a stable `snake_case` code and a message in lower case, without a full stop.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, retry_after_s: None, rule: None }
    }

    /// Adds what the model can do next, as an action.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says which part of the call it is about.
    #[must_use]
    pub fn about(mut self, part: &str) -> Self {
        self.message.insert_str(0, &format!("{part}: "));
        self
    }

    /// Adds when the same call may succeed, seconds.
    #[must_use]
    pub fn retry_after_s(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Names the policy's rule behind a denial. It is recorded in the audit log and never shown.
    #[must_use]
    pub fn denied_by(mut self, rule: impl Into<String>) -> Self {
        self.rule = Some(rule.into());
        self
    }

    /// The rule behind a denial.
    pub(crate) fn rule(&self) -> Option<&str> {
        self.rule.as_deref()
    }

    /// An argument that can't be used, in the model's own terms.
    pub fn invalid_arguments(message: impl Into<String>) -> Self {
        Self::new("invalid_arguments", message)
    }

    /// Shows what comes from outside in it.
    pub(crate) fn show(&mut self, outside: Outside) -> Altered {
        let mut altered = outside.show_in(&mut self.message);
        if let Some(Cow::Owned(hint)) = &mut self.hint {
            altered += outside.show_in(hint);
        }
        altered
    }

    /// A defect of ours. What exactly happened is in the log, not in the answer.
    pub(crate) fn internal() -> Self {
        Self::new("internal", "the call failed unexpectedly; the server goes on")
            .hint("try other arguments; the server's log on stderr says where it failed")
    }

    /// Nobody waits for the call any more.
    pub(crate) fn cancelled() -> Self {
        Self::new("cancelled", "the call was cancelled")
    }

    /// The host has gone, or asked the server to.
    pub(crate) fn ending() -> Self {
        Self::new("ending", "the server is ending")
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Whether the trouble lies with the server or behind it, and not in what was asked for. The
    /// alert rules in `docs/alerts.yml` count the same codes, without those that only ask to wait.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(
            self.code,
            "internal"
                | "busy"
                | "rate_limited"
                | "timeout"
                | "ending"
                | "outcome_unknown"
                | "audit_unavailable"
                | "state_unavailable"
                | "no_credential"
        ) || self.code.starts_with("upstream_")
    }

    /// What went wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The text the model reads: `code: message`, then `next:` and `retry_after_s:` lines.
    pub fn text(&self) -> String {
        let mut text = format!("{}: {}", self.code, self.message);
        crate::text::truncate_at_char(&mut text, MAX_TEXT * 3 / 4);
        if let Some(hint) = &self.hint {
            text.push_str("\nnext: ");
            text.push_str(hint);
        }
        if let Some(seconds) = self.retry_after_s {
            text.push_str(&format!("\nretry_after_s: {seconds}"));
        }
        crate::text::truncate_at_char(&mut text, MAX_TEXT);
        text
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ToolError {}
