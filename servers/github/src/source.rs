//! GitHub as this server sees it: repositories that the rules admit, requests into them, and what
//! was read so far. It knows no MCP. Every request goes through here, and none into a repository
//! without a [`RepoRef`].

mod app;
mod client;
mod discussion;
mod error;
mod findings;
mod gist;
mod graphql;
mod issues;
mod links;
mod lockdown;
mod login;
mod owner;
mod pace;
mod project;
mod repo;
mod route;
mod scopes;
mod taint;
mod trust;
mod walk;
mod writing;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lockkeeper_core::{Environment, Reach, StartError};
use lockkeeper_http::Quota;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use self::client::{Call, Client};
pub(crate) use self::client::{Reply, Stream};
pub(crate) use self::error::SourceError;
pub(crate) use self::gist::GistRef;
pub(crate) use self::graphql::{Document, Within};
use self::lockdown::Lockdown;
use self::login::Login;
pub(crate) use self::owner::OwnerRef;
pub(crate) use self::pace::PAUSE;
use self::pace::Pace;
pub(crate) use self::repo::{RepoRef, RepoRules, is_name as is_repo_name, parse as parse_repo};
pub(crate) use self::route::{Route, check_ref};
use self::taint::{Both, Taint};
use self::walk::Walks;
use crate::config::Config;
use crate::config::toolset::{self, Toolset};
use crate::subscribed::MOST_WATCHED;

/// How long what GitHub said of a repository is believed.
const KNOWN: Duration = Duration::from_mins(5);

/// Of so many repositories it is remembered.
const MOST_KNOWN: usize = 256;

/// GitHub, behind the rules.
pub struct Source {
    client: Client,
    rules: RepoRules,
    known: Mutex<BTreeMap<String, (Instant, RepoRef)>>,
    taint: Taint,
    walks: Walks,
    pace: Pace,
    /// None unless the settings ask for it.
    lockdown: Option<Lockdown>,
    allow_cross_visibility: bool,
    toolsets: Vec<Toolset>,
    /// How often is looked at what somebody subscribed to, and places for that.
    pub(crate) poll_interval: Duration,
    pub(crate) watched: Arc<Semaphore>,
    /// Whether tools may write at all.
    writes: bool,
    login: Login,
}

/// Checks a pattern of `[policy.resources]`: `owner/name`, with `*` within a part.
pub(crate) fn check_pattern(text: &str) -> Result<(), String> {
    repo::pattern(text).map(drop)
}

/// Where a write goes, as far as it decides who will read it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'a> {
    Repo(&'a RepoRef),
    /// From one repository to another.
    Transfer {
        from: &'a RepoRef,
        to: &'a RepoRef,
    },
    /// Something of an owner's outside repositories.
    Owned {
        owner: &'a OwnerRef,
        what: &'static str,
        is_public: bool,
    },
    /// Something of the user's own that others can read, such as a public gist.
    Public(&'static str),
    /// Something that only the user sees, such as the state of a notification.
    Own,
}

impl Source {
    pub(crate) fn open(config: Config, environment: &Environment) -> Result<Self, StartError> {
        let rules = RepoRules::new(&environment.scope, &config.repos, &config.write_repos);
        Ok(Self {
            login: Login::new(config.client_id, environment),
            client: Client::new(config.host, config.app, environment)?,
            rules: rules.map_err(StartError::new)?,
            known: Mutex::default(),
            taint: Taint::new(environment.marks.clone()),
            pace: Pace::new(config.write_pause),
            lockdown: config.lockdown.then(Lockdown::default),
            walks: Walks::default(),
            allow_cross_visibility: config.allow_cross_visibility,
            toolsets: config.toolsets,
            poll_interval: config.poll_interval,
            watched: Arc::new(Semaphore::new(MOST_WATCHED)),
            writes: environment.write,
        })
    }

    pub(crate) fn reach(&self) -> Reach {
        self.client.reach()
    }

    /// Whether the settings have this tool: what reads the same otherwise goes with it.
    pub(crate) fn offers(&self, tool: &str) -> bool {
        toolset::offer(&self.toolsets, tool)
    }

    /// The rules over repositories.
    pub(crate) fn rules(&self) -> &RepoRules {
        &self.rules
    }

    /// Whether a resource that a plan names exists; the error is the rule that hides it.
    pub(crate) fn admits(&self, resource: &str) -> Result<(), String> {
        match repo::parse(resource) {
            Some((owner, name)) => self.rules.admits(&owner, &name),
            // What an owner has outside repositories.
            None => match resource.strip_suffix("/*") {
                Some(owner) if repo::is_owner(owner) => self.rules.admits_owner(owner),
                _ => Ok(()),
            },
        }
    }

    /// What a repository is called that the rules admit: nothing is asked about it.
    pub(crate) fn named(&self, asked: &str) -> Result<String, SourceError> {
        let Some((owner, name)) = repo::parse(asked) else {
            return Err(SourceError::argument("`repo` is \"owner/name\""));
        };
        let asked = format!("{owner}/{name}");
        match self.rules.admits(&owner, &name) {
            Ok(()) => Ok(asked),
            Err(rule) => Err(SourceError::Hidden { asked, rule }),
        }
    }

    /// The repository of this name or URL. Nothing is asked about one that the rules hide.
    pub(crate) async fn repo(&self, asked: &str) -> Result<RepoRef, SourceError> {
        let asked = self.named(asked)?;
        let (owner, name) = asked.split_once('/').unwrap_or_default();
        let key = asked.to_ascii_lowercase();
        let kept = self.known().get(&key).filter(|(at, _)| at.elapsed() < KNOWN).cloned();
        if let Some((_, repo)) = kept {
            return Ok(repo);
        }
        let repo = self.look_up(owner, name, &asked).await?;
        let mut known = self.known();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(key, (Instant::now(), repo.clone()));
        Ok(repo)
    }

    /// Whether the rules would admit a repository of this name.
    pub(crate) fn may_exist(&self, owner: &str, name: &str) -> Result<(), SourceError> {
        let asked = format!("{owner}/{name}");
        let hidden = |rule| SourceError::Hidden { asked: asked.clone(), rule };
        self.rules.admits(owner, name).map_err(hidden)?;
        self.rules.admits_writing(owner, name)
    }

    /// The same for one of the token's user.
    pub(crate) async fn may_exist_of_user(&self, name: &str) -> Result<(), SourceError> {
        let user = self.client.json(&Route::outside("user"), Call::default()).await?;
        let login = user.value.get("login").and_then(Value::as_str).unwrap_or_default();
        self.may_exist(login, name)
    }

    async fn look_up(&self, owner: &str, name: &str, asked: &str) -> Result<RepoRef, SourceError> {
        let route = Route::of_lookup(owner, name);
        let reply = match self.client.json(&route, Call::default()).await {
            Err(SourceError::Moved { .. }) => {
                let id = self.client.moved_to(&route).await?;
                let id = id.ok_or_else(|| SourceError::NotFound { asked: asked.to_owned() })?;
                self.client.json(&Route::of_repository_id(id, asked), Call::default()).await?
            }
            reply => reply?,
        };
        RepoRef::new(&self.rules, asked, &reply.value)
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, (Instant, RepoRef)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A repository that was renamed is looked up again.
    fn heed<T>(&self, route: &Route, result: Result<T, SourceError>) -> Result<T, SourceError> {
        if let (Err(SourceError::Moved { .. }), Some(repo)) = (&result, route.repo()) {
            let name = repo.full_name();
            self.known().retain(|_, (_, known)| known.full_name() != name);
        }
        result
    }

    /// Reads JSON.
    pub(crate) async fn read(&self, route: &Route) -> Result<Reply, SourceError> {
        self.vet_place(route).await?;
        let reply = self.client.json(route, Call::default()).await;
        let mut reply = self.heed(route, reply)?;
        self.vet((route.place(), route.asked(), route.repo()), &mut reply.value).await?;
        if route.place() == "/user" {
            self.say_scopes(&mut reply);
        }
        self.note(route, Some(&reply.value)).await;
        Ok(reply)
    }

    /// Searches: these have quotas of their own.
    pub(crate) async fn search(
        &self,
        route: &Route,
        quota: &'static str,
    ) -> Result<Reply, SourceError> {
        let call = Call { quota: Some(Quota(quota)), ..Call::default() };
        let mut reply = self.client.json(route, call).await?;
        self.vet((route.place(), route.asked(), None), &mut reply.value).await?;
        self.taint.saw_as(route.place(), trust::NOTHING);
        Ok(reply)
    }

    /// Reads text in another form than JSON, such as a diff.
    pub(crate) async fn read_as(
        &self,
        route: &Route,
        accept: &'static str,
    ) -> Result<Vec<u8>, SourceError> {
        self.vet_text(route).await?;
        let call = Call { accept: Some(accept), ..Call::default() };
        let read = self.client.bytes(route, call).await.map(|(_, bytes)| bytes.to_vec());
        let read = self.heed(route, read)?;
        self.note(route, None).await;
        Ok(read)
    }

    /// Reads bulk piece by piece, from this byte on.
    pub(crate) async fn stream(
        &self,
        route: &Route,
        accept: &'static str,
        from_byte: Option<u64>,
    ) -> Result<Stream, SourceError> {
        self.vet_text(route).await?;
        let call = Call { accept: Some(accept), from_byte, ..Call::default() };
        let stream = self.client.stream(route, call).await;
        let stream = self.heed(route, stream)?;
        self.note(route, None).await;
        Ok(stream)
    }

    /// Whether an item of an answer may be shown: what lies in another repository than was asked for
    /// is there only if the rules admit it. Notes what was seen, and takes out what only leads to
    /// repositories that don't exist here.
    pub(crate) fn admit(&self, item: &mut Value, asked: Option<&RepoRef>) -> bool {
        for pointer in LEADS {
            let Some(led) = item.pointer(pointer) else { continue };
            let is_admitted = match repository_of(led) {
                Some((name, _)) => self.admits(&name).is_ok(),
                None => true,
            };
            if !is_admitted && let Some(led) = item.pointer_mut(pointer) {
                *led = Value::Null;
            }
        }
        let Some((name, is_private)) = repository_of(item) else { return true };
        if asked.is_some_and(|asked| asked.full_name().eq_ignore_ascii_case(&name)) {
            return true;
        }
        let Some((owner, repo)) = repo::parse(&name) else { return false };
        if self.rules.admits(&owner, &repo).is_err() {
            return false;
        }
        match is_private {
            Some(is_private) => self.taint.saw(&name, is_private),
            None => self.taint.saw_unknown(&name),
        }
        true
    }

    /// Something outside repositories was read, and who may read it.
    pub(crate) fn saw_own(&self, what: &str, is_private: bool) {
        self.taint.saw(what, is_private);
    }

    /// Whether the settings, and what was read so far, let something be written there.
    async fn may_change(&self, target: Target<'_>, is_cautioned: bool) -> Result<(), SourceError> {
        let (place, is_public) = match target {
            Target::Own => return Ok(()),
            Target::Public(place) => (place.to_owned(), true),
            Target::Repo(repo) => {
                self.rules.admits_writing(repo.owner(), repo.name())?;
                (repo.full_name(), !repo.is_private())
            }
            Target::Transfer { from, to } => {
                self.rules.admits_writing(from.owner(), from.name())?;
                self.rules.admits_writing(to.owner(), to.name())?;
                (to.full_name(), !to.is_private())
            }
            Target::Owned { owner, what, is_public } => {
                self.rules.admits_writing_owner(owner.login())?;
                (format!("{what} of {}", owner.login()), is_public)
            }
        };
        if self.allow_cross_visibility || !is_public || is_cautioned {
            return Ok(());
        }
        match self.tainted().await {
            Some(Both { private, untrusted }) => {
                Err(SourceError::Tainted { repo: place, private, untrusted })
            }
            None => Ok(()),
        }
    }
}

/// Where an item may lead to another repository.
const LEADS: [&str; 5] =
    ["/parent", "/source", "/source/issue", "/template_repository", "/head_repository"];

/// The repository that an item of a list names, and whether it is private if the item says so.
fn repository_of(item: &Value) -> Option<(String, Option<bool>)> {
    let is_private = |repo: &Value| repo.get("private").and_then(Value::as_bool);
    if let Some(name) = item.get("full_name").and_then(Value::as_str) {
        return Some((name.to_owned(), is_private(item)));
    }
    if let Some(repo) = item.get("repository").filter(|repo| repo.is_object()) {
        let name = repo.get("full_name").and_then(Value::as_str)?;
        return Some((name.to_owned(), is_private(repo)));
    }
    let url = item.get("repository_url").and_then(Value::as_str)?;
    let name = url.rsplit_once("/repos/").map(|(_, name)| name).unwrap_or_default();
    Some((name.to_owned(), None))
}

/// Rules for tests of what stands on them.
#[cfg(test)]
pub(crate) fn repo_rules_for_testing(
    scope: &lockkeeper_core::Scope,
    repos: &[String],
) -> RepoRules {
    RepoRules::new(scope, repos, &[]).unwrap()
}
