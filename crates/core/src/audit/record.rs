//! What a line of a segment says.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::effect::Effect;
use crate::error::ToolError;
use crate::schema::Object;
use crate::time::rfc3339_micros;
use crate::trace::TraceId;

/// What is known of a call before it runs.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Subject {
    pub(crate) tool: String,
    pub(crate) effect: Effect,
    pub(crate) resources: Vec<String>,
    /// Keyed digests of the arguments, by name: equal values are seen as equal.
    #[serde(skip_serializing_if = "Object::is_empty")]
    pub(crate) args: Object,
    /// Arguments in clear.
    #[serde(skip_serializing_if = "Object::is_empty")]
    pub(crate) plain: Object,
    /// Name and version that the client gave itself.
    pub(crate) client: String,
    /// The trace that the client says the call belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trace: Option<TraceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decision: Option<Decided>,
}

impl Subject {
    /// A call of which nothing more is known yet.
    pub(crate) fn new(tool: &str, client: &str) -> Self {
        Self {
            tool: tool.to_owned(),
            effect: Effect::Read,
            resources: Vec::new(),
            args: Object::new(),
            plain: Object::new(),
            client: client.to_owned(),
            trace: None,
            decision: None,
        }
    }
}

/// What the policy said to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Decided {
    effect: &'static str,
    /// The rule that decided, as the policy names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
}

impl Decided {
    pub(crate) const ALLOW: Self = Self { effect: "allow", rule: None };
    pub(crate) const ASK: Self = Self { effect: "ask", rule: None };
    pub(crate) const DENY: Self = Self { effect: "deny", rule: None };

    /// `allow`, `ask` or `deny`.
    pub(crate) fn effect(&self) -> &'static str {
        self.effect
    }

    /// By this rule.
    pub(crate) fn by(self, rule: impl Into<String>) -> Self {
        Self { rule: Some(rule.into()), ..self }
    }
}

/// How a call ended.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct End {
    /// `ok`, or the error's code.
    pub(crate) code: &'static str,
    pub(crate) bytes: usize,
    pub(crate) truncated: bool,
    /// The rule behind an error that is a denial.
    #[serde(skip)]
    pub(crate) denied_by: Option<String>,
}

impl End {
    /// The end of a call that came back with `error`.
    pub(crate) fn failed(error: &ToolError) -> Self {
        let denied_by = error.rule().map(str::to_owned);
        Self { code: error.code(), denied_by, ..Self::default() }
    }
}

/// One record, without what the chain adds.
pub(super) struct Record<'a> {
    pub(super) mono_us: u128,
    pub(super) what: What<'a>,
}

#[derive(Serialize)]
#[serde(tag = "ev", rename_all = "lowercase")]
pub(super) enum What<'a> {
    /// The first record of a segment.
    Open(Opening<'a>),
    /// A mutation is about to begin.
    Intent {
        call: u64,
        #[serde(flatten)]
        subject: &'a Subject,
    },
    /// A call came to its end.
    Outcome {
        call: u64,
        #[serde(flatten)]
        subject: &'a Subject,
        #[serde(flatten)]
        end: &'a End,
        dur_us: u128,
    },
    /// The last record of a segment.
    Close { reason: &'static str },
}

#[derive(Serialize)]
pub(super) struct Opening<'a> {
    pub(super) principal: &'a Principal,
    /// The segment that this process wrote before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<&'a str>,
}

/// In whose name the server runs, as far as the system says it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Principal {
    pid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_exe: Option<String>,
}

impl Principal {
    pub(super) fn here() -> Self {
        let mut here = Self { pid: std::process::id(), ..Self::default() };
        #[cfg(unix)]
        {
            let parent = std::os::unix::process::parent_id();
            let proc = std::path::Path::new("/proc");
            let own = std::fs::metadata(proc.join("self")).ok();
            here.uid = own.map(|own| std::os::unix::fs::MetadataExt::uid(&own));
            here.parent = Some(parent);
            let exe = std::fs::read_link(proc.join(parent.to_string()).join("exe")).ok();
            // Not every path is text, and one that isn't is no reason to record nothing.
            here.parent_exe = exe.map(|exe| exe.to_string_lossy().into_owned());
        }
        here
    }
}

/// What all records of a process have in common.
pub(crate) struct Process {
    pub(super) server: &'static str,
    pub(super) instance: String,
    pub(super) principal: Principal,
    /// Members of a JSON object, ready to be written.
    common: Vec<u8>,
}

impl Process {
    pub(crate) fn new(server: &'static str, version: &str, policy: &str, instance: &str) -> Self {
        let policy: String = policy.chars().take(16).collect();
        let common = serde_json::json!({
            "server": server, "version": version, "instance": instance, "policy": policy,
        });
        let common = common.to_string();
        let common = common.trim_start_matches('{').trim_end_matches('}').as_bytes().to_vec();
        Self { server, instance: instance.to_owned(), principal: Principal::here(), common }
    }

    /// Begins a line with `record`, up to where the chain goes on.
    pub(super) fn write(
        &self,
        line: &mut Vec<u8>,
        record: &Record<'_>,
        (seq, lost): (u64, u64),
    ) -> serde_json::Result<()> {
        let (ts, mono) = (rfc3339_micros(SystemTime::now()), record.mono_us);
        line.extend_from_slice(
            format!(r#"{{"v":1,"seq":{seq},"ts":"{ts}","mono_us":{mono},"#).as_bytes(),
        );
        if lost > 0 {
            line.extend_from_slice(format!(r#""lost":{lost},"#).as_bytes());
        }
        line.extend_from_slice(&self.common);
        let own = line.len();
        serde_json::to_writer(&mut *line, &record.what)?;
        if let Some(brace) = line.get_mut(own) {
            *brace = b',';
        }
        line.pop();
        Ok(())
    }
}

/// A record as it is read back, as far as anything asks.
#[derive(Debug, Deserialize)]
pub(super) struct Seen {
    pub(super) seq: u64,
    pub(super) ts: String,
    pub(super) ev: String,
    #[serde(default)]
    pub(super) lost: u64,
    #[serde(default)]
    pub(super) instance: String,
    #[serde(default)]
    pub(super) call: u64,
    #[serde(default)]
    pub(super) tool: String,
    #[serde(default)]
    pub(super) effect: String,
    #[serde(default)]
    pub(super) client: String,
    #[serde(default)]
    pub(super) resources: Vec<String>,
    #[serde(default)]
    pub(super) decision: Value,
    #[serde(default)]
    pub(super) code: String,
    #[serde(default)]
    pub(super) dur_us: u64,
}
