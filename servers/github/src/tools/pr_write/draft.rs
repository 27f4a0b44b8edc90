//! It is a draft again.

use lockkeeper_core::Change;

use super::by_node::ByNode;
use crate::source::Document;

pub(super) struct Draft;

impl ByNode for Draft {
    type Effect = Change;
    const DOCUMENT: Document =
        Document { name: "draft", text: include_str!("../../graphql/draft.graphql") };
    const DONE: &'static str = "made it a draft";
}
