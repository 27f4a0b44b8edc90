//! The tools: one file each, in the order in which they are listed.

mod account;
mod changes;
mod comment;
mod comments;
mod create_folder;
mod download;
mod info;
mod list;
mod organize;
mod read;
mod search;
mod share;
mod trash;
mod write;

use lockkeeper_core::{Registered, methods, tool};

pub(crate) use self::read::{Args as ReadArgs, read};
use crate::source::Source;

/// All tools of this server.
pub(crate) static TOOLS: &[Registered<Source>] = &[
    tool::<Source, search::SearchFiles>("search"),
    tool::<Source, list::ListFolder>("list"),
    tool::<Source, read::ReadFile>("read"),
    tool::<Source, info::FileInfo>("info"),
    tool::<Source, comments::Comments>("comments"),
    tool::<Source, changes::Changes>("changes"),
    tool::<Source, account::Account>("account"),
    tool::<Source, download::DownloadFile>("download"),
    tool::<Source, write::WriteFile>("write"),
    tool::<Source, create_folder::CreateFolder>("create_folder"),
    methods("organize", organize::DESCRIPTION, organize::METHODS),
    tool::<Source, trash::Trash>("trash"),
    methods("comment", comment::DESCRIPTION, comment::METHODS),
    methods("share", share::DESCRIPTION, share::METHODS),
];
