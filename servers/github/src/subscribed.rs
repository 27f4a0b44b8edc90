//! What hosts subscribed to: it is asked for again and again, which costs no quota while nothing has
//! changed, since GitHub is asked whether it is still the same (`ETag`).

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::Duration;

use lockkeeper_core::{Changed, Cx, Read, ToolError, Watch};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;

use crate::source::{RepoRef, Route, Source, SourceError};

/// So many things can be subscribed to at once: each is a request every minute.
pub(crate) const MOST_WATCHED: usize = 50;

/// The longest time until something is asked for again that could not be had.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// What is watched, in a repository.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Issue(u64),
    Pull(u64),
    Run(u64),
    /// Open issues and pull requests with this label.
    Label(String),
}

impl Place {
    pub(crate) fn route(&self, repo: &RepoRef) -> Route {
        let route = repo.route();
        match self {
            Self::Issue(number) => route.at("issues").number(*number),
            Self::Pull(number) => route.at("pulls").number(*number),
            Self::Run(id) => route.at("actions").at("runs").number(*id),
            Self::Label(label) => route.at("issues").query("labels", label).query("per_page", 100),
        }
    }
}

/// Begins to watch a place in a repository.
pub(crate) async fn watch(
    cx: &Cx<'_, Source, Read>,
    repo: &RepoRef,
    place: Place,
    changed: Changed,
) -> Result<Watch, ToolError> {
    let source = cx.shared_source();
    let Ok(held) = Arc::clone(&source.watched).try_acquire_owned() else {
        let problem = format!("{MOST_WATCHED} things are subscribed to already");
        return Err(ToolError::new("too_many", problem).hint("end some subscriptions first"));
    };
    let repo = repo.full_name();
    let mut watched =
        Watched { source, repo, place, hasher: RandomState::new(), seen: None, _held: held };
    watched.seen = Some(watched.look().await?);
    Ok(Watch::run(changed.clone(), async move { watched.tell(&changed).await }))
}

struct Watched {
    source: Arc<Source>,
    repo: String,
    place: Place,
    hasher: RandomState,
    /// What it was, if it was there.
    seen: Option<u64>,
    _held: OwnedSemaphorePermit,
}

impl Watched {
    async fn look(&self) -> Result<u64, SourceError> {
        // By its name each time: the rules and GitHub decide anew.
        let repo = self.source.repo(&self.repo).await?;
        let reply = self.source.read(&self.place.route(&repo)).await?;
        Ok(self.hasher.hash_one(reply.value.to_string()))
    }

    async fn tell(mut self, changed: &Changed) -> ToolError {
        let every = self.source.poll_interval;
        let mut pause = every;
        loop {
            sleep(pause).await;
            let now = match self.look().await {
                Ok(now) => Some(now),
                Err(error @ SourceError::Hidden { .. }) => return error.into(),
                Err(SourceError::NotFound { .. } | SourceError::Gone { .. }) => None,
                // It may go better later: the breaker and the log of upstreams say what is wrong.
                Err(_) => {
                    pause = (pause * 2).min(LONGEST_PAUSE.max(every));
                    continue;
                }
            };
            pause = every;
            if now != self.seen {
                self.seen = now;
                changed.now();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use lockkeeper_testkit::github::Said;
    use lockkeeper_testkit::in_process::InProcess;
    use serde_json::{Value, json};

    use crate::GitHub;
    use crate::testing::{REPO, World};
    use lockkeeper_testkit::stdio::Era;

    const UPDATED: &str = "notifications/resources/updated";

    fn start(world: &World, flags: &[&str]) -> InProcess {
        let arguments = world.arguments(&[&["--poll-interval=1"], flags].concat());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        InProcess::start::<GitHub>(&arguments, Era::Legacy)
    }

    fn subscribe(client: &mut InProcess, uri: &str) -> Value {
        client.request("resources/subscribe", json!({"uri": uri}))
    }

    fn told(client: &mut InProcess) -> String {
        client.notification(UPDATED)["params"]["uri"].as_str().unwrap().to_owned()
    }

    fn run_for(client: &mut InProcess, time: Duration) {
        let began = Instant::now();
        while began.elapsed() < time {
            client.request("resources/templates/list", json!({}));
            thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn what_changes_is_told_and_nothing_is_asked_when_nobody_listens() {
        let world = World::examples();
        let mut client = start(&world, &[]);
        let issue = format!("github://{REPO}/issues/1347");
        let run = format!("github://{REPO}/actions/runs/30433642");
        let label = format!("github://{REPO}/labels/bug");
        for uri in [&issue, &run, &label, &format!("github://{REPO}/pulls/1347")] {
            let said = subscribe(&mut client, uri);
            assert_eq!(said["result"], json!({}), "{said}");
        }
        run_for(&mut client, Duration::from_millis(1_500));
        assert!(client.take_notifications().is_empty());
        let path = |place: &str| format!("/repos/{REPO}/{place}");
        let closed = json!({"number": 1347, "title": "Found a bug", "state": "closed"});
        world.front.say("GET", &path("issues/1347"), Said::json(200, &closed));
        assert_eq!(told(&mut client), issue);
        let done = json!({"id": 30_433_642, "status": "completed", "conclusion": "success"});
        world.front.say("GET", &path("actions/runs/30433642"), Said::json(200, &done));
        assert_eq!(told(&mut client), run);
        world.front.say(
            "GET",
            &path("issues?labels=bug&per_page=100"),
            Said::json(200, &json!([])),
        );
        assert_eq!(told(&mut client), label);
        // What goes is told, and what fails is asked for again.
        world.front.say("GET", &path("issues/1347"), Said::json(404, &json!({"message": "no"})));
        assert_eq!(told(&mut client), issue);
        for uri in [&issue, &run, &label, &format!("github://{REPO}/pulls/1347")] {
            client.request("resources/unsubscribe", json!({"uri": uri}));
        }
        run_for(&mut client, Duration::from_millis(100));
        world.front.take_seen();
        run_for(&mut client, Duration::from_millis(2_500));
        assert!(world.front.take_seen().is_empty());
    }

    #[test]
    fn what_has_not_changed_costs_no_quota() {
        let world = World::examples();
        let mut client = start(&world, &[]);
        let said = subscribe(&mut client, &format!("github://{REPO}/issues/1347"));
        assert_eq!(said["result"], json!({}), "{said}");
        let used = world.front.used();
        run_for(&mut client, Duration::from_millis(3_500));
        assert!(world.front.take_seen().len() > 3);
        assert_eq!(world.front.used(), used);
    }

    #[test]
    fn what_may_not_be_read_can_not_be_subscribed_to() {
        let world = World::examples();
        let mut client = start(&world, &["--repos=octocat/other"]);
        let said = subscribe(&mut client, &format!("github://{REPO}/issues/1347"));
        assert!(said["error"].is_object(), "{said}");
        assert!(world.front.take_seen().is_empty());
        let mut client = start(&world, &["--toolsets=repos"]);
        let said = subscribe(&mut client, &format!("github://{REPO}/issues/1347"));
        assert!(said["error"].is_object(), "{said}");
    }
}
