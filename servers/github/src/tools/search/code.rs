//! Files, by their text.

use super::query::Search;
use crate::fetch::View;
use crate::shapes::CODE;

pub(super) struct Code;

impl Search for Code {
    const VIEW: View = View::table("code", CODE).within("items");
    const PLACE: &'static str = "code";
    const QUOTA: &'static str = "code_search";
}
