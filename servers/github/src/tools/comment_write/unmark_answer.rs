//! A comment is no longer the answer to its discussion.

use super::answer::Marking;
use crate::source::Document;

pub(super) struct UnmarkAnswer;

impl Marking for UnmarkAnswer {
    const DOCUMENT: &'static Document =
        &Document { name: "unmark", text: include_str!("../../graphql/unmark_answer.graphql") };
    const DONE: &'static str = "unmarked the answer";
}
