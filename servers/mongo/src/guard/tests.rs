//! What is sent, and what never is: lists of operations, one a line, under several policies. A line is
//! `KIND JSON`, where KIND says which question it is.

use bson::Document;
use lockkeeper_core::{Mask, Masks, Scope, Separator};

use super::*;
use crate::ejson::Given;

mod bounded;
mod fields;
mod names;

/// Operations that write, run code, or ask what isn't an agent's to know: refused under any policy.
const ATTACKS: &str = include_str!("tests/attacks.txt");
/// Operations that reach beyond an allow-list of `shop.orders` and `shop.users`.
const BEYOND: &str = include_str!("tests/beyond.txt");
/// Operations that people ask for: taken under each policy that names their collections.
const LEGITIMATE: &str = include_str!("tests/legitimate.txt");

pub(super) struct World {
    pub(super) policy: Policy,
    pub(super) known: Known,
}

pub(super) fn open() -> World {
    World { policy: Policy::default(), known: Known::new() }
}

/// Rules over a deployment in which every collection that isn't a view exists.
pub(super) fn world(allow: Option<&[&str]>, deny: &[&str], masks: &[(&str, Mask)]) -> World {
    let scope = Scope::stated(allow, deny).names(Separator('.')).unwrap();
    let masks = Masks::stated(masks, Separator('.')).unwrap();
    let mut known = Known::new();
    for name in ["orders", "users", "payroll", "secrets", "items", "places", "nodes"] {
        known.insert(Reference::new("shop", name), Kind::Collection);
    }
    for (name, on, pipeline) in [
        ("cheap", "orders", r#"[{"$match":{"total":{"$lt":10}}}]"#),
        ("names", "users", r#"[{"$project":{"n":"$name","mail":"$email","a":"$address"}}]"#),
        ("on_cheap", "cheap", r#"[{"$project":{"total":1}}]"#),
        ("paid", "payroll", "[]"),
        (
            "joined",
            "orders",
            r#"[{"$lookup":{"from":"payroll","localField":"a","foreignField":"b","as":"p"}}]"#,
        ),
        (
            "deep",
            "orders",
            r#"[{"$facet":{"x":[{"$unionWith":{"coll":"secrets","pipeline":[]}}]}}]"#,
        ),
        ("loop_a", "loop_b", "[]"),
        ("loop_b", "loop_a", "[]"),
    ] {
        let pipeline = stages(pipeline);
        let view = View { on: on.to_owned(), pipeline };
        known.insert(Reference::new("shop", name), Kind::View(view));
    }
    known.insert(Reference::new("shop", "nothing"), Kind::Missing);
    World { policy: Policy::new(scope, masks), known }
}

pub(super) fn two_collections() -> World {
    world(
        Some(&[
            "shop.orders",
            "shop.users",
            "shop.cheap",
            "shop.on_cheap",
            "shop.joined",
            "shop.deep",
            "shop.paid",
            "shop.loop_a",
            "shop.loop_b",
        ]),
        &[],
        &[],
    )
}

pub(super) fn given(json: &str) -> Document {
    serde_json::from_str::<Given>(json).unwrap_or_else(|error| panic!("{error}: {json}")).0
}

pub(super) fn stages(json: &str) -> Vec<Document> {
    let given: Vec<Given> =
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"));
    given.into_iter().map(|given| given.0).collect()
}

impl World {
    /// Asks one line's question about `shop.orders`, or the collection that it names: `find:users`.
    pub(super) fn ask(&self, line: &str) -> Result<Judged, Refusal> {
        let (kind, json) = line.split_once(' ').unwrap_or_else(|| panic!("no line: {line}"));
        let (kind, collection) = kind.split_once(':').unwrap_or((kind, "orders"));
        let of = match collection.split_once('/') {
            Some((database, collection)) => Reference::new(database, collection),
            None => Reference::new("shop", collection),
        };
        let subject = Subject { policy: &self.policy, known: &self.known, of: &of };
        let none = Document::new();
        match kind {
            "pipeline" => aggregate(subject, &stages(json)),
            "find" => filter(subject, &given(json)),
            "projection" => find(subject, &none, &given(json), &none),
            "sort" => find(subject, &none, &none, &given(json)),
            "distinct" => distinct(subject, json, &none),
            "watch" => watch(subject, &stages(json)),
            "update" => update(subject, &none, Update::Operators(&given(json)), &[]),
            "update_pipeline" => update(subject, &none, Update::Pipeline(&stages(json)), &[]),
            "delete" => delete(subject, &given(json)),
            "insert" => insert(subject, &stages(json)),
            "index" => index(subject, &given(json), None),
            "partial" => index(subject, &given(r#"{"a":1}"#), Some(&given(json))),
            other => panic!("no kind of question: {other}"),
        }
    }

    pub(super) fn takes(&self, line: &str) -> Judged {
        let judged =
            self.ask(line).unwrap_or_else(|refusal| panic!("{line}\n  refused: {refusal}"));
        assert!(judged.unresolved.is_empty(), "{line}\n  unresolved: {:?}", judged.unresolved);
        judged
    }

    pub(super) fn refuses(&self, line: &str) -> Refusal {
        match self.ask(line) {
            Ok(judged) => panic!("{line}\n  taken: {:?}", judged.references),
            Err(refusal) => refusal,
        }
    }
}

fn lines(list: &str) -> impl Iterator<Item = &str> {
    list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[test]
fn attacks_are_refused_under_any_policy() {
    assert!(lines(ATTACKS).count() >= 110, "{}", lines(ATTACKS).count());
    for line in lines(ATTACKS) {
        open().refuses(line);
        world(None, &[], &[]).refuses(line);
        two_collections().refuses(line);
    }
}

#[test]
fn what_lies_beyond_the_allow_list_is_missing() {
    assert!(lines(BEYOND).count() >= 50, "{}", lines(BEYOND).count());
    let world = two_collections();
    for line in lines(BEYOND) {
        let refusal = world.refuses(line);
        assert!(matches!(refusal, Refusal::Missing { .. }), "{line}: {refusal}");
    }
}

#[test]
fn what_people_ask_for_is_taken() {
    assert!(lines(LEGITIMATE).count() >= 130, "{}", lines(LEGITIMATE).count());
    for line in lines(LEGITIMATE) {
        if let Err(refusal) = open().ask(line) {
            panic!("{line}\n  refused: {refusal}");
        }
        two_collections().takes(line);
        world(None, &["shop.payroll", "shop.users.password"], &[]).takes(line);
    }
}
