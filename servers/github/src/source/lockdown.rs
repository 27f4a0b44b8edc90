//! `--lockdown`: what strangers wrote isn't shown. Shown is what those wrote who may push, in
//! repositories to which the token's user may push or that the settings name, and what lies there by
//! their doing. It stands behind every read, so no tool can leave it out; what can't be told is
//! withheld, and answers say how much was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use lockkeeper_core::{Ongoing, percent_decode};
use serde_json::Value;
use tokio::time::Instant;

use super::client::Call;
use super::error::SourceError;
use super::trust::{INSIDERS, is_run_of_fork};
use super::{RepoRef, Route, Source, parse_repo, route};

/// The place of what GraphQL answers.
pub(super) const GRAPHQL: &str = "/graphql";

/// How long it is believed who may push.
const KNOWN: Duration = Duration::from_mins(5);

/// Of so many people it is remembered.
const MOST_KNOWN: usize = 4_096;

/// So many people are asked about at once.
const AT_ONCE: usize = 8;

/// What a profile says in its owner's words.
const OWN_WORDS: [&str; 6] = ["name", "company", "location", "bio", "description", "blog"];

/// What a repository that isn't ours says of itself.
const OF_REPO: [&str; 3] = ["description", "homepage", "topics"];

/// Who may push where.
#[derive(Debug, Default)]
pub(crate) struct Lockdown(Mutex<BTreeMap<Author, (Instant, bool)>>);

/// Who wrote something, and in which repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Author {
    repo: String,
    login: String,
    association: Option<String>,
}

/// What is known before things are sorted out.
struct Verdicts {
    me: String,
    people: BTreeMap<Author, bool>,
    repos: BTreeMap<String, bool>,
}

impl Source {
    /// Whether a place may be read at all, before it is.
    pub(super) async fn vet_place(&self, route: &Route) -> Result<(), SourceError> {
        if self.lockdown.is_none() {
            return Ok(());
        }
        let Some(repo) = route.repo() else { return Ok(()) };
        let withheld = || SourceError::Withheld { asked: route.asked().to_owned() };
        if !self.is_ours(repo) {
            return Err(withheld());
        }
        let parts: Vec<String> = route
            .place()
            .split('/')
            .skip(4)
            .map(|part| percent_decode(part).unwrap_or_default())
            .collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let is_fine = match *parts {
            ["pulls", number, "files" | "commits"] => self.is_insiders_pull(repo, number).await?,
            ["actions", "jobs", job, ..] => self.is_own_job(repo, job).await?,
            ["actions", "runs", run, _, ..] => self.is_own_run(repo, run).await?,
            ["compare", ref range @ ..] => {
                let range = range.join("/");
                let (from, to) = range.split_once("...").unwrap_or((&range, ""));
                self.is_ours_at(repo, from).await? && self.is_ours_at(repo, to).await?
            }
            ["commits", ref rest @ ..] | ["git", "commits" | "trees", ref rest @ ..] => {
                let known =
                    ["check-runs", "status", "statuses", "check-suites", "pulls", "comments"];
                let rest: Vec<&str> =
                    rest.iter().copied().filter(|part| !known.contains(part)).collect();
                let at = rest.join("/");
                let at = route.parameter("sha").unwrap_or(at);
                self.is_ours_at(repo, at.split(':').next().unwrap_or_default()).await?
            }
            _ => match route.parameter("ref") {
                Some(at) => self.is_ours_at(repo, &at).await?,
                None => true,
            },
        };
        if is_fine { Ok(()) } else { Err(withheld()) }
    }

    /// The same for text that is read as it is: a diff says nothing of who wrote it.
    pub(super) async fn vet_text(&self, route: &Route) -> Result<(), SourceError> {
        self.vet_place(route).await?;
        if self.lockdown.is_some()
            && let (Some(repo), Some(number)) = (route.repo(), route.pull())
            && !self.is_insiders_pull(repo, &number.to_string()).await?
        {
            return Err(SourceError::Withheld { asked: route.asked().to_owned() });
        }
        Ok(())
    }

    /// The same for a question to GraphQL.
    pub(super) async fn vet_query(
        &self,
        repo: &RepoRef,
        variables: &Value,
    ) -> Result<(), SourceError> {
        if self.lockdown.is_none() {
            return Ok(());
        }
        let at = variables.get("expression").and_then(Value::as_str).unwrap_or_default();
        if self.is_ours(repo) && self.is_ours_at(repo, at).await? {
            return Ok(());
        }
        Err(SourceError::Withheld { asked: repo.full_name() })
    }

    /// The same for what somebody has outside repositories.
    pub(super) async fn vet_owner(&self, owner: &str) -> Result<(), SourceError> {
        if self.lockdown.is_none() || self.rules.is_named() {
            return Ok(());
        }
        if self.me().await?.eq_ignore_ascii_case(owner) {
            return Ok(());
        }
        Err(SourceError::Withheld { asked: owner.to_owned() })
    }

    /// Takes out of an answer what strangers wrote.
    pub(super) async fn vet(
        &self,
        (place, asked, repo): (&str, &str, Option<&RepoRef>),
        value: &mut Value,
    ) -> Result<(), SourceError> {
        if self.lockdown.is_none() {
            return Ok(());
        }
        let here = repo.map(RepoRef::full_name).unwrap_or_default();
        let (mut authors, mut repos) = (BTreeSet::new(), BTreeSet::new());
        collect(value, &here, &mut (&mut authors, &mut repos));
        let me = self.me().await.unwrap_or_default();
        let judged = futures_util::stream::iter(authors).map(async |author: Author| {
            let may = self.may_push(&me, &author).await;
            (author, may)
        });
        let people = judged.buffer_unordered(AT_ONCE).collect().await;
        repos.remove(&here);
        let judged = futures_util::stream::iter(repos).map(async |name: String| {
            let is_ours = self.repo(&name).await.is_ok_and(|repo| self.is_ours(&repo));
            (name, is_ours)
        });
        let mut repos: BTreeMap<String, bool> = judged.buffer_unordered(AT_ONCE).collect().await;
        repos.insert(here.clone(), repo.is_none_or(|repo| self.is_ours(repo)));
        let verdicts = Verdicts { me, people, repos };
        let mut count = 0;
        let is_withheld = verdicts.is_withheld(value, &here, place)
            || (place == GRAPHQL && verdicts.is_of_stranger(value, &here));
        if is_withheld {
            return Err(SourceError::Withheld { asked: asked.to_owned() });
        }
        verdicts.sort_out(value, (&here, place), &mut count);
        if let (1.., Some(ongoing)) = (count, Ongoing::current()) {
            ongoing.withhold(count);
        }
        Ok(())
    }

    /// A repository whose people are not strangers.
    fn is_ours(&self, repo: &RepoRef) -> bool {
        repo.can_push() || self.rules.is_named()
    }

    /// The token's user.
    pub(super) async fn me(&self) -> Result<String, SourceError> {
        let user = self.client.json(&Route::outside("user"), Call::default()).await?;
        let login = user.value.get("login").and_then(Value::as_str);
        login.map(str::to_owned).ok_or_else(|| SourceError::answer("a user without a name"))
    }

    async fn may_push(&self, me: &str, author: &Author) -> bool {
        let association = author.association.as_deref();
        if author.login.is_empty() || author.repo.is_empty() {
            return false;
        }
        if author.login.eq_ignore_ascii_case(me) || association == Some("OWNER") {
            return true;
        }
        if association.is_some_and(|association| !INSIDERS.contains(&association)) {
            return false;
        }
        let Some(Lockdown(known)) = &self.lockdown else { return true };
        let kept = known.lock().unwrap_or_else(PoisonError::into_inner).get(author).copied();
        if let Some((_, may)) = kept.filter(|(at, _)| at.elapsed() < KNOWN) {
            return may;
        }
        let may = self.asked_to_push(author).await;
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(author.clone(), (Instant::now(), may));
        may
    }

    async fn asked_to_push(&self, author: &Author) -> bool {
        let Some((owner, name)) = parse_repo(&author.repo) else { return false };
        let people = Route::of_lookup(&owner, &name).at("collaborators");
        let Ok(person) = people.name("login", &author.login) else { return false };
        let said = self.client.json(&person.at("permission"), Call::default()).await;
        match said {
            Ok(said) => matches!(
                said.value.get("permission").and_then(Value::as_str),
                Some("admin" | "write")
            ),
            // Only who may push is told who else may. Elsewhere, in a repository that the settings
            // name, GitHub's own word has to do.
            Err(SourceError::Forbidden { .. } | SourceError::ScopeMissing { .. }) => {
                self.rules.is_named() && author.association.is_some()
            }
            Err(_) => false,
        }
    }

    async fn is_insiders_pull(&self, repo: &RepoRef, number: &str) -> Result<bool, SourceError> {
        let Ok(number) = number.parse() else { return Ok(false) };
        let route = repo.route().at("pulls").number(number);
        let pull = self.client.json(&route, Call::default()).await?.value;
        let Some(author) = author(&pull, &repo.full_name()) else { return Ok(false) };
        let me = self.me().await.unwrap_or_default();
        Ok(self.may_push(&me, &author).await)
    }

    /// Whether a job ran what lies in the repository itself.
    async fn is_own_job(&self, repo: &RepoRef, job: &str) -> Result<bool, SourceError> {
        let Ok(job) = job.parse() else { return Ok(false) };
        let job = repo.route().at("actions").at("jobs").number(job);
        let job = self.client.json(&job, Call::default()).await?;
        let run = job.value.get("run_id").and_then(Value::as_u64).unwrap_or_default();
        self.is_own_run(repo, &run.to_string()).await
    }

    async fn is_own_run(&self, repo: &RepoRef, run: &str) -> Result<bool, SourceError> {
        let Ok(run) = run.parse() else { return Ok(false) };
        let run = repo.route().at("actions").at("runs").number(run);
        let run = self.client.json(&run, Call::default()).await?;
        Ok(run.value.get("head_repository").is_some() && !is_run_of_fork(&run.value))
    }

    /// Whether what a name leads to was put there by somebody who may push: forks share all of their
    /// commits with the repository, under their hashes.
    async fn is_ours_at(&self, repo: &RepoRef, at: &str) -> Result<bool, SourceError> {
        if at.contains(':') {
            return Ok(false);
        }
        let inner = at.trim_start_matches("refs/");
        if let Some(pull) = inner.strip_prefix("pull/") {
            return self.is_insiders_pull(repo, pull.split('/').next().unwrap_or_default()).await;
        }
        let name = at.split(['^', '~', '@']).next().unwrap_or_default();
        let is_hash = (4..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_hash {
            return Ok(true);
        }
        let range = format!("{}...{name}", repo.default_branch());
        let route = repo.route().at("compare").name("range", &range)?.query("per_page", 1);
        let compared = self.client.json(&route, Call::default()).await?.value;
        let status = compared.get("status").and_then(Value::as_str);
        if matches!(status, Some("identical" | "behind")) {
            return Ok(true);
        }
        let heads = repo.route().at("commits").name("sha", name)?.at("branches-where-head");
        let heads = self.client.json(&heads, Call::default()).await;
        Ok(heads.is_ok_and(|heads| heads.value.as_array().is_some_and(|heads| !heads.is_empty())))
    }
}

impl Verdicts {
    /// Whether this as a whole was written by a stranger.
    fn is_withheld(&self, value: &Value, here: &str, place: &str) -> bool {
        if is_run_of_fork(value) {
            return true;
        }
        // What was made known is vetted, by the repository's people or GitHub's.
        if value.get("ghsa_id").is_some() && value.get("author").is_none() {
            return value.get("type").is_some_and(|kind| kind != "reviewed");
        }
        if route::is_of_gists(place) && value.get("files").is_some() {
            let owner = value.pointer("/owner/login").and_then(Value::as_str);
            return !owner.is_some_and(|owner| owner.eq_ignore_ascii_case(&self.me));
        }
        let here = within(value, here);
        // A hit of a search, in the file of a stranger's repository or by its people.
        let is_hit = place.starts_with("/search") && !is_repository(value);
        if (is_hit || value.get("author_association").is_some())
            && self.repos.get(&here).is_some_and(|is_ours| !is_ours)
        {
            return true;
        }
        // Artifacts say of their run only where it came from.
        let id = |key: &str| value.pointer(&format!("/workflow_run/{key}")).and_then(Value::as_u64);
        if id("head_repository_id") != id("repository_id") {
            return true;
        }
        author(value, &here)
            .is_some_and(|author| !self.people.get(&author).copied().unwrap_or_default())
    }

    /// Whether the one thing that a query is for, which lies within others, was.
    fn is_of_stranger(&self, value: &Value, here: &str) -> bool {
        let here = within(value, here);
        let fields = value.as_object().into_iter().flat_map(|fields| fields.values());
        fields.filter(|field| field.is_object()).any(|field| {
            self.is_withheld(field, &here, GRAPHQL) || self.is_of_stranger(field, &here)
        })
    }

    fn sort_out(&self, value: &mut Value, (here, place): (&str, &str), count: &mut u64) {
        let here = within(value, here);
        match value {
            Value::Array(items) => {
                let before = items.len();
                items.retain(|item| !self.is_withheld(item, &here, place));
                *count += (before - items.len()) as u64;
                for item in items {
                    self.sort_out(item, (&here, place), count);
                }
            }
            Value::Object(_) => {
                self.take_words(value, place, count);
                let Some(fields) = value.as_object_mut() else { return };
                for (_, field) in fields.iter_mut() {
                    if field.is_object() && self.is_withheld(field, &here, place) {
                        *field = Value::Null;
                        *count += 1;
                    } else {
                        self.sort_out(field, (&here, place), count);
                    }
                }
            }
            _ => {}
        }
    }

    /// Takes single texts out of what is there otherwise.
    fn take_words(&self, value: &mut Value, place: &str, count: &mut u64) {
        let is_me = |value: &Value| {
            let login = value.get("login").and_then(Value::as_str).unwrap_or_default();
            login.eq_ignore_ascii_case(&self.me)
        };
        let words: &[&str] = if is_repository(value) {
            let name = value.get("full_name").and_then(Value::as_str).unwrap_or_default();
            let may_push = value.pointer("/permissions/push") == Some(&Value::Bool(true));
            if may_push || self.repos.get(name) == Some(&true) { &[] } else { &OF_REPO }
        } else if value.get("login").is_some() && !is_me(value) {
            &OWN_WORDS
        } else if value.get("diff_hunk").is_some() {
            // A line that an insider speaks of may be a stranger's.
            &["diff_hunk"]
        } else if place.starts_with("/notifications") && value.get("title").is_some() {
            &["title"]
        } else {
            &[]
        };
        let Some(fields) = value.as_object_mut() else { return };
        let mut is_taken = false;
        for word in words {
            if let Some(field) = fields.get_mut(*word).filter(|field| has_words(field)) {
                *field = Value::Null;
                is_taken = true;
            }
        }
        *count += u64::from(is_taken);
    }
}

fn is_repository(value: &Value) -> bool {
    value.get("full_name").is_some() && value.get("owner").is_some()
}

fn has_words(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

/// Everybody whose right to push has to be known, and every repository.
fn collect(value: &Value, here: &str, found: &mut (&mut BTreeSet<Author>, &mut BTreeSet<String>)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, here, found)),
        Value::Object(fields) => {
            let before = here;
            let here = within(value, before);
            let name = fields.get("full_name").and_then(Value::as_str);
            let is_told = value.pointer("/permissions/push").is_some();
            if let Some(name) = name.filter(|_| is_repository(value) && !is_told) {
                found.1.insert(name.to_owned());
            } else if here != *before {
                found.1.insert(here.clone());
            }
            if let Some(author) = author(value, &here) {
                found.0.insert(author);
                found.1.insert(here.clone());
            }
            fields.values().for_each(|field| collect(field, &here, found));
        }
        _ => {}
    }
}

/// The repository that something lies in, if it says so.
fn within(value: &Value, here: &str) -> String {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    let named = text("/repository/full_name").or_else(|| text("/repository/nameWithOwner"));
    let by_url = || text("/repository_url")?.rsplit_once("/repos/").map(|(_, name)| name);
    named.or_else(by_url).unwrap_or(here).to_owned()
}

/// Who wrote this, if it is something that people write. What lies in branches got there by
/// somebody who may push, whoever wrote it first.
fn author(value: &Value, repo: &str) -> Option<Author> {
    let login = |key: &str| value.pointer(&format!("/{key}/login")).and_then(Value::as_str);
    let association = value.get("author_association").or_else(|| value.get("authorAssociation"));
    let is_release = value.get("tag_name").is_some() && value.get("author").is_some();
    let is_event = value.get("event").is_some() && value.get("run_number").is_none();
    let is_advisory = value.get("ghsa_id").is_some() && value.get("author").is_some();
    let is_published = value.get("state").and_then(Value::as_str) == Some("published");
    let is_written = association.is_some()
        || is_release
        || is_event
        || (is_advisory && !is_published)
        || (value.get("title").or_else(|| value.get("body")).is_some()
            && login("author").is_some());
    is_written.then(|| Author {
        repo: repo.to_owned(),
        login: login("user").or(login("author")).or(login("actor")).unwrap_or_default().to_owned(),
        association: association.and_then(Value::as_str).map(str::to_owned),
    })
}
