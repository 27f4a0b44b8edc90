//! The token: where it goes, what it may do, and where it is never found.

use std::fs;
use std::path::Path;
use std::process::Command;

use lockkeeper_testkit::github::{Front, Said, TOKEN};
use lockkeeper_testkit::stdio::Era;
use serde_json::json;

use crate::scene::{Scene, described, files, seen};

/// A redirect.
fn to(place: &str) -> Said {
    Said::json(302, &json!({})).header("location", place)
}

#[test]
fn no_answer_leads_the_token_or_a_request_to_another_host() {
    let scene = Scene::new();
    let stranger = Front::examples();
    let elsewhere = |path: &str| format!("{}{path}", stranger.host());
    let say = |path: &str, said: Said| scene.front.say("GET", path, said);
    say("/repos/me/pub/actions/jobs/1/logs", to(&elsewhere("/store/log")));
    say("/repos/me/pub/actions/jobs/2/logs", to("http://evil.example/store/log"));
    say("/repos/me/pub/issues/1", to(&elsewhere("/api/v3/user")));
    say("/repos/me/old", to(&elsewhere("/api/v3/repositories/7")));
    say("/repos/me/pub/readme", to(&elsewhere("/api/v3/repos/me/pub/readme")));
    let artifact = json!({
        "id": 1, "name": "a", "archive_download_url": elsewhere("/store/artifact"),
        "workflow_run": {"id": 1, "repository_id": 1, "head_repository_id": 1},
    });
    say("/repos/me/pub/actions/artifacts/1", Said::json(200, &artifact));
    let blob = json!({
        "type": "file", "encoding": "none", "size": 2_000_000, "path": "a", "sha": "3d21ec5",
        "download_url": elsewhere("/store/blob"), "git_url": elsewhere("/store/blob"),
    });
    say("/repos/me/pub/contents/a", Said::json(200, &blob));
    say("/repos/me/pub/git/blobs/3d21ec5", to(&elsewhere("/store/blob")));
    let mut client = scene.client(&[]);
    for (tool, call, is_answered) in [
        ("actions_read", json!({"method": "log", "repo": "me/pub", "id": 1}), false),
        ("actions_read", json!({"method": "log", "repo": "me/pub", "id": 2}), false),
        ("actions_read", json!({"method": "artifact", "repo": "me/pub", "id": 1}), true),
        ("issue_read", json!({"method": "get", "repo": "me/pub", "number": 1}), false),
        ("repo_read", json!({"method": "readme", "repo": "me/pub"}), false),
        ("repo_read", json!({"method": "get", "repo": "me/old"}), false),
        ("file_read", json!({"method": "file", "repo": "me/pub", "path": "a"}), false),
    ] {
        let text = seen(&mut client, tool, call.clone());
        assert_eq!(!text.starts_with("error: "), is_answered, "{tool} {call}: {text}");
        assert!(!text.contains(TOKEN), "{text}");
    }
    let strange = stranger.take_seen();
    assert!(strange.is_empty(), "{strange:?}");
}

#[test]
fn a_repository_that_moved_is_judged_by_its_new_name() {
    let scene = Scene::new();
    let lead = format!("{}/api/v3/repositories", scene.front.host());
    for (old, id, new) in [("me/was", 7, "me/is"), ("me/sold", 8, "evil/x")] {
        scene.front.say("GET", &format!("/repos/{old}"), to(&format!("{lead}/{id}")));
        let described = Said::json(200, &described(new, false));
        scene.front.say("GET", &format!("/repositories/{id}"), described.clone());
        scene.front.say("GET", &format!("/repos/{new}"), described);
    }
    let mut client = scene.client(&["--repos=me/*"]);
    let text = seen(&mut client, "repo_read", json!({"method": "get", "repo": "me/was"}));
    assert!(text.starts_with("[repository of me/is"), "{text}");
    let text = seen(&mut client, "repo_read", json!({"method": "get", "repo": "me/sold"}));
    assert!(text.starts_with("error: not_found_or_no_access: `me/sold`"), "{text}");
    assert!(!text.contains("evil"), "{text}");
    let asked = scene.front.take_seen();
    assert!(!asked.iter().any(|seen| seen.path.starts_with("/repos/evil")), "{asked:?}");
}

#[test]
fn what_a_fork_comes_from_is_there_only_if_the_rules_admit_it() {
    let scene = Scene::new();
    let mut fork = described("me/pub", false);
    for (lead, name) in
        [("parent", "evil/x"), ("source", "evil/x"), ("template_repository", "me/priv")]
    {
        fork[lead] = described(name, false);
    }
    scene.front.say("GET", "/repos/me/pub", Said::json(200, &fork));
    let call = json!({"method": "get", "repo": "me/pub"});
    let text = seen(&mut scene.client(&["--repos=me/*"]), "repo_read", call.clone());
    assert!(!text.contains("evil/x"), "{text}");
    let text = seen(&mut scene.client(&[]), "repo_read", call);
    assert!(text.contains("evil/x"), "it is shown where all of GitHub is: {text}");
}

#[test]
fn a_token_that_can_do_too_much_is_said_to() {
    let scene = Scene::new();
    let user = |scopes: &str| {
        let user = json!({"login": "me", "type": "User"});
        scene.front.say("GET", "/user", Said::json(200, &user).header("x-oauth-scopes", scopes));
    };
    let check = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockkeeper-github"));
        let output = command.arg("check").args(scene.arguments(&[])).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    };
    let me = json!({"method": "me"});
    user("repo, read:org, notifications, gist, project");
    let text = seen(&mut scene.client(&[]), "account_read", me.clone());
    assert!(text.contains("token_scopes: ") && !text.contains("more_than_needed"), "{text}");
    let (is_fine, text) = check();
    assert!(is_fine && !text.contains("more than any tool needs"), "{text}");
    user("repo, delete_repo, admin:org, workflow");
    let text = seen(&mut scene.client(&[]), "account_read", me);
    assert!(text.contains("more_than_needed: delete_repo, admin:org, workflow"), "{text}");
    let (is_fine, text) = check();
    let expected = "the token can do more than any tool needs: delete_repo, admin:org, workflow";
    assert!(!is_fine && text.contains(expected), "{text}");
}

#[test]
fn the_token_is_in_nothing_that_leaves_the_process() {
    let scene = Scene::new();
    let key = format!("ghp_{}", "aB3dE5gH7jK9mN1pQ3rS5tU7vW9xY1zA2bC4");
    let text = format!("leaked {key} here");
    let issue = json!({
        "number": 1, "title": text, "body": text, "state": "open", "user": {"login": "mallory"},
        "author_association": "NONE",
    });
    let say = |path: &str, said: Said| scene.front.say("GET", path, said);
    say("/repos/me/pub/issues/1", Said::json(200, &issue));
    say("/repos/me/pub/issues/1/comments", Said::json(200, &json!([issue])));
    say("/repos/me/pub/issues", Said::json(200, &json!([issue])));
    let store = format!("{}/store/same/1", scene.front.host());
    say("/repos/me/pub/actions/jobs/1/logs", to(&store));
    say("/store/same/1", Said::text(format!("{text}\n"), 1));
    // GitHub repeats what it was sent.
    let repeated = json!({"message": format!("Validation failed for {TOKEN}0 Bearer {key}")});
    say("/repos/me/pub/issues/2", Said::json(422, &repeated));
    say("/repos/me/pub/issues/3", Said::json(401, &repeated));
    say("/repos/me/pub/issues/4", Said::text("no JSON", 1));
    let mut out = Vec::new();
    for era in Era::ALL {
        let mut client = scene.traced(&["--write"], era);
        for (tool, call) in [
            ("issue_read", json!({"method": "get", "number": 1})),
            ("issue_read", json!({"method": "comments", "number": 1})),
            ("issue_list", json!({})),
            ("actions_read", json!({"method": "log", "id": 1})),
            ("issue_read", json!({"method": "get", "number": 2})),
            ("issue_read", json!({"method": "get", "number": 3})),
            ("issue_read", json!({"method": "get", "number": 4})),
            ("issue_write", json!({"method": "create", "title": "t"})),
        ] {
            let mut call = call;
            call["repo"] = "me/pub".into();
            let said = client.call_tool(tool, call.clone()).unwrap();
            out.push((format!("{tool} {call}"), said.value.to_string()));
        }
        client.close_stdin();
        client.wait_exit(std::time::Duration::from_secs(10)).unwrap();
        out.push(("stderr".to_owned(), client.stderr()));
    }
    let read = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    for kept in ["state", "audit"] {
        out.extend(
            files(&scene.path(kept)).iter().map(|path| (path.display().to_string(), read(path))),
        );
    }
    let shown = out.iter().filter(|(_, text)| text.contains("[redacted:")).count();
    assert!(shown >= 8, "what is left out is said to be: {shown}");
    for (place, text) in out {
        // Its header, as clients write it down.
        for secret in [&key, "Bearer t_", "aB3dE5gH7jK9mN1pQ3rS5tU7vW9"] {
            assert!(!text.contains(secret), "{place} holds `{secret}`: {text}");
        }
        assert!(!text.contains(TOKEN) || text.contains(&format!("{TOKEN}0")), "{place}: {text}");
    }
}

#[test]
fn only_so_many_changes_go_out_in_a_minute() {
    let scene = Scene::new();
    let mut client = scene.client(&["--write"]);
    let mut create = |n: u32| {
        let issue = json!({"method": "create", "repo": "me/pub", "title": format!("issue {n}")});
        seen(&mut client, "issue_write", issue)
    };
    let began = std::time::Instant::now();
    let mut made = 0;
    let refused = loop {
        let text = create(made);
        if !text.contains("created the issue") {
            break text;
        }
        made += 1;
    };
    assert!(refused.starts_with("error: rate_limited"), "{refused}");
    // One more may be made every three seconds.
    let most = 21 + began.elapsed().as_secs() / 3;
    assert!(made >= 20 && u64::from(made) <= most, "{made} of {most}");
    assert_eq!(scene.changes().len(), usize::try_from(made).unwrap());
}
