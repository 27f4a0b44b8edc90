//! Files, changed in one commit.

use lockkeeper_core::{Change, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::change::{Done, need};
use crate::commit::{Alteration, Plan};
use crate::patch::Edit;
use crate::source::{Source, check_ref};

pub(crate) struct FileWrite;

/// Change files of a branch in one commit, all or none. A file gets `content`, or `edits` of what it
/// has, or goes (`delete`).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    repo: String,
    branch: Option<String>,
    message: String,
    files: Vec<File>,
    /// sha that the branch must be at
    expected_head: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct File {
    path: String,
    content: Option<String>,
    #[serde(default)]
    edits: Vec<Edit>,
    #[serde(default)]
    delete: bool,
}

impl Tool<Source> for FileWrite {
    type Effect = Change;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        let deleted: Vec<&str> =
            args.files.iter().filter(|file| file.delete).map(|file| file.path.as_str()).collect();
        if deleted.is_empty() {
            return need::<Change>(&args.repo);
        }
        let loses = format!("{} of {}", deleted.join(", "), args.repo);
        Need::new(Effect::Destroy).resource(&args.repo).loses(loses)
    }

    async fn run(cx: Cx<'_, Source, Change>, args: Args) -> Result<Done, ToolError> {
        let repo = cx.source().repo(&args.repo).await?;
        let branch = args.branch.unwrap_or_else(|| repo.default_branch().to_owned());
        check_ref("branch", &branch)?;
        let mut files = Vec::new();
        for File { path, content, edits, delete } in args.files {
            let alteration = match (content, edits.is_empty(), delete) {
                (Some(content), true, false) => Alteration::Content(content),
                (None, false, false) => Alteration::Edits(edits),
                (None, true, true) => Alteration::Delete,
                _ => {
                    return Err(ToolError::invalid_arguments(format!(
                        "`files`: {path} takes one of content, edits, delete"
                    )));
                }
            };
            files.push((path, alteration));
        }
        let plan = Plan { branch, message: args.message, files, expected: args.expected_head };
        crate::commit::make(&cx, &repo, plan).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{World, seen};

    const FLAGS: [&str; 2] = ["--write", "--destroy=allow"];

    #[test]
    fn files_are_changed_in_one_commit() {
        let Some(world) = World::emulated(&[("r", false)]) else { return };
        let mut client = world.client(&FLAGS);
        let text = "fn f<T>() {} // a & b <div>\n";
        let files = json!([
            {"path": "src/a.rs", "content": text},
            {"path": "README.md", "edits": [{"find": "# r", "replace": "# R"}]},
        ]);
        let write = json!({"repo": "admin/r", "message": "two files", "files": files});
        let done = seen(&mut client, "file_write", write);
        assert!(done.contains("committed 2 files to main in admin/r"), "{done}");
        let read = |path: &str| json!({"method": "file", "repo": "admin/r", "path": path});
        let a = seen(&mut client, "file_read", read("src/a.rs"));
        assert_eq!(a.split_once('\n').unwrap().1, text.trim_end());
        let readme = seen(&mut client, "file_read", read("README.md"));
        assert!(readme.ends_with("# R"), "{readme}");
        let gone = json!({"repo": "admin/r", "message": "gone", "files": [{"path": "src/a.rs", "delete": true}]});
        let done = seen(&mut client, "file_write", gone);
        assert!(done.contains("committed 1 file"), "{done}");
        assert!(seen(&mut client, "file_read", read("src/a.rs")).starts_with("error: not_found"));
    }

    #[test]
    fn nothing_changes_unless_all_of_it_can() {
        let Some(world) = World::emulated(&[("r", false)]) else { return };
        let mut client = world.client(&FLAGS);
        let mut write = |files: serde_json::Value, head: Option<&str>| {
            let mut arguments = json!({"repo": "admin/r", "message": "m", "files": files});
            if let Some(head) = head {
                arguments["expected_head"] = head.into();
            }
            seen(&mut client, "file_write", arguments)
        };
        let good = json!({"path": "x", "content": "x"});
        for (files, head, code) in [
            (
                json!([good, {"path": "README.md", "edits": [{"find": "nope", "replace": ""}]}]),
                None,
                "no_match",
            ),
            (
                json!([good, {"path": "none", "edits": [{"find": "a", "replace": ""}]}]),
                None,
                "not_found",
            ),
            (json!([good, {"path": "../x", "content": ""}]), None, "invalid_arguments"),
            (json!([good, {"path": "y"}]), None, "invalid_arguments"),
            (json!([good]), Some("0000000000000000000000000000000000000000"), "conflict"),
            (json!([]), None, "invalid_arguments"),
        ] {
            let text = write(files, head);
            assert!(text.starts_with(&format!("error: {code}")), "{text}");
        }
        let changes = world.front.take_seen().into_iter().filter(|seen| seen.method != "GET");
        assert_eq!(changes.count(), 0);
    }
}
