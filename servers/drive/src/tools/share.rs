//! `share`: who else has access.

mod change;
mod grant;
mod revoke;

use lockkeeper_core::{Method, method};

use crate::source::Source;

/// What models read of it.
pub(crate) const DESCRIPTION: &str = "Give a person, group or domain access to a file, change it or take it away. info shows who has.";

/// Its methods: a file each.
pub(crate) static METHODS: &[Method<Source>] = &[
    method::<Source, grant::GrantAccess>("grant"),
    method::<Source, change::ChangeAccess>("change"),
    method::<Source, revoke::Revoke>("revoke"),
];

#[cfg(test)]
mod tests {
    use crate::testing::{World, id_in};

    const SHARING: [&str; 2] = ["--write", "--share"];

    #[test]
    fn access_is_given_changed_and_taken_away() {
        let world = World::office();
        let seen = world.once(&SHARING, r#"share {"method": "grant", "file": "notes", "email": "ada@example.org", "role": "reader"}"#);
        assert!(seen.starts_with(r#"{"state":"granted","id":""#), "{seen}");
        let id = id_in(&seen);
        let shown = || world.once(&[], r#"info {"file": "notes", "include": ["permissions"]}"#);
        assert!(
            shown().contains(&format!("permission {id}: reader ada@example.org")),
            "{}",
            shown()
        );
        world.once(&SHARING, &format!(r#"share {{"method": "change", "file": "notes", "permission": "{id}", "role": "writer"}}"#));
        assert!(shown().contains(&format!("permission {id}: writer")), "{}", shown());
        let seen = world.once(
            &SHARING,
            &format!(r#"share {{"method": "revoke", "file": "notes", "permission": "{id}"}}"#),
        );
        assert!(seen.contains("revoked"), "{seen}");
        assert!(!shown().contains(&id), "{}", shown());
    }

    #[test]
    fn not_to_everybody_not_elsewhere_and_not_the_ownership() {
        let world = World::office();
        let limited = ["--write", "--share", "--share-domain=example.com", "--folder=team"];
        for (call, code) in [
            (
                r#"{"method": "grant", "file": "notes", "email": "eve@evil.example", "role": "reader"}"#,
                "not_suited",
            ),
            (
                r#"{"method": "grant", "file": "notes", "email": "eve@evil.example@example.com.evil.example", "role": "reader"}"#,
                "not_suited",
            ),
            (
                r#"{"method": "grant", "file": "notes", "domain": "evil.example", "role": "reader"}"#,
                "not_suited",
            ),
            (r#"{"method": "grant", "file": "notes", "role": "reader"}"#, "invalid_arguments"),
            (
                r#"{"method": "grant", "file": "notes", "email": "a@example.com", "role": "owner"}"#,
                "invalid_arguments",
            ),
            (
                r#"{"method": "grant", "file": "notes", "type": "anyone", "role": "reader"}"#,
                "invalid_arguments",
            ),
            (
                r#"{"method": "grant", "file": "diary", "email": "a@example.com", "role": "reader"}"#,
                "not_found",
            ),
            (r#"{"method": "revoke", "file": "diary", "permission": "x"}"#, "not_found"),
        ] {
            let seen = world.once(&limited, &format!("share {call}"));
            assert!(seen.starts_with(&format!("error: {code}: ")), "{call}: {seen}");
        }
        let info = world.once(&[], r#"info {"file": "notes", "include": ["permissions"]}"#);
        let owner =
            info.lines().find_map(|line| line.strip_prefix("permission ")?.split_once(": owner"));
        let (id, _) = owner.unwrap();
        let seen = world.once(
            &SHARING,
            &format!(r#"share {{"method": "revoke", "file": "notes", "permission": "{id}"}}"#),
        );
        assert!(seen.starts_with("error: not_suited: "), "{seen}");
    }

    #[test]
    fn it_is_there_only_with_both_switches() {
        let world = World::office();
        let call = r#"share {"method": "grant", "file": "notes", "email": "a@example.com", "role": "reader"}"#;
        for flags in [&[][..], &["--write"], &["--share"]] {
            let seen = world.once(flags, call);
            assert!(seen.contains("unknown"), "{flags:?}: {seen}");
        }
    }
}
