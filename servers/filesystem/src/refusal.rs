//! What the source can't do, as agents are told: a code, the source's own words, and what to do.

use lockkeeper_core::ToolError;

use crate::source::{EditProblem, FsError, PatchProblem};

const UNCLEAR: &str = "nothing was changed; leave that part out: name only what stands beside it";

impl From<FsError> for ToolError {
    fn from(error: FsError) -> Self {
        let rule = match &error {
            FsError::NotFound { rule, .. } => rule.clone(),
            FsError::Outside { .. } => Some("outside the allowed directories".to_owned()),
            FsError::ReadOnly { .. } => Some("the directory is read-only".to_owned()),
            FsError::GitInternals { .. } => Some("nothing is written into .git".to_owned()),
            _ => None,
        };
        let (code, hint) = match &error {
            FsError::NotFound { .. } => {
                ("not_found", "find_files searches names; list_directory shows a directory")
            }
            FsError::Outside { .. } => {
                ("outside_roots", "list_directory without a path names the allowed directories")
            }
            FsError::NotAFile { .. } => ("not_a_file", "list_directory lists it"),
            FsError::NotADirectory { .. } => ("not_a_directory", "read_file reads it"),
            FsError::Special { .. } => ("special_file", "file_info describes it"),
            FsError::NotText { .. } => ("not_text", "file_info describes it"),
            FsError::TooLarge { .. } => ("too_large", "read_file reads text in parts"),
            FsError::TooManyLinks { .. } => ("too_many_links", "name the file itself"),
            FsError::InvalidPath { .. } => ("invalid_path", "use a path that a listing returned"),
            FsError::RootReplaced { .. } => {
                ("root_replaced", "tell the person that the server has to be restarted")
            }
            FsError::Glob { .. } => ("invalid_glob", "escape special characters as [*], [?], [[]"),
            FsError::Pattern { reason } if reason.contains("\\n") => {
                ("invalid_pattern", "set multiline to true to match over line ends")
            }
            FsError::Pattern { reason } if reason.contains("size limit") => {
                ("invalid_pattern", "repeat less, for example x+ for x{50000}")
            }
            FsError::Pattern { reason } if reason.contains("look-around") => {
                ("invalid_pattern", "search without look-around or backreferences")
            }
            FsError::Pattern { .. } => {
                ("invalid_pattern", "escape special characters, or set literal to true")
            }
            FsError::NoGroup { .. } => (
                "invalid_replacement",
                "write $$ for a dollar sign, ${1}a for group 1 and then an `a`, or set literal to true",
            ),
            FsError::ReadOnly { .. } => (
                "read_only",
                "list_directory without a path says where writing is allowed; the server's owner \
                 decides with DIR:rw",
            ),
            FsError::GitInternals { .. } => {
                ("git_internals", "leave .git to git; the server's owner decides with --allow-git")
            }
            FsError::IsRoot { .. } => ("is_root", "name something in it"),
            FsError::Protected { .. } => {
                ("protected", "name the files and directories in it that you mean, one by one")
            }
            FsError::Exists { .. } => {
                ("exists", "choose another name, or read it and say that you replace it")
            }
            FsError::Stale { .. } => ("stale_version", "read it again, then change what it is now"),
            FsError::HardLinked { .. } => (
                "hard_linked",
                "move_file with copy makes a file of its own, which can be changed and moved back",
            ),
            FsError::Unencodable { .. } => {
                ("unencodable", "use other characters; or delete the file and create it as UTF-8")
            }
            FsError::NotExact { .. } => ("not_exact", "leave it, or replace the whole file"),
            FsError::Unclear { .. } => ("unclear", UNCLEAR),
            FsError::Altered { .. } => {
                ("altered", "edit_file changes what you name and keeps the rest as it is")
            }
            FsError::Edit { problem, .. } => match problem {
                EditProblem::Unclear(_) => ("unclear", UNCLEAR),
                EditProblem::EmptyOldText => {
                    ("empty_old_text", "quote the text to replace; write_file makes whole files")
                }
                EditProblem::NoChange => ("no_change", "leave the edit out, or correct it"),
                EditProblem::Ambiguous { .. } => (
                    "ambiguous",
                    "nothing was changed; quote more lines around the one you mean, or set replace_all",
                ),
                EditProblem::NoMatch { .. } => (
                    "no_match",
                    "nothing was changed; read_file those lines and quote them exactly",
                ),
            },
            FsError::Patch { problem: PatchProblem::Unclear(_), .. } => ("unclear", UNCLEAR),
            FsError::Patch { .. } => (
                "patch_failed",
                "no file was changed; read_file the lines in question and correct the patch",
            ),
            FsError::TooMuch { .. } => ("too_much", "narrow path or glob, and call once for each"),
            FsError::TooMuchToWatch { .. } => ("too_much", "name the directories that matter"),
            FsError::LeftBehind { .. } => {
                ("left_behind", "diff_files compares both; then delete_file what is not needed")
            }
            FsError::NotEmpty { .. } => ("not_empty", "set recursive if all of it is meant"),
            FsError::IntoItself { .. } => ("into_itself", "choose a place outside of it"),
            FsError::Cancelled => ("cancelled", "call again"),
            FsError::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::PermissionDenied => {
                    ("permission_denied", "the server's user may not do this; choose another file")
                }
                std::io::ErrorKind::StorageFull
                | std::io::ErrorKind::QuotaExceeded
                | std::io::ErrorKind::FileTooLarge => {
                    ("disk_full", "nothing was changed; free space, then try again")
                }
                _ => ("io_error", "try again, or another file"),
            },
        };
        let refused = Self::new(code, error.to_string()).hint(hint);
        match rule {
            Some(rule) => refused.denied_by(rule),
            None => refused,
        }
    }
}
