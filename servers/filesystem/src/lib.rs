//! MCP connector server for files and directories: a source that can't leave its roots, tools that
//! translate to it, and what they need to be served by lockkeeper-core.
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests make their own files"))]

#[cfg(test)]
mod altered;
mod config;
mod pages;
mod refusal;
mod resource;
pub mod source;
mod subscribed;
#[cfg(test)]
mod testing;
mod tools;
mod waits;

use std::sync::Arc;
use std::time::{Duration, Instant};

use lockkeeper_core::{
    Environment, Finding, Judgement, Reach, Registered, RegisteredResource, Server, StartError,
    Stop, Surveyed,
};

pub use config::Options;
use pages::Pages;
use source::{Access, EntryKind, ListOptions, Source};
use subscribed::Subscribed;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use waits::Waits;

/// The filesystem connector.
pub struct Filesystem;

/// What its tools work on.
pub struct Fs {
    files: Arc<Source>,
    pages: Pages,
    /// Walks under way: each uses all cores, so more at once would only cost memory.
    walks: Arc<Semaphore>,
    waits: Waits,
    subscribed: Subscribed,
}

/// As many walks and searches run at once.
const WALKS: usize = 2;

/// How long `init` looks at one directory.
const SURVEY: Duration = Duration::from_secs(5);

impl Fs {
    /// A place among the walks. It goes into the work, which ends later than a call that was
    /// cancelled.
    async fn walk(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.walks).acquire_owned().await.ok()
    }

    /// Finds what a path, or a `file://` URI, names.
    fn locate(&self, asked: &str) -> Result<source::Located, source::FsError> {
        match asked.strip_prefix("file://").and_then(lockkeeper_core::percent_decode) {
            Some(path) => self.files.locate(&path),
            None => self.files.locate(asked),
        }
    }

    /// Finds a place to wait at, which a path, or a `file://` URI, names.
    fn spot(&self, asked: &str) -> Result<source::Spot, source::FsError> {
        match asked.strip_prefix("file://").and_then(lockkeeper_core::percent_decode) {
            Some(path) => self.files.spot(&path),
            None => self.files.spot(asked),
        }
    }

    /// A line for the head of an answer that covers one of several roots.
    fn only_first_root(&self, path: Option<&str>) -> Option<String> {
        let roots = self.files.roots();
        let first = roots.first().filter(|_| path.is_none() && roots.len() > 1)?;
        Some(format!("in {} only: name another root as path", first.path))
    }
}

impl Server for Filesystem {
    type Source = Fs;
    type Options = Options;

    const NAME: &'static str = "lockkeeper-filesystem";
    const TITLE: &'static str = "Files";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ABOUT: &'static str =
        "Files and directories for agents, beneath the directories you name";
    const INSTRUCTIONS: &'static str = "Works on files beneath the allowed directories; \
        list_directory without a path names them. search_text looks into files, find_files at names.";
    const OPEN_WORLD: bool = false;

    fn implies_write(options: &Options) -> bool {
        config::implies_write(options)
    }

    fn tools() -> &'static [Registered<Fs>] {
        tools::TOOLS
    }

    fn resources() -> &'static [RegisteredResource<Fs>] {
        resource::RESOURCES
    }

    fn check_resource(pattern: &str) -> Result<(), String> {
        source::check_rule(pattern)
    }

    async fn judge(fs: &Fs, resource: &str, _live: bool) -> Judgement {
        match fs.locate(resource) {
            Ok(_) => Judgement::Admitted,
            Err(source::FsError::NotFound { rule: Some(rule), .. }) => Judgement::Denied(rule),
            Err(error @ source::FsError::Outside { .. }) => Judgement::Denied(error.to_string()),
            Err(error) => Judgement::Unknown(error.to_string()),
        }
    }

    fn open(options: Options, environment: &Environment) -> Result<Fs, StartError> {
        let config = config::decide(options, environment)?;
        let files = Source::open(&config).map_err(|error| config::setup_failed(&error))?;
        let walks = Arc::new(Semaphore::new(WALKS));
        let waits = Waits::new(environment.concurrency);
        Ok(Fs {
            files: files.into(),
            pages: Pages::default(),
            walks,
            waits,
            subscribed: Subscribed::default(),
        })
    }

    fn reach(fs: &Fs) -> Reach {
        let mut reach = Reach::default();
        for (path, access) in fs.files.places() {
            match access {
                Access::ReadOnly => reach.read.push(path),
                Access::ReadWrite => reach.write.push(path),
            }
        }
        reach
    }

    async fn survey(fs: &Fs) -> Result<Vec<Surveyed>, StartError> {
        let failed = |error: source::FsError| StartError::new(error.to_string());
        let mut found = Vec::new();
        for source::RootInfo { path, .. } in fs.files.roots() {
            let located = fs.files.locate(&path).map_err(failed)?;
            let stop = Stop::new(Instant::now() + SURVEY);
            let listing =
                fs.files.list(&located, &ListOptions::default(), &stop).map_err(failed)?;
            let parts: Vec<&str> = path.split('/').collect();
            for entry in listing.entries {
                let whole: Vec<&str> = parts.iter().copied().chain([&*entry.name]).collect();
                let note = match entry.kind {
                    EntryKind::Dir => "directory",
                    EntryKind::Link => "link",
                    EntryKind::File | EntryKind::Special => "",
                };
                found.push(Surveyed::named(&whole, '/', note));
            }
        }
        Ok(found)
    }

    async fn report(fs: &Fs) -> Vec<Finding> {
        let root = |root: source::RootInfo| Finding {
            subject: "root".to_owned(),
            state: match root.access {
                Access::ReadOnly => format!("{} (read-only)", root.path),
                Access::ReadWrite => format!("{} (read and write)", root.path),
            },
            ok: true,
        };
        let means = source::MEANS.to_owned();
        let changes = Finding { subject: "changes".to_owned(), state: means, ok: true };
        fs.files.roots().into_iter().map(root).chain([changes]).collect()
    }
}
