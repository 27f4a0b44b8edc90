//! Files and directories that hosts subscribed to: each is watched as `wait_for_change` does, by the
//! same rules, and whoever listens is told that it changed. A directory stands for all below it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lockkeeper_core::{Changed, Cx, Read, Stop, ToolError, Watch as Watching};

use crate::Fs;
use crate::source::{Watch, WatchOptions};

/// As many files and directories are kept in mind for all subscriptions together.
const MOST_ENTRIES: usize = 200_000;
/// One look at what changed pauses after so long.
const LONGEST_LOOK: Duration = Duration::from_secs(20);

/// What all subscriptions together take.
#[derive(Debug, Default)]
pub(crate) struct Subscribed {
    entries: Arc<AtomicUsize>,
}

/// Begins to watch a file or directory, which need not exist yet.
pub(crate) async fn watch(
    cx: &Cx<'_, Fs, Read>,
    path: String,
    changed: Changed,
) -> Result<Watching, ToolError> {
    let entries = Arc::clone(&cx.source().subscribed.entries);
    let left = MOST_ENTRIES.saturating_sub(entries.load(Ordering::Relaxed));
    let walk = cx.source().walk().await;
    let begun = cx.blocking(move |fs, stop| {
        let _walk = walk;
        let options = WatchOptions { prompt: true, most_entries: left, ..WatchOptions::default() };
        let spot = fs.files.spot(&path)?;
        fs.files.watch(&[spot], options, None, stop)
    });
    let watch = begun.await?.map_err(ToolError::from)?;
    let share = Share { held: watch.size(), entries };
    share.entries.fetch_add(share.held, Ordering::Relaxed);
    let fs = cx.shared_source();
    Ok(Watching::run(changed.clone(), async move { tell(fs, watch, share, &changed).await }))
}

/// Its part of [`MOST_ENTRIES`], given back in the end.
struct Share {
    held: usize,
    entries: Arc<AtomicUsize>,
}

impl Share {
    fn is_now(&mut self, size: usize) {
        self.entries.fetch_add(size, Ordering::Relaxed);
        self.entries.fetch_sub(std::mem::replace(&mut self.held, size), Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.entries.fetch_sub(self.held, Ordering::Relaxed);
    }
}

async fn tell(fs: Arc<Fs>, mut watch: Watch, mut share: Share, changed: &Changed) -> ToolError {
    loop {
        watch.stirred().await;
        let walk = fs.walk().await;
        let source = Arc::clone(&fs);
        let look = tokio::task::spawn_blocking(move || {
            let _walk = walk;
            let stop = Stop::new(Instant::now() + LONGEST_LOOK);
            let looked = watch.look(&source.files, &stop);
            (watch, looked)
        });
        let Ok((back, looked)) = look.await else {
            return ToolError::new("internal_error", "looking at what changed failed");
        };
        watch = back;
        share.is_now(watch.size());
        if let Err(error) = looked {
            return error.into();
        }
        if watch.has_changes() {
            watch.take(usize::MAX, usize::MAX);
            changed.now();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use lockkeeper_testkit::in_process::InProcess;
    use lockkeeper_testkit::stdio::Era;
    use serde_json::{Value, json};

    use crate::Filesystem;
    use crate::testing::Fixture;

    const UPDATED: &str = "notifications/resources/updated";

    /// A subscription to these paths; in the new era, the filter that was accepted.
    fn subscribe(client: &mut InProcess, era: Era, uris: &[&str]) -> Option<Value> {
        if era == Era::Legacy {
            for uri in uris {
                let response = client.request("resources/subscribe", json!({"uri": uri}));
                assert_eq!(response["result"], json!({}), "{response}");
            }
            return None;
        }
        let filter = json!({"notifications": {"resourceSubscriptions": uris}});
        let params = era.with_meta(&json!({}), filter);
        client.send(&json!({"jsonrpc": "2.0", "id": "a subscription", "params": params,
            "method": "subscriptions/listen"}));
        let said = client.notification("notifications/subscriptions/acknowledged");
        let meta = &said["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"];
        assert_eq!(meta, "a subscription", "{said}");
        Some(said["params"]["notifications"].clone())
    }

    #[test]
    fn a_change_is_told_at_once_in_both_eras() {
        for era in Era::ALL {
            let fixture = Fixture::new("project");
            let mut client = InProcess::start::<Filesystem>(&[&fixture.root()], era);
            let file = format!("file://{}/src/main.rs", fixture.root());
            let directory = format!("file://{}/src", fixture.root());
            subscribe(&mut client, era, &[&file, &directory]);
            let began = Instant::now();
            fixture.write("README.md", b"of no concern");
            fixture.write("src/main.rs", b"fn main() {}\n");
            let mut told = Vec::new();
            for _ in 0..2 {
                let notice = client.notification(UPDATED);
                if era == Era::Modern {
                    let meta = &notice["params"]["_meta"];
                    assert_eq!(meta["io.modelcontextprotocol/subscriptionId"], "a subscription");
                }
                told.push(notice["params"]["uri"].as_str().unwrap().to_owned());
            }
            assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
            told.sort();
            assert_eq!(told, [directory, file]);
        }
    }

    #[test]
    fn who_unsubscribed_hears_nothing_and_who_is_left_does() {
        let fixture = Fixture::new("project");
        let mut client = InProcess::start::<Filesystem>(&[&fixture.root()], Era::Legacy);
        let uri = |path: &str| format!("file://{}/{path}", fixture.root());
        let (one, other) = (uri("README.md"), uri("src/main.rs"));
        subscribe(&mut client, Era::Legacy, &[&one, &other, &one]);
        client.request("resources/unsubscribe", json!({"uri": &one}));
        fixture.write("README.md", b"unheard");
        fixture.write("src/main.rs", b"heard");
        assert_eq!(client.notification(UPDATED)["params"]["uri"], other);
        client.request("resources/unsubscribe", json!({"uri": &other}));
        client.request("resources/unsubscribe", json!({"uri": &other}));
        subscribe(&mut client, Era::Legacy, &[&one]);
        fixture.write("README.md", b"heard again");
        assert_eq!(client.notification(UPDATED)["params"]["uri"], one);
        assert!(client.take_notifications().is_empty());
    }

    #[test]
    fn what_may_not_be_read_can_not_be_listened_to() {
        for era in Era::ALL {
            let fixture = Fixture::new("small");
            let mut client = InProcess::start::<Filesystem>(&[&fixture.root()], era);
            let outside = format!("file://{}/../secret.txt", fixture.root());
            let inside = format!("file://{}/notes.txt", fixture.root());
            let (hidden, missing) = (
                format!("file://{}/.env", fixture.root()),
                format!("file://{}/none", fixture.root()),
            );
            if era == Era::Legacy {
                for uri in [&outside, "https://example.com/x"] {
                    let response = client.request("resources/subscribe", json!({"uri": uri}));
                    assert!(response["error"]["code"].is_i64(), "{response}");
                }
                subscribe(&mut client, era, &[&hidden, &missing, &inside]);
            } else {
                let uris = [&*outside, "https://example.com/x", &*hidden, &*missing, &*inside];
                let accepted = subscribe(&mut client, era, &uris).unwrap();
                let mut heard = [&*hidden, &*missing, &*inside];
                heard.sort_unstable();
                assert_eq!(accepted, json!({"resourceSubscriptions": heard}));
            }
            fixture.write(".env", b"TOKEN=2");
            fixture.write("notes.txt", b"two");
            assert_eq!(client.notification(UPDATED)["params"]["uri"], inside);
            fixture.write("none", b"there now");
            assert_eq!(client.notification(UPDATED)["params"]["uri"], missing);
            assert!(client.take_notifications().is_empty());
        }
    }

    #[test]
    fn a_burst_is_told_in_few_notices_and_the_last_comes_after_it() {
        let fixture = Fixture::new("project");
        let mut client = InProcess::start::<Filesystem>(&[&fixture.root()], Era::Modern);
        let uri = format!("file://{}/data", fixture.root());
        fixture.write("data/0", b"");
        subscribe(&mut client, Era::Modern, &[&uri]);
        (0..2_000).for_each(|i| fixture.write(&format!("data/{i}"), b"new"));
        fixture.write("data/last", b"last");
        let mut notices = 0;
        // A notice after the last change was read is one that belongs to it, or to a later one.
        let arguments = json!({"paths": ["data"], "max_wait": 1});
        while !client.call("wait_for_change", arguments.clone()).to_string().contains("unchanged") {
        }
        notices += client.take_notifications().len();
        assert!((1..200).contains(&notices), "{notices}");
    }

    #[test]
    fn the_capability_is_declared_and_the_old_request_belongs_to_the_old_era() {
        let fixture = Fixture::new("small");
        let mut client = InProcess::start::<Filesystem>(&[&fixture.root()], Era::Modern);
        let said = client.request("server/discover", json!({}));
        assert_eq!(said["result"]["capabilities"]["resources"], json!({"subscribe": true}));
        let response = client.request("resources/subscribe", json!({"uri": "file:///"}));
        assert_eq!(response["error"]["code"], -32601, "{response}");
    }
}
