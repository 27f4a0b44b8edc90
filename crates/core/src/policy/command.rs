//! `policy check`, `explain` and `test`: what is in force, what it says to a call, and whether it
//! says what was expected when it was written.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Decision, Policy};
use crate::answer::Results;
use crate::catalog::{Catalog, Listing};
use crate::config::{Expected, Test};
use crate::effect::Effect;
use crate::rates::Rates;
use crate::server::{Judgement, Server, StartError};

/// What the policy says to one call, and why.
#[derive(Debug, Serialize)]
pub(crate) struct Explained {
    tool: String,
    effect: Effect,
    decision: &'static str,
    rule: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<Resource>,
    /// The rates that a call like it counts for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    limits: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Resource {
    name: String,
    says: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
}

impl Explained {
    pub(crate) fn is_denied(&self) -> bool {
        self.decision == "deny"
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let Self { tool, effect, decision, rule, resources, limits } = self;
        let mut text = format!("{decision}: {tool} ({effect}): {rule}\n");
        for Resource { name, says, rule } in resources {
            let rule = rule.as_ref().map(|rule| format!(": {rule}")).unwrap_or_default();
            text.push_str(&format!("    {says} `{name}`{rule}\n"));
        }
        for rule in limits {
            text.push_str(&format!("    limited by {rule}\n"));
        }
        text
    }

    /// Adds the rates, unless there is no call to count.
    pub(crate) fn limited_by(&mut self, rates: &Rates) {
        if !self.is_denied() {
            self.limits = rates.rules_for(&self.tool, self.effect);
        }
    }
}

/// Decides about a call without making it.
///
/// # Errors
///
/// A tool that the server doesn't have, or arguments that it would refuse.
pub(crate) async fn explain<S: Server>(
    policy: &Policy,
    source: &S::Source,
    (tool, arguments): (&str, Map<String, Value>),
    live: bool,
) -> Result<Explained, StartError> {
    let open = Policy::open();
    let listing =
        Listing { policy: &open, results: Results::default(), prefix: "", open_world: false };
    let catalog = Catalog::new(S::tools(), &listing);
    let listed = catalog.get(tool).ok_or_else(|| {
        let tools: Vec<&str> = S::tools().iter().map(|tool| tool.name).collect();
        StartError::new(format!("there is no tool `{tool}`; the tools are {}", tools.join(", ")))
    })?;
    let need = listed.prepare(arguments, None).map_err(|error| StartError::new(error.text()))?.need;
    let mut decision = match policy.decide(listed.name, need.effect) {
        Decision::Allow => "allow",
        Decision::Ask => "ask",
        Decision::Refuse | Decision::Hide => "deny",
    };
    let mut rule = policy.rule(listed.name, need.effect);
    let mut resources = Vec::new();
    for name in need.resources {
        let (says, reason) = match S::judge(source, &name, live).await {
            Judgement::Admitted => ("admitted", None),
            Judgement::Unknown(why) => ("unknown", Some(why)),
            Judgement::Denied(by) => {
                if decision != "deny" {
                    (decision, rule) = ("deny", by.clone());
                }
                ("denied", Some(by))
            }
        };
        resources.push(Resource { name, says, rule: reason });
    }
    let (tool, effect, limits) = (listed.name.to_owned(), need.effect, Vec::new());
    Ok(Explained { tool, effect, decision, rule, resources, limits })
}

/// How a `[[test]]` came out: a line, and whether it is as expected.
pub(crate) async fn run_test<S: Server>(
    policy: &Policy,
    source: &S::Source,
    test: &Test,
    live: bool,
) -> (Value, String, bool) {
    let call = (test.tool.as_str(), test.args.clone());
    let (got, why) = match explain::<S>(policy, source, call, live).await {
        Ok(explained) => (explained.decision, explained.text()),
        Err(error) => ("error", format!("error: {error}\n")),
    };
    let expected = match test.expect {
        Expected::Allow => "allow",
        Expected::Ask => "ask",
        Expected::Deny => "deny",
    };
    let passed = got == expected;
    let origin = &test.origin;
    let mark = if passed { "ok  " } else { "FAIL" };
    let mut line = format!("{mark} {origin}: {} expects {expected}", test.tool);
    if passed {
        line.push('\n');
    } else {
        line.push_str(&format!(", got {why}"));
    }
    let value = json!({"test": origin, "tool": test.tool, "expect": expected, "got": got});
    (value, line, passed)
}
