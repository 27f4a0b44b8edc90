//! What all searches have: their words, narrowed to repositories that exist here, and their hits,
//! looked at again.

use std::marker::PhantomData;

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::answer::Answer;
use crate::fetch::{Page, Position, View, items, list};
use crate::source::{RepoRules, Route, Source, SourceError, parse_repo};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// with GitHub's qualifiers, such as repo:o/r is:open
    query: String,
    sort: Option<String>,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

/// One kind of search.
pub(super) trait Search: Send + Sync + 'static {
    const VIEW: View;
    /// The last part of its path.
    const PLACE: &'static str;
    /// A qualifier that it always has.
    const ALWAYS: &'static str = "";
    /// Its quota.
    const QUOTA: &'static str = "search";
    /// Whether GitHub takes an order.
    const SORTS: bool = true;
    /// Whether hits lie in repositories.
    const IN_REPOS: bool = true;
}

/// A [`Search`] as a tool's method.
pub(super) struct Searched<S>(PhantomData<S>);

impl<S: Search> Tool<Source> for Searched<S> {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(args: &Args) -> Need {
        let repos = qualified(&args.query).into_iter().filter(|(key, _)| key == "repo");
        repos.fold(Need::new(Effect::Read), |need, (_, repo)| need.resource(repo))
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let page = Page { n: args.n, cursor: args.cursor.as_deref(), fields: &args.fields };
        page.check(&S::VIEW)?;
        if args.sort.is_some() && !S::SORTS {
            let problem = format!("`sort`: {} come best match first", S::PLACE);
            return Err(ToolError::invalid_arguments(problem));
        }
        let source = cx.source();
        let mut query = args.query.trim().to_owned();
        if S::IN_REPOS {
            narrow(&mut query, source.rules())?;
        }
        if !S::ALWAYS.is_empty() {
            query = format!("{query} {}", S::ALWAYS);
        }
        let at = Position::resume(&cx, &page)?;
        let route = Route::outside("search")
            .at(S::PLACE)
            .query("q", query.trim())
            .maybe("sort", args.sort.as_deref())
            .query("per_page", page.n()?)
            .query("page", at.page);
        let reply = source.search(&route, S::QUOTA).await?;
        let total = reply.value.get("total_count").and_then(Value::as_u64);
        let is_partial = reply.value.get("incomplete_results") == Some(&Value::Bool(true));
        let mut hits = items(reply.value, "items")?;
        hits.retain_mut(|hit| source.admit(hit, None));
        if !S::IN_REPOS {
            source.saw_own("search", false);
        }
        // A total that counts what may not be seen would tell of it.
        let is_counted = !(S::IN_REPOS && source.rules().is_restricted());
        let answer = list(&cx, &hits, &S::VIEW, &page, (at, reply.has_next))?;
        let answer = answer.total(total.filter(|_| is_counted)).headed(S::VIEW.title);
        Ok(if is_partial { answer.note("GitHub's time was up: not all hits") } else { answer })
    }
}

/// The qualifiers over places in a query, however they are grouped, negated or quoted.
fn qualified(query: &str) -> Vec<(String, String)> {
    let words = query.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"' | ','));
    let one = |word: &str| {
        let word = word.trim_start_matches(['-', '+']);
        let (key, value) = word.split_once(':')?;
        let key = key.to_ascii_lowercase();
        matches!(key.as_str(), "repo" | "org" | "user" | "owner" | "enterprise" | "fork")
            .then(|| (key, value.to_owned()))
    };
    words.filter_map(one).collect()
}

/// Adds the repositories that may be seen, and refuses others by name.
fn narrow(query: &mut String, rules: &RepoRules) -> Result<(), SourceError> {
    if !rules.is_restricted() {
        return Ok(());
    }
    let mut is_placed = false;
    for (key, value) in qualified(query) {
        if key == "repo" {
            let hidden = |rule| SourceError::Hidden { asked: value.clone(), rule };
            let (owner, name) = parse_repo(&value)
                .ok_or_else(|| SourceError::argument("`query`: repo: takes owner/name"))?;
            rules.admits(&owner, &name).map_err(hidden)?;
            is_placed = true;
        }
    }
    if !is_placed {
        for qualifier in rules.qualifiers() {
            query.push(' ');
            query.push_str(&qualifier);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lockkeeper_core::Scope;

    use super::*;

    #[test]
    fn searches_stay_in_the_repositories_that_exist() {
        let patterns = ["octo/hello".to_owned(), "acme/*".to_owned()];
        let rules = crate::source::repo_rules_for_testing(&Scope::default(), &patterns);
        let narrowed = |query: &str| {
            let mut query = query.to_owned();
            narrow(&mut query, &rules).map(|()| query).map_err(|error| error.to_string())
        };
        assert_eq!(narrowed("bug").unwrap(), "bug repo:octo/hello user:acme");
        assert_eq!(narrowed("bug repo:Octo/Hello").unwrap(), "bug repo:Octo/Hello");
        for query in [
            "repo:evil/x",
            "(bug OR repo:evil/x)",
            "\"repo:evil/x\"",
            "REPO:evil/x",
            "-repo:evil/x a",
            "repo:octo/hello repo:evil/x",
            "repo:evil",
            "repo:",
        ] {
            assert!(narrowed(query).is_err(), "{query}");
        }
    }
}
