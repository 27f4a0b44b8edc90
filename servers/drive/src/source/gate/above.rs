//! What a walk up from a file found: its folders, theirs, and where the ways end.

use std::collections::{BTreeMap, BTreeSet};

use super::DEEPEST;

/// A file and everything above it: the parents of each, none where it can't be seen.
#[derive(Debug, Default)]
pub(super) struct Above {
    pub(super) id: String,
    pub(super) parents: BTreeMap<String, Option<Vec<String>>>,
    /// Where ways end rightly: My Drive, a shared drive.
    pub(super) tops: BTreeSet<String>,
    /// There is more than was looked at.
    pub(super) is_cut: bool,
}

impl Above {
    /// Whether any way up goes through one of these.
    pub(super) fn meets(&self, is_one: &dyn Fn(&str) -> bool) -> bool {
        self.parents.keys().any(|id| is_one(id))
    }

    /// Whether every way up goes through one of these.
    pub(super) fn is_within(&self, is_one: &dyn Fn(&str) -> bool) -> bool {
        self.all_ways(&self.id, is_one, 0)
    }

    fn all_ways(&self, id: &str, is_one: &dyn Fn(&str) -> bool, depth: usize) -> bool {
        if is_one(id) {
            return true;
        }
        let Some(Some(parents)) = self.parents.get(id) else { return false };
        depth < DEEPEST
            && !parents.is_empty()
            && parents.iter().all(|parent| self.all_ways(parent, is_one, depth + 1))
    }

    /// Whether all ways end where Drive does, so that nothing above is unseen.
    pub(super) fn is_whole(&self) -> bool {
        let ends = self.parents.iter().all(|(id, parents)| match parents {
            Some(parents) => !parents.is_empty() || self.tops.contains(id),
            None => false,
        });
        ends && !self.is_cut
    }

    /// One way up, from its end down to the file. `ends` says where that is; if it doesn't, all ways
    /// end where nothing is above.
    pub(super) fn way(&self, ends: &dyn Fn(&str) -> Option<bool>) -> Vec<String> {
        self.way_from(&self.id, ends, 0).unwrap_or_else(|| vec![self.id.clone()])
    }

    fn way_from(
        &self,
        id: &str,
        ends: &dyn Fn(&str) -> Option<bool>,
        depth: usize,
    ) -> Option<Vec<String>> {
        let parents = self.parents.get(id).and_then(Option::as_ref);
        let is_top = parents.is_none_or(Vec::is_empty);
        if ends(id).unwrap_or(is_top) {
            return Some(vec![id.to_owned()]);
        }
        let mut ways = parents.into_iter().flatten().filter(|_| depth < DEEPEST);
        let mut way = ways.find_map(|parent| self.way_from(parent, ends, depth + 1))?;
        way.push(id.to_owned());
        Some(way)
    }
}
