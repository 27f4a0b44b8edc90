//! Keyed hashes of a call's arguments: what binds cursors and confirmations to a call, and what the
//! audit log shows in place of values.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use crate::schema::Object;
use crate::state::hex;

/// Longer values are not recorded in clear.
const MOST_CLEAR: usize = 1_000;

/// The digests of one call's arguments.
pub(crate) struct Digests {
    pub(crate) all: [u8; 32],
    /// Without the arguments that only choose a page: a cursor fits every page of its call.
    pub(crate) page: [u8; 32],
    /// What the audit log shows: digests by name, and what may be seen in clear.
    pub(crate) shown: Object,
    pub(crate) clear: Object,
}

/// What the audit log shows of a tool's arguments.
#[derive(Clone, Copy)]
pub(crate) struct Showing<'a> {
    /// The arguments that the tool has; the names of others are values of whoever made them up.
    pub(crate) known: Option<&'a Object>,
    /// Those that are declared plain.
    pub(crate) plain: &'a [&'a str],
    /// All of them in clear.
    pub(crate) all_clear: bool,
}

impl Digests {
    pub(crate) fn of(key: &[u8], tool: &str, arguments: &Object, showing: Showing<'_>) -> Self {
        let keyed = Keyed::new(key);
        let mut all = keyed.part(tool.as_bytes());
        let mut page = all.clone();
        let (mut shown, mut clear) = (Object::new(), Object::new());
        for (name, value) in arguments {
            let json = value.to_string();
            let digest = keyed.part(b"value").part(json.as_bytes()).finish();
            all = all.part(name.as_bytes()).part(&digest);
            if !matches!(name.as_str(), "cursor" | "limit" | "max_items" | "max_wait") {
                page = page.part(name.as_bytes()).part(&digest);
            }
            let short = Value::from(hex(digest.get(..8).unwrap_or_default()));
            if !showing.known.is_some_and(|known| known.contains_key(name)) {
                shown.insert("_unknown".to_owned(), short);
            } else if (showing.all_clear || showing.plain.contains(&name.as_str()))
                && json.len() <= MOST_CLEAR
            {
                clear.insert(name.clone(), value.clone());
            } else {
                shown.insert(name.clone(), short);
            }
        }
        Self { all: all.finish(), page: page.finish(), shown, clear }
    }
}

#[derive(Clone)]
struct Keyed(Hmac<Sha256>);

impl Keyed {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104)")]
    fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("any length is a key"))
    }

    fn part(&self, part: &[u8]) -> Self {
        let mut with = self.clone();
        with.0.update(&(part.len() as u64).to_le_bytes());
        with.0.update(part);
        with
    }

    fn finish(self) -> [u8; 32] {
        self.0.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn only_what_is_declared_is_seen() {
        let known = object(json!({"path": {}, "text": {}, "limit": {}}));
        let arguments = object(json!({"path": "a", "text": "b", "limit": 1, "canary-1": "c"}));
        let showing = Showing { known: Some(&known), plain: &["path"], all_clear: false };
        let digests = Digests::of(b"key", "tool", &arguments, showing);
        assert_eq!(digests.clear, object(json!({"path": "a"})));
        let names: Vec<_> = digests.shown.keys().map(String::as_str).collect();
        assert_eq!(names, ["_unknown", "limit", "text"]);
        let same = Digests::of(b"key", "other", &object(json!({"text": "b"})), showing);
        assert_eq!(digests.shown["text"], same.shown["text"], "equal values look equal");
        let other = Digests::of(b"other", "tool", &arguments, showing);
        assert_ne!(digests.shown["text"], other.shown["text"]);
        let all_clear = Showing { all_clear: true, ..showing };
        let clear = Digests::of(b"key", "tool", &arguments, all_clear).clear;
        assert_eq!(clear, object(json!({"path": "a", "text": "b", "limit": 1})));
        let long = object(json!({"text": "x".repeat(2_000)}));
        assert!(Digests::of(b"key", "tool", &long, all_clear).clear.is_empty());
    }

    #[test]
    fn a_page_is_the_same_call() {
        let showing = Showing { known: None, plain: &[], all_clear: false };
        let of = |value| Digests::of(b"key", "tool", &object(value), showing);
        let (one, two) =
            (of(json!({"a": 1})), of(json!({"a": 1, "cursor": "x", "limit": 5, "max_wait": 1})));
        assert_eq!(one.page, two.page);
        assert_ne!(one.all, two.all);
        assert_ne!(one.page, of(json!({"a": 2})).page);
        assert_ne!(of(json!({"a": "b", "c": "d"})).all, of(json!({"a": "bc", "d": ""})).all);
    }
}
