//! What can go wrong in the source. Texts name the path as it was asked for and never what a link
//! points to; a hidden path and a missing one give the same bytes.

use std::fmt::{self, Write as _};
use std::io;

use lockkeeper_core::{Altered, Unclear};

use super::edit::EditProblem;
use super::patch::PatchProblem;

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
        /// The rule that hides it, if one does: for the audit log alone.
        rule: Option<String>,
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
    /// A replacement that names a group which the pattern does not have.
    #[error("the replacement names group `{group}`, which the pattern doesn't have")]
    NoGroup {
        /// Its number or name.
        group: String,
    },
    /// Writing where only reading is allowed.
    #[error("`{asked}` lies in a directory that is read-only here")]
    ReadOnly {
        /// The path as asked.
        asked: Asked,
    },
    /// Writing into `.git`, whose hooks and settings make git run programs.
    #[error("`{asked}` lies in `.git`, which this server does not write without --allow-git")]
    GitInternals {
        /// The path as asked.
        asked: Asked,
    },
    /// An allowed directory itself.
    #[error("`{asked}` is an allowed directory itself, which tools can't replace, move or delete")]
    IsRoot {
        /// The path as asked.
        asked: Asked,
    },
    /// A directory with something inside that its rules keep from being deleted, moved or copied.
    #[error("`{asked}` holds something that this server's rules protect; nothing was changed")]
    Protected {
        /// The path as asked.
        asked: Asked,
    },
    /// Something is there already.
    #[error("`{asked}` exists already")]
    Exists {
        /// The path as asked.
        asked: Asked,
    },
    /// The file is not the one that the caller has seen.
    #[error(
        "`{asked}` is not at that version any more{}",
        current.as_ref().map_or_else(|| ": it is gone".to_owned(), |now| format!(": it is at `{now}`"))
    )]
    Stale {
        /// The path as asked.
        asked: Asked,
        /// The version now; `None` if the file is gone.
        current: Option<String>,
    },
    /// Replacing one name of a file with many would part them, writing in place could tear it.
    #[error("`{asked}` is one of {links} names of the same file (hard links)")]
    HardLinked {
        /// The path as asked.
        asked: Asked,
        /// How many names it has.
        links: u64,
    },
    /// A character that the encoding of the file does not have.
    #[error(
        "`{asked}` is in {encoding}, which has no {} (U+{:04X})",
        character.escape_debug(), u32::from(*character)
    )]
    Unencodable {
        /// The path as asked.
        asked: Asked,
        /// The encoding.
        encoding: &'static str,
        /// The first such character.
        character: char,
    },
    /// Bytes that would not survive decoding and encoding.
    #[error("`{asked}` holds bytes that are no {encoding} text; an edit could damage them")]
    NotExact {
        /// The path as asked.
        asked: Asked,
        /// The likeliest encoding.
        encoding: &'static str,
    },
    /// New content that can't be told from what is only shown.
    #[error("`{asked}`: {unclear}")]
    Unclear {
        /// The path as asked.
        asked: Asked,
        /// What is wrong with it.
        unclear: Unclear,
    },
    /// The caller has seen the file altered, and would write what it has seen.
    #[error(
        "what was shown of `{asked}` was altered ({altered}); its whole content can't be replaced by that"
    )]
    Altered {
        /// The path as asked.
        asked: Asked,
        /// How much of it is.
        altered: Altered,
    },
    /// An edit that can't be made; none was.
    #[error("`{asked}`, edit {number}: {problem}")]
    Edit {
        /// The path as asked.
        asked: Asked,
        /// Which one, from 1.
        number: usize,
        /// What is wrong with it.
        problem: EditProblem,
    },
    /// A patch that can't be applied; nothing was.
    #[error("`{asked}`: {problem}")]
    Patch {
        /// The path as asked, or the patch.
        asked: Asked,
        /// What is wrong.
        problem: PatchProblem,
    },
    /// More than one call changes.
    #[error("`{asked}` holds more than one call can change; nothing was changed")]
    TooMuch {
        /// The path as asked.
        asked: Asked,
    },
    /// More files and directories than a watch keeps in mind.
    #[error("these paths hold more than {most} files and directories, too many to watch")]
    TooMuchToWatch {
        /// The most there may be.
        most: usize,
    },
    /// Moved to another filesystem, but not all of the original went.
    #[error(
        "`{asked}` is complete at its new place, but at the old one something is left: it changed \
         meanwhile, or can't be deleted"
    )]
    LeftBehind {
        /// The path as asked.
        asked: Asked,
    },
    /// A directory that is not empty.
    #[error("`{asked}` is a directory that is not empty")]
    NotEmpty {
        /// The path as asked.
        asked: Asked,
    },
    /// A directory moved or copied to a place inside itself.
    #[error("`{asked}` can't go into itself")]
    IntoItself {
        /// The path as asked.
        asked: Asked,
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
    /// The rules leave nothing of a root.
    #[error("`{path}` is hidden whole by a rule: {rule}")]
    Hidden {
        /// The root.
        path: String,
        /// The rule.
        rule: String,
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
