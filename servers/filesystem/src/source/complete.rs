//! Completion of a path that is being typed.

use super::beneath::EntryBuffer;
use super::names;
use super::rules::Shape;
use super::scan::Names;
use super::stat::EntryKind;
use super::{Source, View};

/// As many as a completion may return.
const MOST: usize = 100;

impl Source {
    /// Paths that start with `prefix`, directories with a slash at the end; at most 100, sorted.
    pub fn complete(&self, prefix: &str) -> Vec<String> {
        let (above, start) = match prefix.rsplit_once('/') {
            Some(("", start)) => ("/", start),
            Some((above, start)) => (above, start),
            None => ("", prefix),
        };
        let typed = prefix.strip_suffix(start).unwrap_or_default();
        let Some((root, path)) = self.locate(above).ok().map(|dir| (dir.root, dir.path)) else {
            return self.complete_root(prefix);
        };
        let Some(names) =
            self.dir(root, &path).and_then(|dir| Names::read(&dir, &mut EntryBuffer::new()).ok())
        else {
            return Vec::new();
        };
        let mut found: Vec<String> = Vec::new();
        for (name, kind) in names.iter() {
            let shown = names::show(name);
            // Dot files are offered to those who type the dot.
            if !shown.starts_with(start) || (start.is_empty() && shown.starts_with('.')) {
                continue;
            }
            let is_dir = kind == EntryKind::Dir;
            let shape = if is_dir { Shape::Dir } else { Shape::Leaf };
            if !self.hides_entry(root, &names::join(&path, name), shape) {
                found.push(format!("{typed}{shown}{}", if is_dir { "/" } else { "" }));
            }
        }
        found.sort_unstable();
        found.truncate(MOST);
        found
    }

    /// Absolute paths that lead to a root.
    fn complete_root(&self, prefix: &str) -> Vec<String> {
        let outermost = |root: &&super::Root| {
            root.views.iter().all(|view| !matches!(view, View::Above(p) if !p.is_empty()))
        };
        let paths = self.roots.iter().filter(outermost).map(|root| format!("{}/", root.shown()));
        paths.filter(|path| path.starts_with(prefix)).take(MOST).collect()
    }
}
