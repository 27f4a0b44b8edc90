//! `check`: what is in force, and what is wrong with it.

mod protocol;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Given, Keeping, Served, in_runtime, print, register};
use crate::config::Process;
use crate::credential::Credentials;
use crate::outside::Secrets;
use crate::scrape::Loopback;
use crate::server::{Finding, Server, StartError};
use crate::state::{self, hex};

pub(super) fn run<S: Server>(
    given: Given<S::Options>,
    process: &Process,
    json: bool,
) -> Result<ExitCode, StartError> {
    // The sandbox hides the hosts' files.
    let hosts = register::findings(process, S::NAME);
    let mut served = Served::<S>::open(given, process)?;
    let metrics = served.metrics.findings();
    served.listens.extend(served.metrics.listen.map(|Loopback(address)| address));
    let enforced = served.restrict(Keeping::Nothing)?;
    let mut findings = vec![finding("version", format!("{} {}", S::NAME, S::VERSION), true)];
    findings.extend(settings(&served));
    findings.extend(metrics);
    findings.extend(hosts);
    findings.extend(served.credentials.iter().filter_map(Credentials::finding));
    findings.extend(enforced.findings());
    if !cfg!(target_os = "linux") {
        findings.push(finding("platform", "untested: only Linux is".to_owned(), true));
    }
    let pipeline = Arc::clone(&served.pipeline);
    in_runtime(&pipeline.audit, async {
        findings.push(Box::pin(protocol::told(&served)).await);
        findings.extend(S::report(&pipeline.source).await);
        Ok(ExitCode::SUCCESS)
    })?;
    let ok = findings.iter().all(|finding| finding.ok);
    let rows: Vec<Row<'_>> = findings.iter().map(Row::new).collect();
    if json {
        print(&format!("{}\n", json!({"ok": ok, "findings": rows, "sandbox": enforced})));
    } else {
        print(&table(&rows));
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn finding(subject: &str, state: String, ok: bool) -> Finding {
    Finding { subject: subject.into(), state, ok }
}

/// What settings and policy come to.
fn settings<S: Server>(served: &Served<S>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let pipeline = &served.pipeline;
    if served.files.is_empty() {
        findings.push(finding("config", "none".to_owned(), true));
    }
    findings.extend(served.files.iter().map(|file| finding("config", file.line(), true)));
    let policy = &pipeline.policy;
    let writing = if policy.writes() { "on" } else { "off" };
    let destroy = policy.destroy().as_str();
    let secrets = match policy.outside().secrets() {
        Secrets::Redact => "redacted",
        Secrets::Off => "shown",
    };
    let hash = policy.hash().get(..16).unwrap_or_default();
    let advisory = if served.files.iter().all(|file| file.advisory) {
        ", advisory: whoever starts the server can change it"
    } else {
        ""
    };
    findings.push(finding(
        "policy",
        format!("write {writing}, destroy {destroy}, secrets {secrets}, sha256 {hash}{advisory}"),
        true,
    ));
    let names: Vec<&str> = pipeline.catalog.definitions().map(|d| d.name.as_str()).collect();
    if names.is_empty() {
        let next =
            "none\n  next: the policy hides all of them; `policy explain TOOL` says which rule";
        findings.push(finding("tools", next.to_owned(), false));
    } else {
        findings.push(finding("tools", names.join(" "), true));
    }
    let definitions: Vec<_> = pipeline.catalog.definitions().collect();
    let listed = hex(&Sha256::digest(serde_json::to_vec(&definitions).unwrap_or_default()));
    findings.push(finding("tools/list", format!("sha256 {listed}"), true));
    let limits = pipeline.limits;
    let limits = format!(
        "answers {} bytes, calls {:?}, {} at once, {} queued",
        limits.max_output, limits.call_budget, limits.concurrency, limits.queue
    );
    findings.push(finding("limits", limits, true));
    let rates = pipeline.rates.rules().into_iter();
    findings.extend(rates.map(|rule| finding("rate", rule.to_owned(), true)));
    let place = |subject: &str, flag: &str, said: String, directory: Option<&Path>| match directory
        .and_then(state::trouble)
    {
        Some(trouble) => finding(
            subject,
            format!("{said}: {trouble}\n  next: name another directory with {flag}"),
            false,
        ),
        None => finding(subject, said, true),
    };
    let book = pipeline.audit.rules().directory.as_deref();
    findings.push(place("audit", "--audit", pipeline.audit.summary(), book));
    let state = pipeline.state.directory();
    let said = state.map_or_else(|| "none".to_owned(), |path| path.display().to_string());
    findings.push(place("state", "--state-dir", said, state));
    findings
}

/// A finding, and apart from it what to do.
#[derive(Serialize)]
struct Row<'a> {
    subject: &'a str,
    state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
    ok: bool,
}

impl<'a> Row<'a> {
    fn new(finding: &'a Finding) -> Self {
        let (state, next) = match finding.state.split_once("\n  next: ") {
            Some((state, next)) => (state, Some(next)),
            None => (finding.state.as_str(), None),
        };
        Self { subject: &finding.subject, state, next, ok: finding.ok }
    }
}

fn table(rows: &[Row<'_>]) -> String {
    let width = rows.iter().map(|row| row.subject.len()).max().unwrap_or_default();
    let mut out = String::new();
    for Row { subject, state, next, ok } in rows {
        let mark = if *ok { "ok  " } else { "FAIL" };
        out.push_str(&format!("{mark} {subject:width$}  {state}\n"));
        if let Some(next) = next {
            out.push_str(&format!("     {:width$}  next: {next}\n", ""));
        }
    }
    out
}
