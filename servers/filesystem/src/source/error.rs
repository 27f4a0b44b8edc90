//! What can go wrong in the source. Texts name the path as it was asked for and never what a link
//! points to; a hidden path and a missing one give the same bytes.

use std::fmt::{self, Write as _};
use std::io;

/// The longest part of a path that an error repeats, in characters.
const QUOTED: usize = 200;

/// A path as it was asked for, fit to be repeated: control characters escaped, length bounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked(Box<str>);

impl Asked {
    /// Keeps the part of `path` that an error may repeat.
    pub fn new(path: &str) -> Self {
        let mut kept = String::with_capacity(path.len().min(QUOTED));
        for (i, character) in path.chars().enumerate() {
            if i == QUOTED {
                kept.push('…');
                break;
            }
            if character.is_control() {
                // Writing to a `String` can't fail.
                let _ = write!(kept, "{}", character.escape_unicode());
            } else {
                kept.push(character);
            }
        }
        Self(kept.into())
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why an operation on a file or directory did not happen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FsError {
    /// There is no such path, or the rules hide it: one answer, so that it can't be told which.
    #[error("`{asked}` does not exist, or is hidden by this server's rules")]
    NotFound {
        /// The path as asked.
        asked: Asked,
    },
    /// The path, or a link on its way, leads out of every root.
    #[error("`{asked}` lies outside the allowed directories")]
    Outside {
        /// The path as asked.
        asked: Asked,
    },
    /// A directory where a file was wanted.
    #[error("`{asked}` is a directory, not a file")]
    NotAFile {
        /// The path as asked.
        asked: Asked,
    },
    /// A file where a directory was wanted.
    #[error("`{asked}` is a file, not a directory")]
    NotADirectory {
        /// The path as asked.
        asked: Asked,
    },
    /// A FIFO, socket or device: reading one could block or have effects.
    #[error("`{asked}` is a FIFO, socket or device, which this server does not read")]
    Special {
        /// The path as asked.
        asked: Asked,
    },
    /// Binary content where text was wanted.
    #[error("`{asked}` is not text: {description}")]
    NotText {
        /// The path as asked.
        asked: Asked,
        /// What it seems to be.
        description: Box<str>,
    },
    /// More bytes than the caller takes.
    #[error("`{asked}` has {size} bytes, more than the {limit} that can be returned")]
    TooLarge {
        /// The path as asked.
        asked: Asked,
        /// Its size in bytes.
        size: u64,
        /// The most that was allowed.
        limit: u64,
    },
    /// A loop of links, or a chain of more than 40.
    #[error("`{asked}` leads through too many symbolic links")]
    TooManyLinks {
        /// The path as asked.
        asked: Asked,
    },
    /// A path that can't name anything.
    #[error("`{asked}` is not a path: {reason}")]
    InvalidPath {
        /// The path as asked.
        asked: Asked,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The directory that a root names is no longer the one opened at start.
    #[error(
        "the allowed directory `{root}` was replaced or removed since the server started; \
         restart the server to use the new one"
    )]
    RootReplaced {
        /// The root as it was configured.
        root: Asked,
    },
    /// A glob that does not parse.
    #[error("`{glob}` is not a glob: {reason}")]
    Glob {
        /// The glob as asked.
        glob: Asked,
        /// What the parser says.
        reason: String,
    },
    /// A regular expression that does not parse, or is too large.
    #[error("the pattern is not a regular expression: {reason}")]
    Pattern {
        /// What the parser says.
        reason: String,
    },
    /// The work was cancelled: nobody waits for it.
    #[error("cancelled")]
    Cancelled,
    /// The operating system refused.
    #[error("can't {operation} `{asked}`: {}", source.kind())]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// The path as asked.
        asked: Asked,
        /// The refusal.
        #[source]
        source: io::Error,
    },
}

/// Why a source can't be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// No root was given.
    #[error("no directory was given")]
    NoRoots,
    /// A root can't be opened as a directory.
    #[error("can't open the directory `{path}`")]
    Root {
        /// The root as given.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A root is, or lies in, what is hidden by default as a secret.
    #[error("`{path}` usually holds secrets; if agents need it, lift that with --allow GLOB")]
    Secret {
        /// The root.
        path: String,
    },
    /// A glob of a rule does not parse.
    #[error("`{glob}` is not a glob: {reason}")]
    Glob {
        /// The glob as given.
        glob: String,
        /// What the parser says.
        reason: String,
    },
}
