//! `wait_for_change`: returns when something changes, or the time is up.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lockkeeper_core::time::rfc3339;
use lockkeeper_core::{Cx, Effect, Need, Output, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fs;
use crate::source::{self, ChangeKind, UNWATCHED, Watch, WatchOptions};

/// As long as a call waits unless it says otherwise.
const PATIENCE: u64 = 20;
/// As many paths are taken.
const MOST_PATHS: usize = 100;
/// As many changes are named in one answer.
const MOST_CHANGES: usize = 100;

pub(crate) struct WaitForChange;

/// Wait until something changes at or below `paths`, which need not exist yet. With the last cursor
/// nothing in between is missed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    paths: Vec<String>,
    /// only paths that match
    glob: Option<String>,
    /// seconds, default 20
    max_wait: Option<u64>,
    /// default 100
    max_items: Option<usize>,
    /// also .gitignore'd and hidden
    #[serde(default)]
    ignored: bool,
    /// from `next`
    cursor: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Changes {
    /// changed, unchanged, or running: go on with next
    state: &'static str,
    changes: Vec<Change>,
    #[serde(skip_serializing_if = "is_zero")]
    left: usize,
    next: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Change {
    path: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl Tool<Fs> for WaitForChange {
    type Effect = Read;
    type Args = Args;
    type Output = Changes;

    fn plan(args: &Args) -> Need {
        args.paths.iter().fold(Need::new(Effect::Read), Need::resource)
    }

    async fn run(cx: Cx<'_, Fs, Read>, args: Args) -> Result<Changes, ToolError> {
        let Args { paths, glob, max_wait, max_items, ignored, cursor } = args;
        if paths.is_empty() || paths.len() > MOST_PATHS {
            let message = format!("`paths` holds {} paths", paths.len());
            let hint = format!("name 1 to {MOST_PATHS}; a directory stands for all below it");
            return Err(ToolError::invalid_arguments(message).hint(hint));
        }
        let glob = glob.as_deref().map(source::pattern).transpose()?;
        let started = Instant::now();
        let resumed = match cx.resume(cursor.as_deref())?.as_deref() {
            Some([id, mark]) => Some((*id, UNIX_EPOCH + Duration::from_millis(*mark))),
            _ => None,
        };
        let _place = cx.source().waits.place()?;
        let kept = resumed.and_then(|(id, _)| cx.source().waits.take(id));
        let since = resumed.filter(|_| kept.is_none()).map(|(_, mark)| mark);
        let walk = cx.source().walk().await;
        let options = WatchOptions { ignored, ..WatchOptions::default() };
        let begin = cx.blocking(move |fs, stop| {
            let _walk = walk;
            let watch = if let Some(mut watch) = kept {
                watch.look(&fs.files, stop)?;
                watch
            } else {
                let spots =
                    paths.iter().map(|path| fs.spot(path)).collect::<Result<Vec<_>, _>>()?;
                Box::new(fs.files.watch(&spots, options, since, stop)?)
            };
            Ok::<_, ToolError>((watch, stop.due_at()))
        });
        let (mut watch, due) = begin.await??;
        if let Some(glob) = &glob {
            watch.keep_only(glob);
        }
        let wanted = started + Duration::from_secs(max_wait.unwrap_or(PATIENCE).min(86_400));
        let until = wanted.min(due);
        while !watch.has_changes() {
            let stirred = tokio::time::timeout_at(until.into(), watch.stirred()).await;
            if watch.is_stirred() {
                let look = cx.blocking(move |fs, stop| {
                    watch.look(&fs.files, stop)?;
                    Ok::<_, ToolError>(watch)
                });
                watch = look.await??;
                if let Some(glob) = &glob {
                    watch.keep_only(glob);
                }
            }
            if stirred.is_err() {
                break;
            }
        }
        let note = note(&watch, since);
        let most = max_items.unwrap_or(MOST_CHANGES).clamp(1, MOST_CHANGES);
        let (changes, left) = watch.take(most, cx.max_output() / 3);
        let state = match changes.is_empty() {
            false => "changed",
            true if until < wanted => "running",
            true => "unchanged",
        };
        let mark = watch.mark().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let mark = u64::try_from(mark).unwrap_or_default();
        let next = cx.next(&[cx.source().waits.keep(watch), mark]);
        let changes = changes.into_iter().map(change).collect();
        Ok(Changes { state, changes, left, next, note })
    }
}

/// What an agent should know of how this was found out.
fn note(watch: &Watch, since: Option<SystemTime>) -> Option<String> {
    let mut notes = Vec::new();
    if let Some(since) = since {
        notes.push(format!(
            "nobody watched since {}: what file times tell is listed; where it says unclear, files \
             may have been removed or renamed: look",
            rfc3339(since)
        ));
    }
    let polled = watch.polled();
    if polled > 0 {
        notes.push(format!("{UNWATCHED}: {polled} directories are polled"));
    }
    (!notes.is_empty()).then(|| notes.join("; "))
}

fn change(change: source::Change) -> Change {
    let (kind, from) = match change.kind {
        ChangeKind::Created => ("created", None),
        ChangeKind::Modified => ("modified", None),
        ChangeKind::Removed => ("removed", None),
        ChangeKind::Renamed { from } => ("renamed", Some(from)),
        ChangeKind::Unclear => ("unclear", None),
    };
    Change { path: change.path, kind, from }
}

impl Output for Changes {
    fn truncated(&self) -> bool {
        self.left > 0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use lockkeeper_testkit::in_process::{InProcess, seen};
    use lockkeeper_testkit::stdio::Era;
    use serde_json::{Value, json};

    use crate::Filesystem;
    use crate::testing::{Fixture, client};

    fn wait(client: &mut InProcess, arguments: &Value) -> Value {
        let result = client.call("wait_for_change", arguments.clone());
        let data = result["structuredContent"].clone();
        assert!(data.is_object(), "{result}");
        data
    }

    #[test]
    fn a_glob_and_a_number_choose_what_is_told() {
        let fixture = Fixture::new("project");
        let mut client = client(&fixture, &[]);
        let mut arguments = json!({"paths": ["."], "glob": "*.rs", "max_wait": 0, "max_items": 1});
        let quiet = wait(&mut client, &arguments);
        fixture.write("README.md", b"changed");
        fixture.write("src/a.rs", b"");
        fixture.write("src/b.rs", b"");
        let mut told = Vec::new();
        arguments["cursor"] = quiet["next"].clone();
        arguments["max_wait"] = 10.into();
        for left in [json!(1), Value::Null] {
            let changed = wait(&mut client, &arguments);
            assert_eq!(changed["left"], left, "{changed}");
            told.push(changed["changes"][0]["path"].as_str().unwrap().to_owned());
            arguments["cursor"] = changed["next"].clone();
        }
        assert_eq!(told, ["src/a.rs", "src/b.rs"]);
        fixture.write("README.md", b"again");
        arguments["max_wait"] = 1.into();
        assert_eq!(wait(&mut client, &arguments)["state"], "unchanged");
        arguments["glob"] = "[".into();
        let said = seen(&client.call("wait_for_change", arguments));
        assert!(said.starts_with("error: "), "{said}");
    }

    fn start(client: &mut InProcess, id: u64, arguments: &Value) {
        let params = json!({"name": "wait_for_change", "arguments": arguments});
        client.send(&json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": Era::Modern.with_meta(&json!({}), params)}));
    }

    #[test]
    fn a_cursor_goes_on_where_the_last_answer_ended() {
        let fixture = Fixture::new("project");
        let mut client = client(&fixture, &[]);
        let mut arguments = json!({"paths": ["."], "max_wait": 0});
        let quiet = wait(&mut client, &arguments);
        assert_eq!((&quiet["state"], &quiet["changes"]), (&json!("unchanged"), &json!([])));
        fixture.write("src/main.rs", b"fn main() {}\n");
        fixture.write("target/out.rs", b"built");
        fixture.write("src/new.rs", b"");
        arguments["cursor"] = quiet["next"].clone();
        let changed = wait(&mut client, &arguments);
        let changes = json!([{"path": "src/main.rs", "kind": "modified"},
            {"path": "src/new.rs", "kind": "created"}]);
        assert_eq!((&changed["state"], &changed["changes"]), (&json!("changed"), &changes));
        assert!(changed.get("note").is_none(), "{changed}");
        // The time to wait may differ from call to call, the paths may not.
        arguments["cursor"] = changed["next"].clone();
        arguments["max_wait"] = 1.into();
        let quiet = wait(&mut client, &arguments);
        assert_eq!(quiet["state"], "unchanged");
        arguments["paths"] = json!(["src"]);
        arguments["cursor"] = quiet["next"].clone();
        let text = seen(&client.call("wait_for_change", arguments));
        assert!(text.starts_with("error: bad_cursor"), "{text}");
    }

    #[test]
    fn many_changes_come_in_parts() {
        let fixture = Fixture::new("project");
        let mut client = client(&fixture, &["--max-output", "3kB"]);
        let mut arguments = json!({"paths": ["data", "none.txt"], "max_wait": 0});
        arguments["cursor"] = wait(&mut client, &arguments)["next"].clone();
        let name = |i: u32| format!("{}{i:03}", "x".repeat(50));
        (0..250).for_each(|i| fixture.write(&format!("data/{}", name(i)), b""));
        let mut paths = Vec::new();
        loop {
            let part = wait(&mut client, &arguments);
            let changes = part["changes"].as_array().unwrap();
            assert!(!changes.is_empty() && changes.len() <= 100);
            paths.extend(changes.iter().map(|change| change["path"].as_str().unwrap().to_owned()));
            arguments["cursor"] = part["next"].clone();
            if part.get("left").is_none() {
                break;
            }
        }
        assert_eq!(paths, (0..250).map(|i| format!("data/{}", name(i))).collect::<Vec<_>>());
    }

    #[test]
    fn a_wait_ends_with_the_change_or_with_the_budget() {
        let fixture = Fixture::new("small");
        let mut client = client(&fixture, &["--call-budget", "2s"]);
        let arguments = json!({"paths": ["notes.txt"], "max_wait": 600});
        let running = wait(&mut client, &arguments);
        assert_eq!((&running["state"], &running["changes"]), (&json!("running"), &json!([])));
        let (done, ended) = std::sync::mpsc::channel::<()>();
        let changed = std::thread::scope(|scope| {
            let fixture = &fixture;
            scope.spawn(move || {
                // Whenever the wait begins, there is a next change, and never a pause.
                for i in 0_u64.. {
                    fixture.write("notes.txt", i.to_string().as_bytes());
                    if ended.try_recv() == Err(std::sync::mpsc::TryRecvError::Disconnected) {
                        return;
                    }
                }
            });
            // Dropped also if the wait fails.
            let _done = done;
            wait(&mut client, &arguments)
        });
        assert_eq!(changed["changes"], json!([{"path": "notes.txt", "kind": "modified"}]));
    }

    #[test]
    fn waits_leave_room_and_a_cancelled_one_is_gone_at_once() {
        let fixture = Fixture::new("small");
        let mut client = client(&fixture, &[]);
        let arguments = json!({"paths": ["."], "max_wait": 600});
        (100..104).for_each(|id| start(&mut client, id, &arguments));
        let busy = seen(&client.call("wait_for_change", arguments.clone()));
        assert!(busy.starts_with("error: busy: 4 calls wait for changes already"), "{busy}");
        let read = seen(&client.call("read_file", json!({"path": "notes.txt"})));
        assert!(read.contains("two"), "{read}");
        let cancelled = Instant::now();
        (100..104).for_each(|id| {
            let params = json!({"requestId": id});
            client.send(
                &json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}),
            );
        });
        // The first of these that isn't refused shows that a place is free again.
        let now = json!({"paths": ["."], "max_wait": 0});
        while seen(&client.call("wait_for_change", now.clone())).starts_with("error: busy") {
            assert!(cancelled.elapsed().as_millis() < 1_000, "{:?}", cancelled.elapsed());
        }
    }

    #[test]
    fn after_a_restart_times_tell_what_nobody_saw() {
        let fixture = Fixture::new("project");
        let state = tempfile::tempdir().unwrap();
        let flags = ["--state-dir", state.path().to_str().unwrap()];
        let mut arguments = json!({"paths": ["src", "README.md"], "max_wait": 0});
        arguments["cursor"] = wait(&mut client(&fixture, &flags), &arguments)["next"].clone();
        fixture.write("src/hello.rs", b"changed");
        let changed = wait(&mut client(&fixture, &flags), &arguments);
        let changes = changed["changes"].as_array().unwrap();
        assert!(changes.iter().any(|change| change["path"] == "src/hello.rs"), "{changed}");
        let note = changed["note"].as_str().unwrap();
        assert!(note.starts_with("nobody watched since 20"), "{note}");
    }

    #[test]
    fn hidden_and_missing_are_waited_for_alike() {
        let fixture = Fixture::new("small");
        for era in Era::ALL {
            let mut client = InProcess::start::<Filesystem>(&[&fixture.root()], era);
            let mut told = |path: &str, cursor: Option<Value>| {
                let mut arguments = json!({"paths": [path], "max_wait": 0});
                if let Some(cursor) = cursor {
                    arguments["cursor"] = cursor;
                }
                let mut told = wait(&mut client, &arguments);
                (told["next"].take(), told.to_string())
            };
            let (secret, missing) = (told(".env", None), told("none", None));
            assert_eq!(secret.1, missing.1);
            fixture.write(".env", b"TOKEN=2");
            assert_eq!(told(".env", Some(secret.0)).1, told("none", Some(missing.0)).1);
            for (path, code) in [
                ("../secret.txt", "outside_roots"),
                ("none/x", "not_found"),
                ("notes.txt/x", "not_a_directory"),
            ] {
                let text = seen(&client.call("wait_for_change", json!({"paths": [path]})));
                assert!(text.starts_with(&format!("error: {code}: ")), "{text}");
            }
            let text = seen(&client.call("wait_for_change", json!({"paths": []})));
            assert!(text.starts_with("error: invalid_arguments"), "{text}");
        }
    }
}
