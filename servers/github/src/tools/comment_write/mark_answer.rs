//! A comment is the answer to its discussion.

use super::answer::Marking;
use crate::source::Document;

pub(super) struct MarkAnswer;

impl Marking for MarkAnswer {
    const DOCUMENT: &'static Document =
        &Document { name: "mark", text: include_str!("../../graphql/mark_answer.graphql") };
    const DONE: &'static str = "marked the answer";
}
