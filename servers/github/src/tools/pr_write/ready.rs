//! It is ready for review.

use lockkeeper_core::Change;

use super::by_node::ByNode;
use crate::source::Document;

pub(super) struct Ready;

impl ByNode for Ready {
    type Effect = Change;
    const DOCUMENT: Document =
        Document { name: "ready", text: include_str!("../../graphql/ready.graphql") };
    const DONE: &'static str = "marked it as ready";
}
