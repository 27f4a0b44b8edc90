//! Directory listings: one level or a tree of a given depth, in a stable order, by windows with
//! exact totals. Names are read for everything, metadata only for what the window shows.

use lockkeeper_core::Stop;

use super::beneath::{self, Dir, EntryBuffer};
use super::error::{Asked, FsError};
use super::ignoring::Chain;
use super::locate::Located;
use super::rules::{Pattern, Shape};
use super::scan::Names;
use super::stat::{EntryKind, Stat};
use super::{Source, names};

/// No tree that a person or a model reads is deeper; it also bounds the recursion.
const DEEPEST: usize = 64;

/// How to list.
#[derive(Debug, Clone)]
pub struct ListOptions {
    /// Levels below the directory; 1 shows its entries only.
    pub depth: usize,
    /// The order within each directory.
    pub sort: Sort,
    /// Also what ignore files and dots leave out.
    pub ignored: bool,
    /// Only entries that match, and the directories that hold some.
    pub glob: Option<String>,
    /// A directory below the listed one with more entries is folded to their count.
    pub fold_over: usize,
    /// Entries to pass over.
    pub skip: usize,
    /// Entries to return at most.
    pub take: usize,
    /// Bytes that there is room for: entries that can't fit, however short their lines, are not
    /// looked at.
    pub room: usize,
}

impl Default for ListOptions {
    fn default() -> Self {
        Self {
            depth: 1,
            sort: Sort::Name,
            ignored: false,
            glob: None,
            fold_over: 200,
            skip: 0,
            take: 1000,
            room: usize::MAX,
        }
    }
}

/// The order of entries within a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// By the bytes of the name.
    Name,
    /// Largest first.
    Size,
    /// Last changed first.
    Mtime,
}

/// A window of a listing.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The entries of the window, directories before what they hold.
    pub entries: Vec<ListEntry>,
    /// How many entries the whole listing has.
    pub total: usize,
    /// How many entries ignore files and dots left out (in the directories that were opened).
    pub left_out: usize,
    /// Whether everything was looked at; if not, `total` is a lower bound.
    pub complete: bool,
}

/// One entry of a listing.
#[derive(Debug, Clone)]
pub struct ListEntry {
    /// 0 for the entries of the listed directory.
    pub depth: usize,
    /// The name, shown.
    pub name: String,
    /// The path relative to the listed directory.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Size and times; `None` if it vanished meanwhile.
    pub stat: Option<Stat>,
    /// A directory that the system doesn't let this server look into.
    pub unreadable: bool,
    /// Of a link: where it leads, if that is inside and not hidden.
    pub target: Option<String>,
    /// Of a directory whose entries are not listed: how many it has.
    pub children: Option<usize>,
}

/// An entry before the window is cut.
struct Node {
    depth: usize,
    path: Vec<u8>,
    kind: EntryKind,
    stat: Option<Stat>,
    /// A directory whose entries follow.
    open: bool,
}

/// A directory that has been read.
struct Directory {
    dir: Dir,
    path: Vec<u8>,
    names: Names,
}

struct Gathering<'a> {
    options: &'a ListOptions,
    glob: Option<Pattern>,
    stop: &'a Stop,
    root: usize,
    /// Length of the listed directory's path with its slash.
    base: usize,
    buffer: EntryBuffer,
    nodes: Vec<Node>,
    left_out: usize,
    complete: bool,
}

impl Source {
    /// Lists `located`, which must be a directory.
    pub fn list(
        &self,
        located: &Located,
        options: &ListOptions,
        stop: &Stop,
    ) -> Result<Listing, FsError> {
        located.directory()?;
        let glob = options.glob.as_deref().map(pattern).transpose()?;
        let dir = self
            .dir(located.root, &located.path)
            .ok_or_else(|| FsError::NotFound { asked: located.asked.clone(), rule: None })?;
        let mut gathering = Gathering {
            options,
            glob,
            stop,
            root: located.root,
            base: if located.path.is_empty() { 0 } else { located.path.len() + 1 },
            buffer: EntryBuffer::new(),
            nodes: Vec::new(),
            left_out: 0,
            complete: true,
        };
        let chain = self.chain_above(located.root, &located.path, options.ignored);
        let names =
            Names::read(&dir, &mut gathering.buffer).map_err(|error| located.io("list", error))?;
        let top = Directory { dir, path: located.path.clone(), names };
        self.gather(&mut gathering, &top, &chain, 0);
        if stop.is_cancelled() {
            return Err(FsError::Cancelled);
        }
        Ok(self.window(gathering))
    }

    pub(super) fn dir(&self, root: usize, path: &[u8]) -> Option<Dir> {
        beneath::open_dir(&self.root(root)?.dir, path).ok()
    }

    /// Adds what `names`, the entries of `dir`, hold down to the wanted depth.
    fn gather(
        &self,
        gathering: &mut Gathering<'_>,
        directory: &Directory,
        above: &Chain,
        depth: usize,
    ) {
        let Directory { dir, path, names } = directory;
        let options = gathering.options;
        let chain = self.chain_in(above, dir, path, names.seen);
        let mut here = Vec::new();
        for (name, kind) in names.iter() {
            let path = names::join(path, name);
            match self.shows(gathering.root, &path, kind, &chain) {
                Shown::Yes => {}
                Shown::LeftOut => {
                    gathering.left_out += 1;
                    continue;
                }
                Shown::Hidden => continue,
            }
            let stat = if options.sort == Sort::Name { None } else { dir.stat(name).ok() };
            here.push(Node { depth, path, kind, stat, open: false });
        }
        let stat = |node: &Node| node.stat.map_or((0, 0), |stat| (stat.size, stat.mtime_ns));
        match options.sort {
            Sort::Name => here.sort_unstable_by(|a, b| a.path.cmp(&b.path)),
            Sort::Size => here.sort_unstable_by(|a, b| {
                stat(b).0.cmp(&stat(a).0).then_with(|| a.path.cmp(&b.path))
            }),
            Sort::Mtime => here.sort_unstable_by(|a, b| {
                stat(b).1.cmp(&stat(a).1).then_with(|| a.path.cmp(&b.path))
            }),
        }
        for node in here {
            if gathering.stop.is_cancelled() || gathering.stop.is_due() {
                gathering.complete = false;
                return;
            }
            self.add(gathering, node, &chain);
        }
    }

    fn add(&self, gathering: &mut Gathering<'_>, mut node: Node, chain: &Chain) {
        let relative = node.path.get(gathering.base..).unwrap_or_default();
        let matches = gathering.glob.as_ref().is_none_or(|glob| glob.matches(relative));
        let depth = node.depth + 1;
        if node.kind != EntryKind::Dir || depth >= gathering.options.depth.min(DEEPEST) {
            if matches {
                gathering.nodes.push(node);
            }
            return;
        }
        let listed = self.dir(gathering.root, &node.path).and_then(|dir| {
            let names = Names::read(&dir, &mut gathering.buffer).ok()?;
            Some((dir, names))
        });
        let Some((dir, names)) = listed else {
            if matches {
                gathering.nodes.push(node);
            }
            return;
        };
        let folded = gathering.glob.is_none() && names.len() > gathering.options.fold_over;
        node.open = !folded;
        let at = gathering.nodes.len();
        let directory = Directory { dir, path: node.path.clone(), names };
        gathering.nodes.push(node);
        if !folded {
            self.gather(gathering, &directory, chain, depth);
        }
        if !matches && gathering.nodes.len() == at + 1 {
            gathering.nodes.pop();
        }
    }

    fn window(&self, mut gathering: Gathering<'_>) -> Listing {
        let options = gathering.options;
        let total = gathering.nodes.len();
        let mut parent: Option<(Vec<u8>, Dir)> = None;
        let mut entries = Vec::new();
        let nodes = std::mem::take(&mut gathering.nodes);
        let mut least = 0;
        for node in nodes.iter().skip(options.skip).take(options.take) {
            if least > options.room {
                break;
            }
            // Its indentation, its name, a mark of its kind and the line end.
            least += node.depth * 2 + names::name(&node.path).len() + 2;
            let mut above = node.path.clone();
            names::pop(&mut above);
            if parent.as_ref().is_none_or(|(path, _)| *path != above) {
                parent = self.dir(gathering.root, &above).map(|dir| (above, dir));
            }
            let name = names::name(&node.path);
            let stat =
                node.stat.or_else(|| parent.as_ref().and_then(|(_, dir)| dir.stat(name).ok()));
            let target = (node.kind == EntryKind::Link)
                .then(|| self.leads_to(gathering.root, &node.path))
                .flatten();
            let closed = node.kind == EntryKind::Dir && !node.open;
            let counts = closed && !gathering.stop.is_due();
            let children = counts.then(|| self.count(&mut gathering, &node.path)).flatten();
            let relative = node.path.get(gathering.base..).unwrap_or_default();
            entries.push(ListEntry {
                depth: node.depth,
                name: names::show(name).into_owned(),
                path: names::show(relative).into_owned(),
                kind: node.kind,
                stat,
                unreadable: counts && children.is_none(),
                target,
                children,
            });
        }
        Listing { entries, total, left_out: gathering.left_out, complete: gathering.complete }
    }

    /// How many entries of a directory would be listed.
    fn count(&self, gathering: &mut Gathering<'_>, path: &[u8]) -> Option<usize> {
        let dir = self.dir(gathering.root, path)?;
        let names = Names::read(&dir, &mut gathering.buffer).ok()?;
        // Ignore files between the listed directory and this one count as well.
        let above = self.chain_above(gathering.root, path, gathering.options.ignored);
        let chain = self.chain_in(&above, &dir, path, names.seen);
        let shown = names.iter().filter(|(name, kind)| {
            let path = names::join(path, name);
            matches!(self.shows(gathering.root, &path, *kind, &chain), Shown::Yes)
        });
        Some(shown.count())
    }

    /// Whether an entry is shown, left out by ignore files, or does not exist for the agent.
    pub(super) fn shows(&self, root: usize, path: &[u8], kind: EntryKind, chain: &Chain) -> Shown {
        let is_dir = kind == EntryKind::Dir;
        let shape = if is_dir { Shape::Dir } else { Shape::Leaf };
        if self.hides_entry(root, path, shape) {
            Shown::Hidden
        } else if chain.leaves_out(path, is_dir) {
            Shown::LeftOut
        } else {
            Shown::Yes
        }
    }
}

/// Whether an entry takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Yes,
    /// Left out by an ignore file or for its dot; `ignored` brings it back.
    LeftOut,
    /// Hidden by the rules.
    Hidden,
}

/// Reads a glob.
pub fn pattern(glob: &str) -> Result<Pattern, FsError> {
    Pattern::new(glob)
        .map_err(|error| FsError::Glob { glob: Asked::new(glob), reason: error.kind().to_string() })
}
