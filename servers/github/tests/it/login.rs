//! `login`: a code for a person, a token for the store, and a server that takes it from there.

use std::process::{Command, Output};

use lockkeeper_testkit::github::{Said, TOKEN};
use serde_json::json;

use crate::scene::Scene;

fn run(scene: &Scene, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockkeeper-github"));
    command.args(arguments).arg(format!("--host={}", scene.front.host()));
    command.arg(format!("--state-dir={}", scene.path("state").display()));
    command.arg(format!("--audit={}", scene.path("audit").display()));
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[test]
fn a_code_becomes_a_login_that_serves() {
    let scene = Scene::new();
    let post =
        |path: &str, times, value| scene.front.next("POST", path, times, Said::json(200, &value));
    let device = json!({
        "device_code": "d3vice", "user_code": "ABCD-1234", "expires_in": 900, "interval": 1,
        "verification_uri": "https://evil.example/",
    });
    post("/login/device/code", 9, device);
    post("/login/oauth/access_token", 9, json!({"access_token": TOKEN, "scope": "repo,read:org"}));
    post("/login/oauth/access_token", 1, json!({"error": "authorization_pending"}));
    let login = run(&scene, &["login", "--client-id=Iv1.x"]);
    let text = said(&login);
    assert!(login.status.success(), "{text}");
    assert!(text.contains("/login/device and enter the code ABCD-1234"), "{text}");
    assert!(
        !text.contains("evil.example") && !text.contains(TOKEN) && !text.contains("d3vice"),
        "{text}"
    );
    let name = text.rsplit("store:").next().unwrap().split_whitespace().next().unwrap().to_owned();
    let sent = scene.front.take_seen();
    assert_eq!(sent.iter().filter(|seen| seen.path.starts_with("/login/")).count(), 3);
    let store = format!("--credential=store:{name}");
    let call = ["call", "account_read", "{\"method\": \"me\"}", &store];
    let called = said(&run(&scene, &call));
    assert!(called.contains("login: me"), "{called}");
    let out = run(&scene, &["logout"]);
    assert!(out.status.success() && said(&out).contains("forgotten"), "{}", said(&out));
    assert!(said(&run(&scene, &call)).contains("no_credential"));
}

#[test]
fn a_login_that_is_refused_keeps_nothing() {
    let scene = Scene::new();
    let missing = run(&scene, &["login"]);
    assert!(!missing.status.success() && said(&missing).contains("--client-id is missing"));
    let device = json!({"device_code": "d", "user_code": "u", "expires_in": 900, "interval": 1});
    scene.front.say("POST", "/login/device/code", Said::json(200, &device));
    let denied = json!({"error": "access_denied"});
    scene.front.say("POST", "/login/oauth/access_token", Said::json(200, &denied));
    let refused = run(&scene, &["login", "--client-id=x"]);
    assert!(!refused.status.success() && said(&refused).contains("the person declined"));
    assert!(!run(&scene, &["logout"]).status.success());
}
