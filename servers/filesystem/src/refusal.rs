//! What the source can't do, as agents are told: a code, the source's own words, and what to do.

use lockkeeper_core::ToolError;

use crate::source::FsError;

impl From<FsError> for ToolError {
    fn from(error: FsError) -> Self {
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
            FsError::Cancelled => ("cancelled", "call again"),
            FsError::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::PermissionDenied => {
                    ("permission_denied", "the server's user may not do this; choose another file")
                }
                _ => ("io_error", "try again, or another file"),
            },
        };
        Self::new(code, error.to_string()).hint(hint)
    }
}
