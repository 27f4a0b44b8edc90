//! Searching and listing. Drive's query language knows only the folder that a file lies in directly, so a
//! search beneath a folder names all folders there, as long as they are few; whatever comes back
//! passes the gate.

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Source;
use super::api::{DriveApi as _, Listing};
use super::error::SourceError;
use super::gate::Found;
use super::name::literal;

/// Folders that a query names, at most.
const MOST_FOLDERS: usize = 50;

/// Requests for one page, at most: what the gate filters is made up for by asking further.
const MOST_REQUESTS: usize = 6;

/// What is searched for.
#[derive(Debug, Default)]
pub(crate) struct Search {
    pub(crate) text: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) kind: Option<Kind>,
    pub(crate) within: Option<String>,
    pub(crate) modified_after: Option<String>,
    pub(crate) modified_before: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) shared_with_me: bool,
    /// In Drive's own language, in place of all the rest.
    pub(crate) query: Option<String>,
    pub(crate) order: Option<Order>,
}

/// Kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Folder,
    Doc,
    Sheet,
    Slides,
    Pdf,
    Image,
    Video,
    Audio,
    Text,
    Shortcut,
}

/// Orders of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Order {
    Modified,
    Name,
    Size,
}

/// Where a page begins: Drive's own token, none for the first, and how many files after that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) token: Option<String>,
    skip: usize,
}

impl Place {
    /// After all that was shown, if there is more.
    pub(crate) fn at(token: Option<String>) -> Option<Self> {
        token.map(|token| Self { token: Some(token), skip: 0 })
    }
}

/// A page of files.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(crate) files: Vec<Found>,
    /// How many more there were that may not be seen. Nobody must be told of a search, whose words
    /// these may hold.
    pub(crate) filtered: usize,
    /// Google did not search everywhere.
    pub(crate) is_incomplete: bool,
    /// The order that was asked for doesn't go with a full text.
    pub(crate) is_unordered: bool,
    pub(crate) next: Option<Place>,
}

impl Kind {
    fn clause(self) -> &'static str {
        match self {
            Self::Folder => "mimeType = 'application/vnd.google-apps.folder'",
            Self::Doc => "mimeType = 'application/vnd.google-apps.document'",
            Self::Sheet => "mimeType = 'application/vnd.google-apps.spreadsheet'",
            Self::Slides => "mimeType = 'application/vnd.google-apps.presentation'",
            Self::Pdf => "mimeType = 'application/pdf'",
            Self::Image => "mimeType contains 'image/'",
            Self::Video => "mimeType contains 'video/'",
            Self::Audio => "mimeType contains 'audio/'",
            Self::Text => "mimeType contains 'text/'",
            Self::Shortcut => "mimeType = 'application/vnd.google-apps.shortcut'",
        }
    }
}

impl Search {
    /// The query, without where to look.
    fn q(&self) -> Result<String, SourceError> {
        if let Some(query) = &self.query {
            let alone = self.text.is_none()
                && self.name.is_none()
                && self.kind.is_none()
                && self.modified_after.is_none()
                && self.modified_before.is_none()
                && self.owner.is_none()
                && !self.shared_with_me;
            if !alone {
                return Err(SourceError::argument(
                    "`query` goes only with `in`, `order` and `limit`",
                ));
            }
            check_balance(query)?;
            return Ok(format!("({query})"));
        }
        let mut clauses = vec!["trashed = false".to_owned()];
        let mut add = |clause: Option<String>| clauses.extend(clause);
        add(self.text.as_ref().map(|text| format!("fullText contains {}", literal(text))));
        add(self.name.as_ref().map(|name| format!("name contains {}", literal(name))));
        add(self.kind.map(|kind| kind.clause().to_owned()));
        for (bound, given) in [(">", &self.modified_after), ("<", &self.modified_before)] {
            let time = given.as_deref().map(time).transpose()?;
            add(time.map(|time| format!("modifiedTime {bound} '{time}'")));
        }
        add(self.owner.as_ref().map(|owner| format!("{} in owners", literal(owner))));
        add(self.shared_with_me.then(|| "sharedWithMe = true".to_owned()));
        Ok(clauses.join(" and "))
    }
}

/// Refuses a query that would leave the parentheses that are put around it, and so ask about more than
/// the folders that are named after it.
fn check_balance(query: &str) -> Result<(), SourceError> {
    let (mut depth, mut is_text, mut is_escaped) = (0_usize, false, false);
    for c in query.chars() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_text => is_escaped = true,
            '\'' => is_text = !is_text,
            _ if is_text => {}
            '(' => depth += 1,
            ')' => {
                depth = depth.checked_sub(1).ok_or_else(|| {
                    SourceError::argument("`query` closes a parenthesis that it didn't open")
                })?;
            }
            _ => {}
        }
    }
    if depth > 0 || is_text {
        return Err(SourceError::argument("`query` has an open quote or parenthesis"));
    }
    Ok(())
}

/// A date or a time as Drive takes it.
fn time(text: &str) -> Result<String, SourceError> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let time = match day {
        Some(day) => day.and_hms_opt(0, 0, 0).map(|time| time.and_utc()),
        None => DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc)),
    };
    let time = time.ok_or_else(|| {
        SourceError::argument("a time is like 2026-03-01 or 2026-03-01T08:00:00Z")
    })?;
    Ok(time.format("%Y-%m-%dT%H:%M:%S").to_string())
}

impl Source {
    /// One page of a search.
    pub(crate) async fn search(
        &self,
        search: &Search,
        limit: usize,
        place: Place,
    ) -> Result<Listed, SourceError> {
        let mut q = search.q()?;
        let resolved = self.gate.resolved(&self.api).await?;
        let within = match &search.within {
            Some(name) => Some(self.find(name).await?),
            None => None,
        };
        let roots: Vec<String> = match &within {
            Some(folder) => vec![folder.id().to_owned()],
            None if resolved.are_folders() => {
                resolved.allowed().map(|(id, _)| id.to_owned()).collect()
            }
            None => Vec::new(),
        };
        let mut drive = within.as_ref().and_then(|folder| folder.file().drive_id.clone());
        if let (None, [root]) = (&within, roots.as_slice()) {
            // All of a shared drive, if that is what is allowed.
            drive = self.api.get(root, "driveId").await?.drive_id;
        }
        let mut is_narrow = roots.is_empty() && !self.gate.restricts();
        if !roots.is_empty()
            && let Some(folders) = self.folders_beneath(&roots).await?
        {
            let seen = folders.iter().filter(|id| !resolved.is_denied(id));
            let parents = seen.map(|id| format!("{} in parents", literal(id)));
            q = format!("{q} and ({})", parents.collect::<Vec<_>>().join(" or "));
            is_narrow = true;
        }
        if !is_narrow && within.is_some() && drive.is_none() {
            return Err(SourceError::Unsuited {
                problem: format!("more than {MOST_FOLDERS} folders lie beneath `in`"),
                hint: "name a folder further down; list shows them",
            });
        }
        // Drive refuses an order together with a full text: it sorts by relevance then.
        let is_full_text =
            search.text.is_some() || search.query.as_ref().is_some_and(|q| q.contains("fullText"));
        let order = search.order.filter(|_| !is_full_text).map(|order| match order {
            Order::Modified => "modifiedTime desc",
            Order::Name => "name_natural",
            Order::Size => "quotaBytesUsed desc",
        });
        let listing = Listing { q, order, drive, ..Listing::default() };
        // Where a query asks about more than may be seen, requests are of one size, whatever passes.
        let size = if is_narrow && !self.gate.denies() { limit } else { 100 };
        let mut listed = self.page(listing, (limit, size), place).await?;
        listed.is_unordered = search.order.is_some() && is_full_text;
        Ok(listed)
    }

    /// One page of what lies in a folder, folders first.
    pub(crate) async fn children(
        &self,
        folder: &Found,
        limit: usize,
        place: Place,
    ) -> Result<Listed, SourceError> {
        if !folder.is_folder() {
            let problem = format!("`{}` is no folder", folder.name());
            return Err(SourceError::Unsuited { problem, hint: "read shows what a file holds" });
        }
        let q = format!("{} in parents and trashed = false", literal(folder.id()));
        let drive = folder.file().drive_id.clone();
        let order = Some("folder,name_natural");
        let mut listed = self
            .page(Listing { q, order, drive, ..Listing::default() }, (limit, limit), place)
            .await?;
        if self.gate.denies() {
            // What is denied isn't there.
            listed.filtered = 0;
        }
        Ok(listed)
    }

    /// As many files as fit, asking further for those that may not be seen.
    async fn page(
        &self,
        mut listing: Listing,
        (limit, size): (usize, usize),
        Place { mut token, mut skip }: Place,
    ) -> Result<Listed, SourceError> {
        let mut listed = Listed::default();
        listing.size = i32::try_from(size.clamp(1, 100)).unwrap_or(100);
        for _ in 0..MOST_REQUESTS {
            listing.page.clone_from(&token);
            let got = self.api.list(&listing).await?;
            listed.is_incomplete |= got.incomplete_search == Some(true);
            let (files, filtered) =
                self.gate.admit(&self.api, got.files.unwrap_or_default()).await?;
            listed.filtered += filtered;
            let left = limit.saturating_sub(listed.files.len());
            if files.len().saturating_sub(skip) > left {
                listed.files.extend(files.into_iter().skip(skip).take(left));
                listed.next = Some(Place { token, skip: skip + left });
                return Ok(listed);
            }
            listed.files.extend(files.into_iter().skip(skip));
            (token, skip) = (got.next_page_token, 0);
            if token.is_none() || listed.files.len() >= limit {
                break;
            }
        }
        listed.next = Place::at(token);
        Ok(listed)
    }

    /// These folders and all beneath them, if they are few.
    async fn folders_beneath(&self, roots: &[String]) -> Result<Option<Vec<String>>, SourceError> {
        let mut all = roots.to_vec();
        let mut level = roots.to_vec();
        while !level.is_empty() && all.len() <= MOST_FOLDERS {
            let parents: Vec<_> =
                level.iter().map(|id| format!("{} in parents", literal(id))).collect();
            let q = format!(
                "mimeType = 'application/vnd.google-apps.folder' and trashed = false and ({})",
                parents.join(" or ")
            );
            let listing = Listing { q, size: 100, ..Listing::default() };
            let found = self.api.list(&listing).await?;
            if found.next_page_token.is_some() {
                return Ok(None);
            }
            let ids = found.files.unwrap_or_default().into_iter().filter_map(|file| file.id);
            level = ids.filter(|id| !all.contains(id)).collect();
            all.extend(level.iter().cloned());
        }
        Ok((all.len() <= MOST_FOLDERS).then_some(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_made_of_arguments_whatever_they_hold() {
        let search = Search {
            text: Some("it's".into()),
            kind: Some(Kind::Pdf),
            modified_after: Some("2026-03-01".into()),
            owner: Some("a@b.c".into()),
            ..Search::default()
        };
        assert_eq!(
            search.q().unwrap(),
            r"trashed = false and fullText contains 'it\'s' and mimeType = 'application/pdf' and modifiedTime > '2026-03-01T00:00:00' and 'a@b.c' in owners"
        );
        let both =
            Search { query: Some("starred".into()), name: Some("x".into()), ..Search::default() };
        assert!(both.q().is_err());
        for query in ["starred) or (starred", "name = 'a", "(starred", "name = 'a\\' or starred"] {
            assert!(check_balance(query).is_err(), "{query}");
        }
        assert!(check_balance(r"(name contains 'a\'b)' and starred)").is_ok());
        let never = Search { modified_before: Some("' or 1".into()), ..Search::default() };
        assert!(never.q().is_err());
    }
}
