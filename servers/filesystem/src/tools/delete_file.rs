//! `delete_file`: files and directories, for good.

use lockkeeper_core::{Cx, Destroy, Effect, Need, Output, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fs;

pub(crate) struct DeleteFile;

/// Delete for good. A non-empty directory needs recursive.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    paths: Vec<String>,
    #[serde(default)]
    recursive: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Record {
    /// files and directories
    deleted: u64,
}

impl Tool<Fs> for DeleteFile {
    type Effect = Destroy;
    type Args = Args;
    type Output = Record;

    fn plan(args: &Args) -> Need {
        let names: Vec<String> = args.paths.iter().map(|path| format!("`{path}`")).collect();
        let all = if args.recursive { " with all that is in it" } else { "" };
        let need = Need::new(Effect::Destroy).loses(names.join(", ") + all);
        args.paths.iter().fold(need, Need::resource)
    }

    async fn run(cx: Cx<'_, Fs, Destroy>, args: Args) -> Result<Record, ToolError> {
        let grant = cx.grant();
        let deleted = cx.blocking(move |fs, _| {
            let targets = args.paths.iter().map(|path| fs.files.entry(path));
            fs.files.delete(grant, &targets.collect::<Result<Vec<_>, _>>()?, args.recursive)
        });
        Ok(Record { deleted: deleted.await?? })
    }
}

impl Output for Record {}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use serde_json::json;

    use crate::testing::{Fixture, check_writing, client};

    #[test]
    fn deletes_files_and_whole_directories() {
        check_writing(
            "project",
            r#"delete_file {"paths": ["README.md", "data"], "recursive": true}"#,
            &expect![[r#"{"deleted":42}"#]],
        );
    }

    #[test]
    fn a_directory_must_be_meant() {
        check_writing(
            "project",
            r#"delete_file {"paths": ["data"]}"#,
            &expect![[r#"
                error: not_empty: `data` is a directory that is not empty
                next: set recursive if all of it is meant"#]],
        );
    }

    #[test]
    fn all_are_checked_before_the_first_goes() {
        let fixture = Fixture::new("small");
        let mut client = client(&fixture, &["--write", "--destroy", "allow"]);
        for other in ["nothing", "sub", "../secret.txt", "."] {
            let paths = json!({"paths": ["notes.txt", other], "recursive": true});
            assert_eq!(client.call("delete_file", paths)["isError"], true, "{other}");
            assert_eq!(fixture.read("notes.txt"), b"one\ntwo\nthree\n");
        }
        assert_eq!(fixture.read("sub/id_rsa"), b"key");
    }

    #[test]
    fn nobody_to_ask_is_no() {
        let fixture = Fixture::new("small");
        let mut client = client(&fixture, &["--write"]);
        let result = client.call("delete_file", json!({"paths": ["notes.txt"]}));
        assert_eq!(result["isError"], true, "{result}");
        assert_eq!(fixture.read("notes.txt"), b"one\ntwo\nthree\n");
    }
}
