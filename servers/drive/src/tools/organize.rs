//! `organize`: where files lie and how they are called.

mod copy;
mod r#move;
mod rename;
mod shortcut;
mod star;

use lockkeeper_core::{Method, method};

use crate::source::Source;

/// What models read of it.
pub(crate) const DESCRIPTION: &str = "Move, rename, copy, star a file, or make a shortcut to it.";

/// Its methods: a file each.
pub(crate) static METHODS: &[Method<Source>] = &[
    method::<Source, r#move::MoveFile>("move"),
    method::<Source, rename::Rename>("rename"),
    method::<Source, copy::CopyFile>("copy"),
    method::<Source, shortcut::Shortcut>("shortcut"),
    method::<Source, star::Star>("star"),
];

#[cfg(test)]
mod tests {
    use crate::testing::World;

    #[test]
    fn files_are_moved_renamed_copied_starred_and_linked() {
        let world = World::office();
        let flags = ["--write"];
        for (call, said) in [
            (
                r#"organize {"method": "move", "file": "notes", "to": "team"}"#,
                r#"{"state":"moved","id":"notes","#,
            ),
            (
                r#"organize {"method": "rename", "file": "notes", "name": "notes 2"}"#,
                r#""name":"notes 2""#,
            ),
            (
                r#"organize {"method": "copy", "file": "notes", "name": "copy of it"}"#,
                r#""name":"copy of it""#,
            ),
            (
                r#"organize {"method": "shortcut", "file": "notes", "to": "sub"}"#,
                r#""state":"created""#,
            ),
            (r#"organize {"method": "star", "file": "notes"}"#, r#""state":"starred""#),
            (
                r#"organize {"method": "star", "file": "notes", "starred": false}"#,
                r#""state":"unstarred""#,
            ),
        ] {
            let seen = world.once(&flags, call);
            assert!(seen.contains(said), "{call}: {seen}");
        }
        let team = world.once(&[], r#"list {"folder": "team"}"#);
        assert!(team.contains("notes 2") && team.contains("copy of it"), "{team}");
        let sub = world.once(&[], r#"list {"folder": "sub"}"#);
        assert!(sub.contains("shortcut"), "{sub}");
    }

    #[test]
    fn nothing_leaves_or_enters_the_allowed_folder() {
        let world = World::office();
        let flags = ["--write", "--folder=team"];
        for call in [
            r#"organize {"method": "move", "file": "notes", "to": "private"}"#,
            r#"organize {"method": "move", "file": "diary", "to": "team"}"#,
            r#"organize {"method": "copy", "file": "diary", "to": "team"}"#,
            r#"organize {"method": "copy", "file": "notes", "to": "private"}"#,
            r#"organize {"method": "shortcut", "file": "diary", "to": "team"}"#,
            r#"organize {"method": "shortcut", "file": "notes", "to": "private"}"#,
            r#"organize {"method": "rename", "file": "diary", "name": "x"}"#,
            r#"organize {"method": "star", "file": "diary"}"#,
            r#"organize {"method": "rename", "file": "out", "name": "x"}"#,
        ] {
            let seen = world.once(&flags, call);
            assert!(seen.starts_with("error: not_found: "), "{call}: {seen}");
        }
        assert!(world.once(&[], r#"list {"folder": "private"}"#).contains("Diary"));
    }
}
