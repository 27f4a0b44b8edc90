//! Texts of people and files are changed by what is different in them: each place is quoted, found
//! once, and replaced; every other byte stays.

use lockkeeper_core::{ToolError, placeholder, quoted};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::source::{Route, Source};

/// One place in a text.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edit {
    pub(crate) find: String,
    pub(crate) replace: String,
}

/// A new text in the place of an old one.
#[derive(Debug, Default)]
pub(crate) struct Patch<'a> {
    pub(crate) whole: Option<&'a str>,
    pub(crate) edits: &'a [Edit],
    pub(crate) append: Option<&'a str>,
}

impl Patch<'_> {
    /// Whether the old text has to be known.
    fn needs_old(&self) -> bool {
        !self.edits.is_empty() || self.append.is_some()
    }

    /// The new text; none if it stays.
    pub(crate) fn apply(&self, old: &str) -> Result<Option<String>, ToolError> {
        if self.whole.is_some() && self.needs_old() {
            return Err(ToolError::invalid_arguments("give `body`, or changes of it, not both"));
        }
        if let Some(whole) = self.whole {
            check(whole)?;
            return Ok(Some(whole.to_owned()));
        }
        if !self.needs_old() {
            return Ok(None);
        }
        let mut text = old.to_owned();
        for (number, edit) in (1..).zip(self.edits) {
            text = replace(&text, edit, number)?;
        }
        if let Some(append) = self.append {
            check(append)?;
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(append);
        }
        Ok(Some(text))
    }
}

impl Source {
    /// The new `body` of what is at this route; none if it stays. The old one is read just before.
    pub(crate) async fn patched(
        &self,
        route: &Route,
        patch: &Patch<'_>,
    ) -> Result<Option<String>, ToolError> {
        if !patch.needs_old() {
            return patch.apply("");
        }
        let old = self.read(route).await?;
        let old = old.value.get("body").and_then(Value::as_str).unwrap_or_default();
        patch.apply(old)
    }
}

/// Checks a text that is new as a whole.
pub(crate) fn check_text(text: Option<&str>) -> Result<(), ToolError> {
    text.map_or(Ok(()), check)
}

/// What stands for something that was left out is no text to write.
fn check(text: &str) -> Result<(), ToolError> {
    match placeholder(text) {
        Some(found) => Err(ToolError::invalid_arguments(format!(
            "the text holds {}, which only stands for what is left out",
            quoted(found)
        ))
        .hint("change other parts of the text by edits that don't hold it")),
        None => Ok(()),
    }
}

fn replace(text: &str, Edit { find, replace }: &Edit, number: usize) -> Result<String, ToolError> {
    check(replace)?;
    if find.is_empty() {
        return Err(ToolError::invalid_arguments(format!("edit {number}: `find` is empty")));
    }
    let (mut find, mut replace) = (find.clone(), replace.clone());
    // Texts from web forms have lines that end in CRLF, which is not what is quoted.
    if !text.contains(&find) && text.contains("\r\n") && !find.contains('\r') {
        find = find.replace('\n', "\r\n");
        replace = replace.replace("\r\n", "\n").replace('\n', "\r\n");
    }
    match text.matches(&find).count() {
        1 => Ok(text.replacen(&find, &replace, 1)),
        0 => Err(ToolError::new(
            "no_match",
            format!("edit {number}: {} is not there", quoted(&find)),
        )
        .hint("nothing was changed; read the text and quote it exactly")),
        times => Err(ToolError::new(
            "ambiguous",
            format!("edit {number}: {} is there {times} times", quoted(&find)),
        )
        .hint("nothing was changed; quote more of what stands around it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(find: &str, replace: &str) -> Edit {
        Edit { find: find.to_owned(), replace: replace.to_owned() }
    }

    #[test]
    fn every_other_byte_stays() {
        let old = "<T> a & b &amp; <!-- x -->\r\n<div>one</div>\r\n\ttwo  \r\n";
        let patch =
            |edits: &[Edit], append| Patch { whole: None, edits, append }.apply(old).unwrap();
        assert_eq!(patch(&[edit("one", "1")], None).unwrap(), old.replace("one", "1"));
        let crossing = edit("</div>\n\ttwo", "</div>\n2");
        assert_eq!(patch(&[crossing], None).unwrap(), old.replace("\ttwo", "2"));
        assert_eq!(patch(&[], Some("more")).unwrap(), format!("{old}more"));
        assert_eq!(patch(&[], None), None);
    }

    #[test]
    fn what_is_unclear_is_refused() {
        let refused = |whole: Option<&str>, edits: &[Edit]| {
            Patch { whole, edits, append: None }
                .apply("one two one [redacted:x]")
                .unwrap_err()
                .text()
        };
        assert!(
            refused(None, &[edit("one", "1")]).starts_with("ambiguous: edit 1: `one` is there 2")
        );
        assert!(
            refused(None, &[edit("two", "2"), edit("three", "")]).starts_with("no_match: edit 2")
        );
        assert!(refused(None, &[edit("", "x")]).contains("`find` is empty"));
        assert!(refused(Some("x"), &[edit("two", "2")]).contains("not both"));
        assert!(refused(Some("a [redacted:github_token] b"), &[]).contains("only stands for"));
    }
}
