//! Attacks on the scope, and the behaviour that needs a real tree of files.
#![expect(clippy::disallowed_methods, reason = "tests build the trees they look at")]
#![expect(clippy::format_collect, reason = "the shortest way to a long text")]

mod escape;
mod listing;
mod moving;
mod reading;
mod searching;
mod watching;
mod writing;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lockkeeper_core::Stop;

use super::*;

/// A directory with a root `root`, its twin `root_private` and files outside.
struct Fixture {
    dir: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let fixture = Self { dir: tempfile::tempdir().unwrap() };
        fixture.write("root/a.txt", "inside\n");
        fixture.write("root/sub/b.txt", "beneath\n");
        fixture.write("root_private/a.txt", "SECRET twin\n");
        fixture.write("outside/secret.txt", "SECRET outside\n");
        fixture
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn text(&self, path: &str) -> String {
        self.path(path).to_str().unwrap().to_owned()
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn link(&self, path: &str, target: impl AsRef<Path>) {
        std::os::unix::fs::symlink(target, self.path(path)).unwrap();
    }

    fn config(&self) -> Config {
        let root = RootSpec { path: self.path("root"), access: Access::ReadOnly };
        Config { roots: vec![root], ..Config::default() }
    }

    fn source(&self) -> Source {
        Source::open(&self.config()).unwrap()
    }
}

fn stop() -> Stop {
    Stop::new(Instant::now() + Duration::from_mins(10))
}

/// Does what has to be done within `limit`. A busy machine interrupts now and then, so it is done
/// again; what is slow by itself is slow each time.
fn quickly<T>(limit: Duration, work: impl Fn() -> T) -> T {
    for _ in 0..20 {
        let started = Instant::now();
        let result = work();
        if started.elapsed() < limit {
            return result;
        }
    }
    panic!("takes longer than {limit:?}");
}

fn read(source: &Source, path: &str) -> Result<String, FsError> {
    let located = source.locate(path)?;
    let window = Window { offset: 1, limit: 1000, from_byte: None };
    Ok(source.read_text(&located, window, 100_000)?.text)
}

fn refusal(source: &Source, path: &str) -> String {
    read(source, path).unwrap_err().to_string()
}

fn search(source: &Source, pattern: &str) -> Vec<String> {
    let options = SearchOptions { pattern: pattern.to_owned(), ..SearchOptions::default() };
    let top = source.locate("").unwrap();
    let result = source.search(&top, &options, &stop()).unwrap();
    result.files.into_iter().map(|file| file.path).collect()
}

fn find(source: &Source, glob: &str) -> Vec<String> {
    let options = FindOptions { glob: glob.to_owned(), ..FindOptions::default() };
    let top = source.locate("").unwrap();
    let found = source.find(&top, &options, &stop()).unwrap();
    let mut paths: Vec<String> = found.iter_from(0).map(|found| found.path).collect();
    paths.sort();
    paths
}
