//! The tools: one file each, in the order in which they are listed.

mod describe;
mod execute;
mod explain;
mod export;
mod health;
mod list_objects;
mod notify;
mod query;
mod run_saved;
mod search_objects;
mod suggest_indexes;
mod top_queries;
mod wait_for_change;

use lockkeeper_core::{Registered, tool};

use crate::source::Pg;

/// All tools of this server.
pub(crate) static TOOLS: &[Registered<Pg>] = &[
    tool::<Pg, query::RunQuery>("query"),
    tool::<Pg, explain::Explain>("explain"),
    tool::<Pg, list_objects::ListObjects>("list_objects"),
    tool::<Pg, describe::Describe>("describe"),
    tool::<Pg, search_objects::SearchObjects>("search_objects"),
    tool::<Pg, top_queries::TopQueries>("top_queries"),
    tool::<Pg, health::Health>("health"),
    tool::<Pg, suggest_indexes::SuggestIndexes>("suggest_indexes"),
    tool::<Pg, run_saved::RunSaved>("run_saved"),
    tool::<Pg, wait_for_change::WaitForChange>("wait_for_change"),
    tool::<Pg, export::ExportRows>("export"),
    tool::<Pg, execute::Execute>("execute"),
    tool::<Pg, notify::Notify>("notify"),
];
