//! Lists that GitHub pages by cursors of its own. Those are longer than ours may be, so a page is
//! found by its number: from the nearest one before it whose cursor is remembered. One that isn't
//! costs requests, and is the same page.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::error::SourceError;
use super::{Document, Reply, Route, Source, Within};
use crate::answer::find;

/// So many lists are remembered.
const MOST: usize = 64;

/// Where the pages of lists begin, from the second one on.
#[derive(Debug, Default)]
pub(super) struct Walks(Mutex<BTreeMap<String, Vec<String>>>);

impl Walks {
    /// The furthest page up to this one that is known to begin somewhere, and where.
    fn nearest(&self, list: &str, page: u64) -> (u64, Option<String>) {
        let walks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = walks.get(list).map(Vec::as_slice).unwrap_or_default();
        let wanted = usize::try_from(page.saturating_sub(1)).unwrap_or(usize::MAX);
        let count = wanted.min(known.len());
        match count.checked_sub(1).and_then(|last| known.get(last)) {
            Some(after) => (count as u64 + 1, Some(after.clone())),
            None => (1, None),
        }
    }

    fn keep(&self, list: &str, page: u64, after: &str) {
        let mut walks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if walks.len() >= MOST && !walks.contains_key(list) {
            walks.clear();
        }
        let known = walks.entry(list.to_owned()).or_default();
        let at = usize::try_from(page.saturating_sub(2)).unwrap_or(usize::MAX);
        if known.get(at).is_some_and(|known| known == after) {
            return;
        }
        known.truncate(at);
        if known.len() == at {
            known.push(after.to_owned());
        }
    }
}

impl Source {
    /// The page with this number, and whether there is a further one. `ask` gets a page and where the
    /// next one begins.
    async fn walk<T, F>(
        &self,
        list: &str,
        page: u64,
        ask: impl Fn(Option<String>) -> F,
    ) -> Result<(T, bool), SourceError>
    where
        F: Future<Output = Result<(T, Option<String>), SourceError>>,
    {
        let (mut number, mut after) = self.walks.nearest(list, page);
        loop {
            let (found, next) = ask(after).await?;
            if let Some(next) = &next {
                self.walks.keep(list, number + 1, next);
            }
            if number >= page {
                return Ok((found, next.is_some()));
            }
            let Some(next) = next else { return Err(SourceError::Changed { what: "the list" }) };
            (number, after) = (number + 1, Some(next));
        }
    }

    /// A page of a REST list.
    pub(crate) async fn read_page(
        &self,
        route: &Route,
        page: u64,
    ) -> Result<(Reply, bool), SourceError> {
        let ask = |after| async move {
            let reply = self.read(&route.clone().maybe("after", after)).await?;
            let next = reply.after.clone();
            Ok((reply, next))
        };
        self.walk(&route.uri(""), page, ask).await
    }

    /// A page of a list of GraphQL's: what the path leads to, with its `nodes`.
    pub(crate) async fn connection(
        &self,
        within: Within<'_>,
        (document, path): (&Document, &'static str),
        variables: &Value,
        (first, page): (usize, u64),
    ) -> Result<(Value, bool), SourceError> {
        let ask = |after| async move {
            let mut variables = variables.clone();
            if let Some(variables) = variables.as_object_mut() {
                variables.insert("first".to_owned(), json!(first));
                variables.insert("after".to_owned(), json!(after));
            }
            let data = self.query(within, document, variables).await?;
            let found = find(&data, path);
            if found.is_null() {
                return Err(SourceError::NotFound { asked: within.called(document) });
            }
            let has_next = find(&found, "pageInfo.hasNextPage") == Value::Bool(true);
            let end = find(&found, "pageInfo.endCursor").as_str().map(str::to_owned);
            Ok((found, end.filter(|_| has_next)))
        };
        let list = format!("{} {first} {variables}", document.name);
        self.walk(&list, page, ask).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_found_from_the_nearest_one_before_it() {
        let walks = Walks::default();
        assert_eq!(walks.nearest("a", 3), (1, None));
        walks.keep("a", 2, "two");
        walks.keep("a", 3, "three");
        walks.keep("b", 3, "nothing is known of its second page");
        assert_eq!(walks.nearest("a", 9), (3, Some("three".to_owned())));
        assert_eq!(walks.nearest("a", 2), (2, Some("two".to_owned())));
        assert_eq!(walks.nearest("a", 1), (1, None));
        assert_eq!(walks.nearest("b", 3), (1, None));
        // A list that was walked anew begins anew.
        walks.keep("a", 2, "other");
        assert_eq!(walks.nearest("a", 3), (2, Some("other".to_owned())));
        for n in 0..=MOST {
            walks.keep(&format!("list {n}"), 2, "x");
        }
        assert!(walks.0.lock().unwrap().len() <= MOST);
    }
}
