//! Values that agents see only a trace of. Which values a pattern names is the server's grammar;
//! what is left of them is decided here.

use std::sync::Arc;

use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::scope::{Beneath, NamePattern, Separator};
use super::stated::Stated;
use crate::state::{State, hex};

/// What is left of a masked value, strictest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mask {
    /// Its last four characters, of at least eight.
    Last4,
    /// A keyed hash: equal values stay equal, on this machine and for this user.
    Hash,
    /// Nothing.
    Redact,
}

#[derive(Debug, Clone)]
struct Rule {
    pattern: NamePattern,
    mask: Mask,
    stated: Stated<String>,
}

impl Mask {
    fn as_str(self) -> &'static str {
        match self {
            Self::Last4 => "last4",
            Self::Hash => "hash",
            Self::Redact => "redact",
        }
    }
}

/// The masks in force.
#[derive(Clone, Default)]
pub struct Masks {
    rules: Vec<Rule>,
    key: Option<Arc<State>>,
}

impl Masks {
    pub(super) fn new(
        stated: &[(Stated<String>, Mask)],
        separator: Separator,
    ) -> Result<Self, String> {
        let compile = |(stated, mask): &(Stated<String>, Mask)| {
            let pattern = NamePattern::new(&stated.value, separator)
                .map_err(|problem| format!("{}: `{}`: {problem}", stated.origin, stated.value))?;
            Ok(Rule { pattern, mask: *mask, stated: stated.clone() })
        };
        Ok(Self { rules: stated.iter().map(compile).collect::<Result<_, String>>()?, key: None })
    }

    /// Rules as a policy would state them, for tests.
    #[cfg(feature = "testing")]
    pub fn stated(rules: &[(&str, Mask)], separator: Separator) -> Result<Self, String> {
        let stated = |(text, mask): &(&str, Mask)| (Stated::new((*text).to_owned(), "test"), *mask);
        let stated: Vec<_> = rules.iter().map(stated).collect();
        let state = Arc::new(State::new(None));
        Self::new(&stated, separator).map(|masks| masks.with_key(&state))
    }

    pub(crate) fn with_key(mut self, state: &Arc<State>) -> Self {
        self.key = Some(Arc::clone(state));
        self
    }

    pub(super) fn rules(&self) -> impl Iterator<Item = String> {
        self.rules.iter().map(|rule| format!("{} = \"{}\"", rule.stated, rule.mask.as_str()))
    }

    /// Whether nothing is masked, so that nobody need ask.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether anything beneath what has this name is masked that isn't masked as a whole.
    pub fn speak_beneath(&self, name: &[&str]) -> Beneath {
        self.rules.iter().map(|rule| rule.pattern.speaks_beneath(name)).max().unwrap_or_default()
    }

    /// The strictest mask over what has this name, given part by part.
    pub fn of(&self, name: &[&str]) -> Option<Mask> {
        self.rules.iter().filter(|rule| rule.pattern.covers(name)).map(|rule| rule.mask).max()
    }

    /// What is shown instead of `value`. Counts as [`Altered::redacted`](crate::Altered), and
    /// whoever gives it back to a tool that writes is refused.
    pub fn apply(&self, mask: Mask, value: &str) -> String {
        match mask {
            Mask::Redact => "[redacted:masked]".to_owned(),
            Mask::Hash => format!("[redacted:hash_{}]", self.hash(value)),
            Mask::Last4 => {
                let shown = value.char_indices().rev().nth(3).map(|(start, _)| start);
                match shown.and_then(|start| value.get(start..)) {
                    Some(end) if value.chars().count() >= 8 => format!("[redacted:masked]{end}"),
                    _ => "[redacted:masked]".to_owned(),
                }
            }
        }
    }

    /// 64 bits under the state key: too few to look a value up without the key, enough to join.
    fn hash(&self, value: &str) -> String {
        let keyed = self.key.as_ref().map(|state| state.key().expose().as_slice());
        let Some(Ok(mut hmac)) = keyed.map(<Hmac<Sha256> as hmac::KeyInit>::new_from_slice) else {
            return String::new();
        };
        hmac.update(b"mask");
        hmac.update(value.as_bytes());
        hex(hmac.finalize().into_bytes().get(..8).unwrap_or_default())
    }
}

impl std::fmt::Debug for Masks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.rules).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masks(rules: &[(&str, Mask)]) -> Masks {
        let stated: Vec<_> = rules
            .iter()
            .map(|(text, mask)| (Stated::new((*text).to_owned(), "t"), *mask))
            .collect();
        Masks::new(&stated, Separator('.')).unwrap().with_key(&Arc::new(State::new(None)))
    }

    #[test]
    fn the_strictest_mask_wins_whatever_the_order() {
        let mut rules = [("*.users.email", Mask::Last4), ("app.**.email", Mask::Redact)];
        for _ in 0..2 {
            let masks = masks(&rules);
            assert_eq!(masks.of(&["app", "users", "email"]), Some(Mask::Redact));
            assert_eq!(masks.of(&["x", "users", "email"]), Some(Mask::Last4));
            assert_eq!(masks.of(&["x", "users", "name"]), None);
            rules.reverse();
        }
    }

    #[test]
    fn what_is_left_of_a_value() {
        let masks = masks(&[]);
        assert!(masks.is_empty());
        assert_eq!(masks.apply(Mask::Redact, "4111111111111111"), "[redacted:masked]");
        assert_eq!(masks.apply(Mask::Last4, "4111111111111234"), "[redacted:masked]1234");
        assert_eq!(masks.apply(Mask::Last4, "größenwahn🦀"), "[redacted:masked]ahn🦀");
        assert_eq!(masks.apply(Mask::Last4, "1234567"), "[redacted:masked]");
        let hash = masks.apply(Mask::Hash, "ada@example.org");
        assert_eq!(hash, masks.apply(Mask::Hash, "ada@example.org"));
        assert_ne!(hash, masks.apply(Mask::Hash, "bob@example.org"));
        assert_eq!(hash.len(), "[redacted:hash_]".len() + 16);
    }
}
