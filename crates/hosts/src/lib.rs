//! Where agent hosts keep the servers that they start, how an entry looks there, and edits of those
//! files in their place: what else stands in a file, its comments and its order, stays as it is.
//! Knows no MCP and prints nothing.

mod edit;
mod entry;
mod file;
mod host;

pub use edit::EditError;
pub use entry::{Entry, NoWay};
pub use file::{Change, FileError, registered};
pub use host::{Host, Places, Platform, Registered};
