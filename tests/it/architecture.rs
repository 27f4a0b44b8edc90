//! Who may depend on whom.

use serde_json::Value;

use crate::workspace::{directory, members, read, root};

/// The dependencies of a member, of every kind.
fn dependencies(member: &Value) -> Vec<(String, String)> {
    let dependencies = member["dependencies"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or("normal").to_owned();
    dependencies.map(|one| (text(&one["name"]), text(&one["kind"]))).collect()
}

#[test]
fn only_core_knows_rmcp() {
    for member in members() {
        let name = member["name"].as_str().unwrap();
        let depends = dependencies(&member).iter().any(|(name, _)| name == "rmcp");
        let may = matches!(name, "lockkeeper-core" | "lockkeeper-testkit");
        assert!(may || !depends, "{name} depends on rmcp");
        assert!(name != "lockkeeper-core" || depends);
    }
}

#[test]
fn servers_depend_on_crates_and_on_no_server() {
    let members = members();
    let is_server = |name: &str| {
        members
            .iter()
            .any(|member| member["name"] == name && directory(member).starts_with("servers"))
    };
    for member in &members {
        let name = member["name"].as_str().unwrap();
        let directory = directory(member);
        for (dependency, kind) in dependencies(member) {
            let production = !directory.starts_with("tests") && !directory.starts_with("xtask");
            assert!(!(is_server(&dependency) && production), "{name} depends on {dependency}");
            let for_tests = ["lockkeeper-testkit", "lockkeeper-drive-double"];
            let test_only = for_tests.contains(&dependency.as_str()) && kind != "dev";
            assert!(!test_only || !production, "{name} ships {dependency}");
        }
        let depends_on_core =
            dependencies(member).iter().any(|(name, _)| name == "lockkeeper-core");
        assert!(!is_server(name) || depends_on_core, "{name} is no connector");
    }
}

#[test]
fn there_is_one_tls_provider_and_no_openssl() {
    let lock = read("Cargo.lock".as_ref());
    let locked: Vec<&str> =
        lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).collect();
    for banned in [
        "openssl",
        "openssl-sys",
        "native-tls",
        "aws-lc-rs",
        "aws-lc-sys",
        "aws-lc-fips-sys",
        "boring",
        "boring-sys",
        "rustls-openssl",
        "rustls-platform-verifier",
    ] {
        assert!(!locked.contains(&banned), "{banned} is in Cargo.lock");
    }
    // MongoDB's driver can't be had without certificates of its own, and is never left to use them: it
    // is always told whom to trust (`servers/mongo/src/source/connect.rs`).
    let brings_roots = |package: &&str| package.contains("\n \"webpki-roots\"");
    for package in lock.split("[[package]]").filter(brings_roots) {
        assert!(package.starts_with("\nname = \"mongodb\""), "webpki-roots beneath:{package}");
    }
    // The lock file has every feature's crates: without those above, rustls has ring alone. A second
    // version of one of these would be a second provider, or a second way to trust.
    for one in ["rmcp", "ring", "rustls", "rustls-webpki", "rustls-native-certs", "tokio-rustls"] {
        let versions = locked.iter().filter(|name| **name == one).count();
        assert_eq!(versions, 1, "versions of {one}");
    }
}

#[test]
fn every_package_says_the_same_of_itself() {
    for member in members() {
        let name = member["name"].as_str().unwrap();
        assert_eq!(member["license"], "MIT OR Apache-2.0", "{name}");
        assert_eq!(member["edition"], "2024", "{name}");
        assert_eq!(member["publish"], serde_json::json!([]), "{name} is not to be published");
        assert!(member["rust_version"].is_string(), "{name}");
        let description = member["description"].as_str().unwrap_or_default();
        assert!(description.len() > 10, "{name} has no description");
        let folder = directory(&member);
        let manifest = read(&folder.join("Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true"), "{name} has lints of its own");
        if folder.starts_with("crates") || folder.starts_with("servers") {
            let expected = format!("lockkeeper-{}", folder.file_name().unwrap().display());
            assert_eq!(name, expected, "folder and package are named alike");
        }
    }
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        assert!(root().join(licence).is_file(), "{licence}");
    }
}
