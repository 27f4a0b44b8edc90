//! What one source of policy (a managed file, a configuration file, the environment, the command
//! line) says, with the place where it says it.

use std::fmt;
use std::sync::Arc;

use super::mask::Mask;
use super::{Destroy, Patterns};
use crate::outside::Secrets;

/// A value and where it was stated, as people find it again: `policy.toml:12`, `--write`.
#[derive(Debug, Clone)]
pub(crate) struct Stated<T> {
    pub(crate) value: T,
    pub(crate) origin: Arc<str>,
}

impl<T> Stated<T> {
    pub(crate) fn new(value: T, origin: &str) -> Self {
        Self { value, origin: origin.into() }
    }
}

impl fmt::Display for Stated<String> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.value, self.origin)
    }
}

/// All that one source says. What it leaves out, it leaves to the others.
#[derive(Debug, Clone, Default)]
pub(crate) struct PolicySource {
    pub(crate) write: Option<Stated<bool>>,
    pub(crate) destroy: Option<Stated<Destroy>>,
    pub(crate) secrets: Option<Stated<Secrets>>,
    pub(crate) tools: Patterns,
    pub(crate) resources: Patterns,
    pub(crate) mask: Vec<(Stated<String>, Mask)>,
}

impl PolicySource {
    /// A canonical text of all that is said, for the hash over a policy.
    pub(super) fn digest_text(&self) -> String {
        let mut lines = Vec::new();
        lines.extend(self.write.iter().map(|write| format!("write {}", write.value)));
        lines.extend(self.destroy.iter().map(|destroy| format!("destroy {:?}", destroy.value)));
        lines.extend(self.secrets.iter().map(|secrets| format!("secrets {:?}", secrets.value)));
        for (name, patterns) in [("tools", &self.tools), ("resources", &self.resources)] {
            if let Some(allow) = &patterns.allow {
                lines.push(format!("{name} allow-list"));
                lines.extend(allow.iter().map(|p| format!("{name} allow {:?}", p.value)));
            }
            lines.extend(patterns.deny.iter().map(|p| format!("{name} deny {:?}", p.value)));
        }
        lines.extend(self.mask.iter().map(|(p, mask)| format!("mask {:?} {mask:?}", p.value)));
        lines.sort_unstable();
        lines.join("\n")
    }
}
