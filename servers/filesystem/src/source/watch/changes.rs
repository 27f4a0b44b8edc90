//! What changed, as it is told: one entry a path, so that what happened to it in between is told
//! as what became of it.

use std::collections::BTreeMap;

/// Something that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path, as the agent names it; of a directory with a slash at the end.
    pub path: String,
    /// What became of it.
    pub kind: ChangeKind,
}

/// What became of a file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// It wasn't there.
    Created,
    /// It has another version.
    Modified,
    /// It is gone, with all that was in it.
    Removed,
    /// It was there under this path.
    Renamed {
        /// The old path.
        from: String,
    },
    /// Nobody watched: of a directory, something in it may have gone or been renamed; of a file
    /// that isn't there, it may have been.
    Unclear,
}

/// Changes that nobody has been told, by path.
#[derive(Debug, Default)]
pub(super) struct Pending(BTreeMap<String, ChangeKind>);

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn add(&mut self, path: String, kind: ChangeKind) {
        use ChangeKind::{Created, Modified, Removed, Renamed, Unclear};
        let kind = match (self.0.remove(&path), kind) {
            (Some(Created), Removed) => return,
            (Some(Renamed { from }), Removed) => return self.add(from, Removed),
            (Some(Created), Modified) => Created,
            (Some(before @ Renamed { .. }), Modified) => before,
            (Some(Removed | Unclear), Created) => Modified,
            (_, Renamed { from }) => match self.0.remove(&from) {
                Some(Created) => Created,
                Some(Renamed { from }) => Renamed { from },
                _ => Renamed { from },
            },
            (_, kind) => kind,
        };
        self.0.insert(path, kind);
    }

    /// Forgets what has no path that matches, before or after it was renamed.
    pub(super) fn keep_only(&mut self, matches: impl Fn(&str) -> bool) {
        self.0.retain(|path, kind| match kind {
            ChangeKind::Unclear => true,
            ChangeKind::Renamed { from } => matches(path) || matches(from),
            _ => matches(path),
        });
    }

    pub(super) fn take(&mut self, most: usize, bytes: usize) -> Vec<Change> {
        let mut taken = Vec::new();
        let mut left = bytes;
        while taken.len() < most
            && let Some((path, kind)) = self.0.pop_first()
        {
            let from = if let ChangeKind::Renamed { from } = &kind { from.len() } else { 0 };
            let size = path.len() + from;
            if size > left && !taken.is_empty() {
                self.0.insert(path, kind);
                break;
            }
            left = left.saturating_sub(size);
            taken.push(Change { path, kind });
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_in_between_is_told_as_what_became_of_it() {
        use ChangeKind::{Created, Modified, Removed, Renamed};
        let renamed = |from: &str| Renamed { from: from.to_owned() };
        let told = |steps: &[(&str, ChangeKind)]| {
            let mut pending = Pending::default();
            for (path, kind) in steps {
                pending.add((*path).to_owned(), kind.clone());
            }
            let told = pending.take(10, 1_000);
            told.into_iter().map(|change| (change.path, change.kind)).collect::<Vec<_>>()
        };
        assert_eq!(told(&[("a", Created), ("a", Modified)]), [("a".into(), Created)]);
        assert_eq!(told(&[("a", Created), ("a", Removed)]), []);
        assert_eq!(told(&[("a", Removed), ("a", Created)]), [("a".into(), Modified)]);
        assert_eq!(told(&[("a", Modified), ("a", Removed)]), [("a".into(), Removed)]);
        assert_eq!(told(&[("a", Created), ("b", renamed("a"))]), [("b".into(), Created)]);
        let chain = [("b", renamed("a")), ("c", renamed("b"))];
        assert_eq!(told(&chain), [("c".into(), renamed("a"))]);
        let gone = [("b", renamed("a")), ("b", Removed)];
        assert_eq!(told(&gone), [("a".into(), Removed)]);
    }

    #[test]
    fn as_many_are_taken_as_there_is_room_for() {
        let mut pending = Pending::default();
        for path in ["aaaa", "bbbb", "cccc"] {
            pending.add(path.to_owned(), ChangeKind::Created);
        }
        assert_eq!(pending.take(10, 1).len(), 1);
        assert_eq!(pending.take(10, 8).len(), 2);
        assert!(pending.is_empty());
    }
}
