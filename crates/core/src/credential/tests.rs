use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use super::*;

fn credentials(source: &str, place: Place) -> Credentials {
    Credentials::new("credential", Some(source.parse().unwrap()), place)
}

/// What a call gets, or is told, and what `check` says.
fn resolve(source: &str, place: Place) -> (Result<String, String>, String) {
    let credentials = credentials(source, place);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let resolved = runtime.block_on(credentials.resolve());
    let resolved = resolved.map(|s| s.expose().clone()).map_err(|error| error.text());
    (resolved, credentials.finding().unwrap().state)
}

fn private_file(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_source_is_one_of_four_and_nothing_else_is_repeated() {
    for source in [
        "env:GITHUB_TOKEN",
        "env:_x1",
        "env:GITHUB_TOKEN,GITHUB_PERSONAL_ACCESS_TOKEN",
        "file:/run/secrets/token",
        "file:~/.config/token",
        "command:pass show 'git hub'",
        "command:/usr/bin/op read op://a/b",
        "store:github",
    ] {
        let credential: Credential = source.parse().unwrap();
        assert_eq!(String::from(credential.clone()), source);
        let shown = format!("{credential:?}");
        assert_eq!(shown, format!("Credential({}:…)", source.split(':').next().unwrap()));
    }
    for (source, expected) in [
        ("ghp_t0ken", "never as itself"),
        ("", "never as itself"),
        ("postgres://u:t0ken@host/db", "never as itself"),
        ("ENV:t0ken", "never as itself"),
        ("env:", "env: takes"),
        ("env:t0ken-with-dash", "env: takes"),
        ("env:$t0ken", "env: takes"),
        ("env:A,", "env: takes"),
        ("env:1t0ken", "env: takes"),
        ("file:", "file: takes"),
        ("file:t0ken", "file: takes"),
        ("file:./t0ken", "file: takes"),
        ("file:../t0ken", "file: takes"),
        ("command:", "command: takes"),
        ("command:  ", "command: takes"),
        ("command:''", "command: takes"),
        ("command:./t0ken", "command: takes"),
        ("command:bin/t0ken", "command: takes"),
        ("command:echo 't0ken", "command: a quote"),
        ("store:", "store: takes"),
        ("store:t0ken/x", "store: takes"),
    ] {
        let error = source.parse::<Credential>().unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains("t0ken"), "{source}: {error}");
    }
}

#[test]
fn clap_and_toml_repeat_nothing_either() {
    #[derive(clap::Parser, Deserialize)]
    struct Options {
        #[arg(long)]
        credential: Option<Credential>,
    }
    let parse = |source: &str| {
        <Options as clap::Parser>::try_parse_from(["x", "--credential", source])
            .map(|options| String::from(options.credential.unwrap()))
            .map_err(|error| error.to_string())
    };
    assert_eq!(parse("env:TOKEN").unwrap(), "env:TOKEN");
    let error = parse("ghp_t0ken").unwrap_err();
    assert!(error.starts_with("error: --credential: a credential is given as env:NAME"), "{error}");
    assert!(!error.contains("t0ken"), "{error}");
    let options: Options = toml::from_str("credential = 'store:github'").unwrap();
    assert_eq!(String::from(options.credential.unwrap()), "store:github");
    let error = toml::from_str::<Options>("credential = 'ghp_t0ken'").map(drop).unwrap_err();
    assert!(error.message().contains("never as itself"), "{}", error.message());
    assert!(!error.message().contains("t0ken"), "{}", error.message());
}

#[test]
fn a_variable_is_read_when_it_is_asked_for() {
    let place = |variable| Place { variable: Some(variable), ..Place::default() };
    let known: fn(&str) -> Option<OsString> = |name| (name == "TOKEN").then(|| "t0ken".into());
    let (value, check) = resolve("env:TOKEN", place(known));
    assert_eq!((value.unwrap().as_str(), check.as_str()), ("t0ken", "env:TOKEN: present"));
    let (value, check) = resolve("env:MISSING,TOKEN", place(known));
    assert_eq!((value.unwrap().as_str(), check.as_str()), ("t0ken", "env:MISSING,TOKEN: present"));
    // A token in place of a variable's name looks like one.
    let (value, check) = resolve("env:ghp_t0ken", place(known));
    let told = value.unwrap_err();
    assert!(told.starts_with("no_credential: the server has no credential: its env"), "{told}");
    assert_eq!(check, "env: the variable is not set");
    for bad in [|_: &str| Some(OsString::new()), |_: &str| Some("x".repeat(MOST_VALUE + 1).into())]
    {
        assert!(resolve("env:TOKEN", place(bad)).1.contains("empty or longer"));
    }
    assert!(resolve("env:TOKEN", Place::default()).0.is_err(), "no process, no environment");
}

#[test]
fn a_file_is_read_if_nobody_else_can_read_it() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let file = |name: &str| {
        let place = Place { home: Some(directory.path().to_owned()), ..Place::default() };
        resolve(&format!("file:{}", at(name).display()), place)
    };
    private_file(&at("token"), b"t0ken\n");
    let (value, check) = file("token");
    assert_eq!(value.unwrap(), "t0ken");
    assert_eq!(check, format!("file:{}: present", at("token").display()));
    symlink(at("token"), at("link")).unwrap();
    assert_eq!(file("link").0.unwrap(), "t0ken", "mounted secrets are links");
    let home = Place { home: Some(directory.path().to_owned()), ..Place::default() };
    assert_eq!(resolve("file:~/token", home).0.unwrap(), "t0ken");
    assert!(resolve("file:~/token", Place::default()).1.contains("no home directory"));

    private_file(&at("empty"), b"\n");
    private_file(&at("binary"), b"t0ken\xff");
    private_file(&at("long"), &vec![b'x'; MOST_VALUE + 1]);
    private_file(&at("longest"), &vec![b'x'; MOST_VALUE]);
    assert_eq!(file("longest").0.unwrap().len(), MOST_VALUE);
    fs::create_dir(at("directory")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(at("fifo")).status().unwrap().success());
    for (name, expected) in [
        ("empty", "the file is empty or no text"),
        ("binary", "the file is empty or no text"),
        ("long", "longer than 65536 bytes"),
        ("directory", "not a regular file"),
        ("fifo", "not a regular file"),
        ("t0ken", "it can't be read"),
    ] {
        let (value, check) = file(name);
        assert!(check.contains(expected) && !check.contains("t0ken"), "{name}: {check}");
        let told = value.unwrap_err();
        assert!(told.contains("its file can't be used") && !told.contains(name), "{told}");
    }
    for mode in [0o640, 0o604, 0o620, 0o601, 0o644, 0o666] {
        fs::set_permissions(at("token"), fs::Permissions::from_mode(mode)).unwrap();
        let (value, check) = file("token");
        let fix = format!("(mode {mode:o}): chmod 600 `{}`", at("token").display());
        assert!(value.is_err() && check.contains(&fix), "{mode:o}: {check}");
        let (value, _) = file("link");
        assert!(value.is_err(), "a link hides nothing");
    }
}

#[test]
fn a_program_s_arguments_are_not_shown() {
    let (value, check) = resolve("command:/bin/echo 't0 ken'", Place::default());
    assert_eq!(
        (value.unwrap().as_str(), check.as_str()),
        ("t0 ken", "command:/bin/echo …: present")
    );
    let (value, check) = resolve("command:no-such-t0ken", Place::default());
    assert!(value.unwrap_err().contains("the program that gives it failed"));
    assert_eq!(check, "command: the program can't be started: entity not found");
}

#[test]
fn the_store_gives_what_was_set() {
    let directory = tempfile::tempdir().unwrap();
    let vault = Vault { directory: Some(directory.path().to_owned()), key_file: None };
    vault.set("github", &Secret::new("t0ken".to_owned())).unwrap();
    let place = Place { vault, ..Place::default() };
    let (value, check) = resolve("store:github", place.clone());
    assert_eq!((value.unwrap().as_str(), check.as_str()), ("t0ken", "store:github: present"));
    let (value, check) = resolve("store:ghp_t0ken", place.clone());
    assert!(value.unwrap_err().contains("it can't be taken from the store"));
    assert!(check.contains("no secret of that name") && !check.contains("t0ken"), "{check}");
    let key = directory.path().join("secrets.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let (value, check) = resolve("store:github", place);
    assert!(check.contains(&format!("chmod 600 `{}`", key.display())), "{check}");
    let told = value.unwrap_err();
    assert!(!told.contains(directory.path().to_str().unwrap()), "{told}");
}

#[test]
fn it_is_read_once_until_it_is_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let script = format!("echo run >> {0}; wc -l < {0}", log.display());
    let source = format!("command:/bin/sh -c '{script}'");
    let credentials = credentials(&source, Place::default());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let same = credentials.clone();
        let (one, two) = tokio::join!(credentials.resolve(), same.resolve());
        assert_eq!([one, two].map(|secret| secret.unwrap().expose().trim().to_owned()), ["1", "1"]);
        credentials.forget().await;
        assert_eq!(credentials.resolve().await.unwrap().expose().trim(), "2");
    });
    let none = Credentials::default();
    assert!(!none.is_configured() && none.finding().is_none() && credentials.is_configured());
    assert!(runtime.block_on(none.resolve()).err().unwrap().text().contains("none was named"));
    assert_eq!(format!("{credentials:?}"), "Credentials(Some(Credential(command:…)))");
}

#[test]
fn a_default_that_is_not_set_is_no_credential() {
    let named = |set: fn(&str) -> Option<OsString>| {
        let place = Place { variable: Some(set), ..Place::default() };
        Credentials::new("credential", Some(Credential::variable_if_set("TOKEN")), place)
    };
    assert!(named(|name| (name == "TOKEN").then(|| "t".into())).is_configured());
    assert!(!named(|_| None).is_configured());
    assert!(!named(|_| Some(OsString::new())).is_configured());
}
