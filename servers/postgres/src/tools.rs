//! The tools: one file each, in the order in which they are listed.

use lockkeeper_core::Registered;

use crate::source::Pg;

/// All tools of this server.
pub(crate) static TOOLS: &[Registered<Pg>] = &[];
