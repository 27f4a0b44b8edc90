//! The tree that file servers are measured on: generated, the same on every machine, in a few
//! seconds. Packages of source-like text with ignore files and build output, one directory with
//! very many entries, one large log. It is kept for the next run.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use anyhow::{Context as _, Result};

/// Changes whenever what is generated does.
const VERSION: u32 = 1;

const PACKAGES: u32 = 400;
const FILES_OF_PACKAGE: u32 = 134;
pub(super) const CROWD: u32 = 10_000;
const LOG_BYTES: usize = 50 * 1024 * 1024;
/// In three files, one line each.
pub(super) const NEEDLE: &str = "xylotomy_4711";
/// In one line of 512, and in one line of ten.
pub(super) const COMMON: &str = "deadline";
pub(super) const ABUNDANT: &str = "self";
pub(super) const RARE_GLOB: &str = "**/rare.manifest";
pub(super) const COMMON_GLOB: &str = "**/*.rs";

const NEEDLES: [u32; 3] = [17, 211, 390];
const RARE: u32 = 217;
/// Lines that all files are made of.
const LINES: usize = 8192;

const WORDS: &[&str] = &[
    "let", "return", "match", "value", "index", "buffer", "request", "response", "config", "path",
    "name", "error", "result", "option", "stream", "writer", "reader", "length", "count", "offset",
    "parse", "build", "insert", "remove", "update", "create", "context", "handler", "session",
    "token", "client", "server", "message", "header", "body", "state", "event", "queue", "worker",
    "table", "column", "query", "schema", "record", "field", "map", "filter", "collect", "iter",
    "clone", "default", "public", "static", "const", "async", "await", "string", "number", "bytes",
    "vector", "window", "render", "layout", "cache", "store", "lookup", "entry", "node", "parent",
    "child", "root", "branch", "commit", "merge", "origin", "target", "source", "module", "import",
    "export", "function", "lambda", "closure", "trait", "struct", "enum", "variant", "generic",
];

/// Where things are that calls ask for.
pub(super) struct Corpus {
    pub(super) root: PathBuf,
    pub(super) small: PathBuf,
    pub(super) log: PathBuf,
    pub(super) crowd: PathBuf,
}

impl Corpus {
    /// Generates the tree below `directory` unless it is there.
    pub(super) fn ensure(directory: &Path) -> Result<Self> {
        let root = directory.join("corpus");
        let corpus = Self {
            small: root.join("small.txt"),
            log: root.join("logs/service.log"),
            crowd: root.join("crowd"),
            root,
        };
        let stamp = directory.join("corpus.stamp");
        let wanted = format!("version {VERSION}");
        if fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == wanted) && corpus.root.exists() {
            return Ok(corpus);
        }
        eprintln!("corpus: generating `{}`", corpus.root.display());
        if corpus.root.exists() {
            fs::remove_dir_all(&corpus.root)?;
        }
        corpus.generate().with_context(|| format!("generating `{}`", corpus.root.display()))?;
        fs::write(stamp, wanted)?;
        Ok(corpus)
    }

    fn generate(&self) -> Result<()> {
        let text = Text::new();
        // Ignore files count in repositories only, and those above this one don't count.
        fs::create_dir_all(self.root.join(".git"))?;
        fs::write(self.root.join(".git/HEAD"), "ref: refs/heads/main\n")?;
        let mut small = text.file(&mut Random(1), 4096);
        small.truncate(4095);
        small.push('\n');
        fs::write(&self.small, small)?;
        fs::create_dir_all(self.root.join("logs"))?;
        fs::write(&self.log, text.log())?;
        fs::create_dir_all(&self.crowd)?;
        for i in 0..CROWD {
            let mut random = Random(u64::from(i) + 1_000_000);
            let size = 100 + random.below(800);
            fs::write(self.crowd.join(format!("entry-{i:05}.txt")), text.file(&mut random, size))?;
        }
        let next = AtomicU32::new(0);
        thread::scope(|scope| {
            let work = || -> Result<()> {
                loop {
                    let package = next.fetch_add(1, Ordering::Relaxed);
                    if package >= PACKAGES {
                        return Ok(());
                    }
                    self.package(package, &text)?;
                }
            };
            let workers = thread::available_parallelism().map_or(1, std::num::NonZero::get);
            let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| match worker.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })
    }

    fn package(&self, package: u32, text: &Text) -> Result<()> {
        let mut random = Random(u64::from(package) + 1);
        let name = format!("{}-{}-{package:03}", random.word(), random.word());
        let directory = self.root.join(format!("packages/{name}"));
        let modules = 4 + random.below(12);
        for module in 0..modules {
            fs::create_dir_all(directory.join(format!("src/{}/m{module}", random.word())))?;
        }
        for part in ["docs/guide", "tests/data", "build/cache", "assets"] {
            fs::create_dir_all(directory.join(part))?;
        }
        fs::write(directory.join(".gitignore"), "/build/\n*.tmp\n!keep.tmp\n")?;
        let mut places = directories(&directory.join("src"))?;
        places.sort();
        for file in 0..FILES_OF_PACKAGE {
            let stem = format!("{}_{file}", random.word());
            let source = &places[random.below(places.len())];
            let path = match random.below(100) {
                0..=49 => source.join(format!("{stem}.rs")),
                50..=64 => source.join(format!("{stem}.ts")),
                65..=74 => directory.join(format!("tests/{stem}.py")),
                75..=82 => directory.join(format!("docs/guide/{stem}.md")),
                83..=88 => directory.join(format!("tests/data/{stem}.json")),
                89..=92 => directory.join(format!("build/cache/{stem}.js")),
                93..=94 => source.join(format!("{stem}.tmp")),
                95..=97 => directory.join(format!("{stem}.toml")),
                _ => {
                    let noise: Vec<u8> = (0..4096).map(|i| random.byte(i)).collect();
                    fs::write(directory.join(format!("assets/{stem}.bin")), noise)?;
                    continue;
                }
            };
            let size = match random.below(100) {
                0..=49 => 1_000 + random.below(3_000),
                50..=84 => 4_000 + random.below(12_000),
                85..=96 => 16_000 + random.below(48_000),
                _ => 64_000 + random.below(64_000),
            };
            fs::write(path, text.file(&mut random, size))?;
        }
        if NEEDLES.contains(&package) {
            fs::write(directory.join("NOTES.md"), format!("# Notes\n\nSee {NEEDLE}.\n"))?;
        }
        if package == RARE {
            fs::write(directory.join("docs/rare.manifest"), "rare = true\n")?;
        }
        Ok(())
    }
}

/// A directory and all directories below it.
fn directories(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![directory.to_owned()];
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(directories(&entry.path())?);
        }
    }
    Ok(found)
}

/// The lines that files are put together from.
struct Text {
    lines: Vec<String>,
}

impl Text {
    fn new() -> Self {
        let mut random = Random(42);
        let lines = (0..LINES).map(|i| {
            let mut line = "    ".repeat(random.below(4));
            let words = 1 + random.below(8);
            for word in 0..words {
                if word > 0 {
                    line.push_str([" ", " ", ".", "_", "(", ", ", " = ", "::"][random.below(8)]);
                }
                line.push_str(random.word());
            }
            if i % 10 == 3 {
                line.push_str(".self");
            }
            if i % 512 == 100 {
                line.push_str(" // deadline");
            }
            line.push_str([";", "", " {", ");", ","][random.below(5)]);
            line.push('\n');
            line
        });
        Self { lines: lines.collect() }
    }

    /// At least `size` bytes of runs of lines.
    fn file(&self, random: &mut Random, size: usize) -> String {
        let mut content = String::with_capacity(size + 256);
        while content.len() < size {
            let start = random.below(LINES);
            let run = 1 + random.below(8);
            for line in start..start + run {
                content.push_str(&self.lines[line % LINES]);
            }
        }
        content
    }

    fn log(&self) -> String {
        let mut random = Random(7);
        let mut log = String::with_capacity(LOG_BYTES + 256);
        let mut second = 0;
        while log.len() < LOG_BYTES {
            second += random.below(3);
            let (hour, minute) = (second / 3600 % 24, second / 60 % 60);
            let level = ["INFO", "INFO", "INFO", "WARN", "DEBUG"][random.below(5)];
            let line = self.lines[random.below(LINES)].trim_start();
            let _ =
                write!(log, "2026-01-01T{hour:02}:{minute:02}:{:02}Z {level} {line}", second % 60);
        }
        log
    }
}

/// `SplitMix64`: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or_default()
    }

    fn word(&mut self) -> &'static str {
        WORDS[self.below(WORDS.len())]
    }

    /// A byte of a binary file, of which every fourth is NUL.
    fn byte(&mut self, at: usize) -> u8 {
        if at.is_multiple_of(4) { 0 } else { u8::try_from(self.next() % 256).unwrap_or_default() }
    }
}
