//! How files are named by agents and in settings: an id, the address of any of Google's pages about
//! one, or a path. An id that isn't one never becomes a part of an address.

use http::Uri;

use super::error::SourceError;

/// The longest id; today's have 33 or 44 characters.
const LONGEST: usize = 128;

/// A file by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    /// `text` is what was written.
    Id {
        id: String,
        text: String,
    },
    Path {
        text: String,
        names: Vec<String>,
    },
}

impl Name {
    /// A file by its id.
    pub(crate) fn id(id: &str) -> Self {
        Self::Id { id: id.to_owned(), text: id.to_owned() }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, SourceError> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix('/') {
            let names = path.split('/').filter(|name| !name.is_empty());
            let names: Vec<String> = names.map(str::to_owned).collect();
            if names.len() > 50 || text.len() > 2_048 {
                return Err(SourceError::argument("a path has at most 50 names"));
            }
            return Ok(Self::Path { text: text.to_owned(), names });
        }
        let id = if text.contains("://") { of_url(text) } else { Some(text.to_owned()) };
        let id = id.filter(|id| check_id(id).is_ok()).ok_or_else(|| {
            SourceError::argument(
                "a file is named by its id, its URL, or a path such as /Folder/file",
            )
        })?;
        Ok(Self::Id { id, text: text.to_owned() })
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Id { text, .. } | Self::Path { text, .. } => text,
        }
    }
}

/// Whether this may stand in an address.
pub(crate) fn check_id(id: &str) -> Result<(), SourceError> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if (1..=LONGEST).contains(&id.len()) && id.bytes().all(is_part) {
        return Ok(());
    }
    Err(SourceError::argument("that is no id"))
}

/// The id in `…/d/ID/…`, `…/folders/ID` or `…?id=ID`.
fn of_url(text: &str) -> Option<String> {
    let uri: Uri = text.parse().ok()?;
    let host = uri.host()?;
    if host != "google.com" && !host.ends_with(".google.com") {
        return None;
    }
    let mut segments = uri.path().split('/');
    while let Some(segment) = segments.next() {
        if segment == "d" || segment == "folders" {
            return segments.next().map(str::to_owned);
        }
    }
    let query = uri.query()?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == "id").map(|(_, id)| id.into_owned())
}

/// A text in a query of Drive's.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Option<String> {
        match Name::parse(text) {
            Ok(Name::Id { id, .. }) => Some(id),
            _ => None,
        }
    }

    #[test]
    fn ids_are_found_in_addresses() {
        for text in [
            "1AbC_d-9",
            "https://docs.google.com/document/d/1AbC_d-9/edit?tab=t.0#heading=h.1",
            "https://docs.google.com/spreadsheets/d/1AbC_d-9",
            "https://drive.google.com/file/d/1AbC_d-9/view",
            "https://drive.google.com/drive/u/0/folders/1AbC_d-9",
            "https://drive.google.com/open?x=1&id=1AbC_d-9",
        ] {
            assert_eq!(id(text).as_deref(), Some("1AbC_d-9"), "{text}");
        }
    }

    #[test]
    fn what_could_leave_its_place_in_an_address_is_no_id() {
        for text in [
            "../about",
            "a/b",
            "a?b",
            "a%2fb",
            "",
            "a b",
            "https://evil.example/d/1AbC",
            "https://docs.google.com/d/..%2fabout",
            "https://google.com.evil.example/d/1AbC",
        ] {
            assert_eq!(id(text), None, "{text}");
        }
        assert!(Name::parse(&"x".repeat(129)).is_err());
    }

    #[test]
    fn literals_hold_any_text() {
        assert_eq!(literal(r"it's a \ test"), r"'it\'s a \\ test'");
    }

    #[test]
    fn paths_are_names() {
        let Ok(Name::Path { names, .. }) = Name::parse("/Plans//2026/a b.md") else { panic!() };
        assert_eq!(names, ["Plans", "2026", "a b.md"]);
    }
}
