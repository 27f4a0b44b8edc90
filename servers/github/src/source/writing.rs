//! The way of every change: may it be made there, by what was read; does it carry data away; is it the
//! same again; is it its turn. Then it is sent once, whatever happens.

use futures_util::StreamExt as _;
use http::Method;
use lockkeeper_core::{Caution, Grant, Mutating, Need, Sight, quoted};
use lockkeeper_http::{HttpError, Semantics};
use serde_json::Value;

use super::client::{Call, Reply};
use super::error::SourceError;
use super::links::carrier;
use super::taint::Both;
use super::{RepoRef, Route, Source, Target, pace};

/// So many repositories are looked up at once.
const AT_ONCE: usize = 8;

/// Objects of git's that nothing points at yet: they are no news to anybody, and need no pause.
const UNSEEN: [&str; 3] = ["/git/blobs", "/git/trees", "/git/commits"];

impl Source {
    /// Changes something. It is sent once, whatever happens.
    pub(crate) async fn change<E: Mutating>(
        &self,
        grant: Grant<E>,
        target: Target<'_>,
        (method, route): (Method, &Route),
        body: Option<Value>,
    ) -> Result<Reply, SourceError> {
        let written = body.as_ref().unwrap_or(&Value::Null);
        let what = (method.as_str(), route.place(), written);
        let print = self.ready(target, grant.is_cautioned(), what).await?;
        drop(grant);
        let call = Call { method, body, semantics: Some(Semantics::Once), ..Call::default() };
        let reply = self.client.json(route, call).await;
        self.sent(print, &reply);
        match (reply, route.repo()) {
            (Err(SourceError::Moved { repo }), Some(known)) => {
                let name = known.full_name();
                self.known().retain(|_, (_, known)| known.full_name() != name);
                Err(SourceError::Moved { repo })
            }
            (reply, _) => reply,
        }
    }

    /// Waits until something may be written there; gives what to remember it by.
    pub(super) async fn ready(
        &self,
        target: Target<'_>,
        is_cautioned: bool,
        (method, place, body): (&str, &str, &Value),
    ) -> Result<u64, SourceError> {
        self.may_change(target, is_cautioned).await?;
        if !self.allow_cross_visibility
            && !is_cautioned
            && let Some(host) = carrier(body, &self.client.host().name)
            && self.tainted().await.is_some()
        {
            return Err(SourceError::Carries { host });
        }
        let print = pace::print(method, place, body);
        self.pace.check(print)?;
        if !UNSEEN.iter().any(|unseen| place.ends_with(unseen)) {
            self.pace.turn().await;
        }
        Ok(print)
    }

    /// Remembers a change that was made, or may have been.
    pub(super) fn sent<T>(&self, print: u64, result: &Result<T, SourceError>) {
        if matches!(result, Ok(_) | Err(SourceError::Http(HttpError::OutcomeUnknown { .. }))) {
            self.pace.sent(print);
        }
    }

    /// Where private data and text of strangers was read, if both were.
    pub(super) async fn tainted(&self) -> Option<Both> {
        let settle = async |name: String| {
            // What can't be told any more may have been either.
            let repo = self.repo(&name).await.ok();
            let private = repo.as_ref().is_none_or(RepoRef::is_private);
            let untrusted = repo.is_none_or(|repo| !repo.is_private());
            self.taint.settle(&name, Sight { private, untrusted });
        };
        let unknown = futures_util::stream::iter(self.taint.unknown());
        unknown.map(settle).buffer_unordered(AT_ONCE).collect::<()>().await;
        self.taint.both()
    }

    /// Why a person should think about a change that the policy allows, if there is a reason.
    pub(crate) async fn caution(&self, need: &Need) -> Option<Caution> {
        if self.allow_cross_visibility || !self.taint.may_be_both() {
            return None;
        }
        let mut public = None;
        for name in need.resources() {
            match self.repo(name).await {
                Ok(repo) if !repo.is_private() => public = Some(repo.full_name()),
                _ => {}
            }
        }
        let (repo, Both { private, untrusted }) = (public?, self.tainted().await?);
        let question = format!(
            "{} is public. Private data ({private}) and text that strangers may have written \
             ({untrusted}) were read before: make sure that nothing private is in what is written.",
            quoted(&repo)
        );
        let refusal = SourceError::Tainted { repo, private, untrusted };
        Some(Caution { question, refusal: refusal.into() })
    }
}
