//! `comment`: saying something about a file.

mod add;
mod reply;
mod resolve;

use lockkeeper_core::{Method, method};

use crate::source::Source;

/// What models read of it.
pub(crate) const DESCRIPTION: &str = "Comment on a file, reply to a comment or resolve it.";

/// Its methods: a file each.
pub(crate) static METHODS: &[Method<Source>] = &[
    method::<Source, add::AddComment>("add"),
    method::<Source, reply::ReplyTo>("reply"),
    method::<Source, resolve::Resolve>("resolve"),
];

#[cfg(test)]
mod tests {
    use crate::testing::World;

    #[test]
    fn nothing_is_said_about_files_outside() {
        let world = World::office();
        let flags = ["--write", "--folder=team"];
        for call in [
            r#"comment {"method": "add", "file": "diary", "text": "x"}"#,
            r#"comment {"method": "reply", "file": "diary", "comment": "c", "text": "x"}"#,
            r#"comment {"method": "resolve", "file": "out", "comment": "c"}"#,
        ] {
            let seen = world.once(&flags, call);
            assert!(seen.starts_with("error: not_found: "), "{call}: {seen}");
        }
        let seen = world.once(
            &flags,
            r#"comment {"method": "reply", "file": "plan", "comment": "../x", "text": "x"}"#,
        );
        assert!(seen.starts_with("error: invalid_arguments: `comment`"), "{seen}");
        let seen = world.once(
            &flags,
            r#"comment {"method": "reply", "file": "plan", "comment": "nothing", "text": "x"}"#,
        );
        assert!(seen.starts_with("error: not_found: "), "{seen}");
    }
}
