//! What the policy lets through of documents, field by field. Rules are asked once for each path
//! that occurs, not for each document.

use std::collections::HashMap;
use std::fmt;

use lockkeeper_core::{Mask, Masks};

/// Paths that are remembered. Documents whose field names are data would fill the memory.
const MAX_NODES: usize = 20_000;

/// What is seen of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// All of it.
    Clear,
    /// Itself, but maybe not all that lies beneath it.
    Partly,
    /// What its mask leaves.
    Masked(Mask),
    /// Nothing: it doesn't exist.
    Denied,
}

/// The rules that a veil is made of.
pub trait Sight: Send + Sync {
    /// What is seen of the field at `path`, whose names are as they stand in the documents.
    fn seen(&self, path: &[&str]) -> Seen;
}

/// Rules over one answer's documents, and what they said so far.
pub struct Veil {
    rules: Box<dyn Sight>,
    masks: Masks,
    nodes: Vec<Known>,
    /// Paths that aren't remembered, by their length: each gives way to the next one as long.
    passing: Vec<Known>,
}

struct Known {
    path: Vec<String>,
    seen: Seen,
    fields: HashMap<String, Node>,
}

/// A path that was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Kept(usize),
    Passing(usize),
}

impl Veil {
    /// A veil of `rules`; `masks` know what a mask leaves of a value.
    pub fn new(rules: Box<dyn Sight>, masks: Masks) -> Self {
        let root = Known { path: Vec::new(), seen: Seen::Partly, fields: HashMap::new() };
        Self { rules, masks, nodes: vec![root], passing: Vec::new() }
    }

    pub(super) const ROOT: Node = Node::Kept(0);

    pub(super) fn seen(&self, node: Node) -> Seen {
        self.known(node).map_or(Seen::Denied, |known| known.seen)
    }

    fn known(&self, node: Node) -> Option<&Known> {
        match node {
            Node::Kept(at) => self.nodes.get(at),
            Node::Passing(at) => self.passing.get(at),
        }
    }

    /// The field of this name beneath `node`.
    pub(super) fn field(&mut self, node: Node, name: &str) -> Node {
        let Some(known) = self.known(node) else { return node };
        if let Some(&field) = known.fields.get(name) {
            return field;
        }
        let mut path = known.path.clone();
        path.push(name.to_owned());
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        let seen = self.rules.seen(&names);
        let length = path.len();
        let field = Known { path, seen, fields: HashMap::new() };
        if let Node::Kept(at) = node
            && self.nodes.len() < MAX_NODES
        {
            let kept = Node::Kept(self.nodes.len());
            self.nodes.push(field);
            if let Some(known) = self.nodes.get_mut(at) {
                known.fields.insert(name.to_owned(), kept);
            }
            return kept;
        }
        // Documents are written in their order: when the next path of this length comes, nobody
        // asks for this one any more.
        while self.passing.len() <= length {
            self.passing.push(Known {
                path: Vec::new(),
                seen: Seen::Denied,
                fields: HashMap::new(),
            });
        }
        if let Some(place) = self.passing.get_mut(length) {
            *place = field;
        }
        Node::Passing(length)
    }

    pub(super) fn mask(&self, mask: Mask, value: &str) -> String {
        self.masks.apply(mask, value)
    }

    /// What is left of a value that is no text and is written as `text`: of documents and code
    /// nothing, of numbers what of texts, of dates and identifiers at most a hash.
    pub(super) fn mask_of_other(
        &self,
        mask: Mask,
        text: &str,
        whole: bool,
        number: bool,
    ) -> String {
        match mask {
            Mask::Hash if whole => self.masks.apply(mask, text),
            Mask::Last4 if number && !text.starts_with('{') => self.masks.apply(mask, text),
            _ => self.masks.apply(Mask::Redact, text),
        }
    }
}

impl fmt::Debug for Veil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Veil({} paths)", self.nodes.len())
    }
}
