//! The promises of a policy, over every pair of sources from a pool that says everything in every
//! combination.

use super::*;
use crate::outside::Secrets;
use crate::policy::scope::NamePattern;

const TOOLS: [&str; 4] = ["read_file", "find_files", "read_secret_file", "edit_file"];
const EFFECTS: [Effect; 4] = [Effect::Read, Effect::Add, Effect::Change, Effect::Destroy];
const NAMES: [&str; 4] = ["app.users", "app.payroll", "hr.people", "hr"];

fn policy(sources: &[PolicySource]) -> Result<Policy, String> {
    let name = |text: &str| NamePattern::new(text, Separator('.')).map(drop);
    let separator = Separator('.');
    Policy::new(sources, &Subjects { tools: &TOOLS, separator, resource: name, mask: name })
}

fn list(patterns: &[&str]) -> Vec<Stated<String>> {
    patterns.iter().map(|text| Stated::new((*text).to_owned(), "here:1")).collect()
}

fn source(write: Option<bool>, destroy: Option<Destroy>) -> PolicySource {
    PolicySource {
        write: write.map(|write| Stated::new(write, "w")),
        destroy: destroy.map(|destroy| Stated::new(destroy, "d")),
        ..PolicySource::default()
    }
}

fn patterns(allow: Option<&[&str]>, deny: &[&str]) -> Patterns {
    Patterns { allow: allow.map(list), deny: list(deny) }
}

fn pool() -> Vec<PolicySource> {
    let mut pool = Vec::new();
    for write in [None, Some(false), Some(true)] {
        for destroy in [None, Some(Destroy::Never), Some(Destroy::Allow)] {
            for (allow, deny) in [
                (None, &[][..]),
                (Some(&["read_*", "edit_file"][..]), &["*secret*"]),
                (Some(&[]), &[]),
            ] {
                for (admit, hide) in
                    [(None, &[][..]), (Some(&["app", "hr.**"][..]), &["**.payroll", "hr.people"])]
                {
                    pool.push(PolicySource {
                        tools: patterns(allow, deny),
                        resources: patterns(admit, hide),
                        ..source(write, destroy)
                    });
                }
            }
        }
    }
    pool
}

/// How far each call and each resource gets: smaller is narrower.
fn reach(policy: &Policy) -> Vec<u8> {
    let calls = TOOLS.iter().flat_map(|tool| EFFECTS.map(|effect| policy.decide(tool, effect)));
    let calls = calls.map(|decision| match decision {
        Decision::Hide | Decision::Refuse => 0,
        Decision::Ask => 1,
        Decision::Allow => 2,
    });
    let scope = policy.scope().names(Separator('.')).unwrap();
    let admits = |name: &&str| scope.admits(&name.split('.').collect::<Vec<_>>()).is_ok();
    calls.chain(NAMES.iter().map(|name| u8::from(admits(name)))).collect()
}

#[test]
fn another_source_never_widens_and_order_never_matters() {
    let pool = pool();
    for (i, first) in pool.iter().enumerate() {
        let alone = reach(&policy(std::slice::from_ref(first)).unwrap());
        for second in pool.iter().skip(i) {
            let both = policy(&[first.clone(), second.clone()]).unwrap();
            let turned = policy(&[second.clone(), first.clone()]).unwrap();
            assert_eq!(reach(&both), reach(&turned));
            assert_eq!(both.hash(), turned.hash());
            // Writing and destroying have defaults, which a stated value replaces.
            let compared = |call: usize| match EFFECTS.get(call % EFFECTS.len()) {
                _ if call >= TOOLS.len() * EFFECTS.len() => true,
                Some(Effect::Read) => true,
                Some(Effect::Destroy) => first.write.is_some() && first.destroy.is_some(),
                _ => first.write.is_some(),
            };
            for (call, (both, alone)) in reach(&both).iter().zip(&alone).enumerate() {
                assert!(!compared(call) || both <= alone, "{call}: {first:?}\n{second:?}");
            }
        }
    }
}

#[test]
fn the_order_of_rules_never_matters() {
    for mut source in pool() {
        let before = policy(std::slice::from_ref(&source)).unwrap();
        for patterns in [&mut source.tools, &mut source.resources] {
            patterns.deny.reverse();
            patterns.allow.iter_mut().for_each(|allow| allow.reverse());
        }
        let after = policy(&[source]).unwrap();
        assert_eq!(reach(&before), reach(&after));
        assert_eq!(before.hash(), after.hash());
    }
}

#[test]
fn what_is_listed_is_not_refused() {
    for source in pool() {
        let policy = policy(&[source]).unwrap();
        for tool in TOOLS {
            for effect in EFFECTS {
                let goes_on =
                    matches!(policy.decide(tool, effect), Decision::Allow | Decision::Ask);
                assert_eq!(policy.lists(tool, effect), goes_on);
                assert!(!policy.rule(tool, effect).is_empty());
            }
        }
    }
}

#[test]
fn without_a_source_nothing_is_altered() {
    let policy = policy(&[]).unwrap();
    assert_eq!(policy.decide("read_file", Effect::Read), Decision::Allow);
    for effect in [Effect::Add, Effect::Change, Effect::Destroy] {
        assert_eq!(policy.decide("edit_file", effect), Decision::Hide);
    }
    let writing = self::policy(&[source(Some(true), None)]).unwrap();
    assert_eq!(writing.decide("edit_file", Effect::Destroy), Decision::Ask);
    assert_eq!(writing.rule("edit_file", Effect::Destroy), "destroy = \"ask\" (default)");
}

#[test]
fn a_denial_names_its_rule() {
    let tools = patterns(Some(&["read_*"]), &["*secret*"]);
    let policy = policy(&[PolicySource { tools, ..source(Some(false), None) }]).unwrap();
    let rule = |tool| policy.rule(tool, Effect::Change);
    assert_eq!(rule("read_secret_file"), "tools.deny `*secret*` (here:1)");
    assert_eq!(rule("find_files"), "tools.allow does not name it (here:1)");
    assert_eq!(rule("read_file"), "write = false (w)");
}

#[test]
fn a_rule_that_speaks_about_nothing_is_refused() {
    for (tools, resources, expected) in [
        (&["read_flie"][..], &[][..], "here:1: there is no tool `read_flie`; the tools are read_"),
        (&["read_["], &[], "here:1: `read_[`: unclosed character class"),
        (&[], &["app..users"], "here:1: `app..users`: a part of the name is empty"),
    ] {
        let source = PolicySource {
            tools: patterns(None, tools),
            resources: patterns(Some(resources), &[]),
            ..PolicySource::default()
        };
        let error = policy(&[source]).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
    let mask = vec![(list(&["a["]).remove(0), mask::Mask::Hash)];
    let error = policy(&[PolicySource { mask, ..PolicySource::default() }]).unwrap_err();
    assert!(error.starts_with("here:1: `a[`"), "{error}");
    // One that may come to mean something is fine.
    let tools = patterns(None, &["run_*"]);
    assert!(policy(&[PolicySource { tools, ..PolicySource::default() }]).is_ok());
}

#[test]
fn credentials_are_shown_only_if_every_source_says_so() {
    let source = |secrets| PolicySource {
        secrets: Some(Stated::new(secrets, "s")),
        ..PolicySource::default()
    };
    let secrets = |sources: &[PolicySource]| policy(sources).unwrap().outside().secrets();
    assert_eq!(secrets(&[]), Secrets::Redact);
    assert_eq!(secrets(&[source(Secrets::Off)]), Secrets::Off);
    assert_eq!(secrets(&[source(Secrets::Redact), source(Secrets::Off)]), Secrets::Redact);
}

#[test]
fn a_setting_of_the_server_opens_one_tool_and_no_ceiling() {
    let openings = || vec![("edit_file", Opening::Adds), ("find_files", Opening::Absent)];
    for (sources, expected) in [
        (vec![], Decision::Allow),
        (vec![source(Some(true), None)], Decision::Allow),
        (vec![source(Some(false), None)], Decision::Hide),
        (vec![source(Some(true), None), source(Some(false), None)], Decision::Hide),
        (
            vec![PolicySource { tools: patterns(None, &["edit_*"]), ..source(None, None) }],
            Decision::Hide,
        ),
    ] {
        let policy = policy(&sources).unwrap().opened(openings());
        assert_eq!(policy.decide("edit_file", Effect::Add), expected, "{sources:?}");
        assert_eq!(policy.writes_here(), expected == Decision::Allow, "{sources:?}");
        assert_eq!(policy.decide("find_files", Effect::Read), Decision::Hide);
        let others = sources.iter().all(|s| s.write.as_ref().is_some_and(|write| write.value));
        let others = others && !sources.is_empty();
        assert_eq!(policy.lists("read_file", Effect::Add), others, "{sources:?}");
        assert_eq!(policy.lists("edit_file", Effect::Change), others, "{sources:?}");
    }
}
