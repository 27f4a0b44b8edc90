//! `create_directory`: a directory and those that lead to it.

use lockkeeper_core::{Add, Cx, Effect, Need, Output, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fs;

pub(crate) struct CreateDirectory;

/// Make a directory and its parents.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    path: String,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Record {
    /// false: it was there
    created: bool,
}

impl Tool<Fs> for CreateDirectory {
    type Effect = Add;
    type Args = Args;
    type Output = Record;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Add).resource(&args.path)
    }

    async fn run(cx: Cx<'_, Fs, Add>, args: Args) -> Result<Record, ToolError> {
        let grant = cx.grant();
        let made = move |fs: &Fs| fs.files.create_directory(grant, fs.files.target(&args.path)?);
        Ok(Record { created: cx.blocking(|fs, _| made(fs)).await?? })
    }
}

impl Output for Record {}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;

    use crate::testing::check_writing;

    #[test]
    fn makes_parents_once() {
        check_writing(
            "small",
            r#"create_directory {"path": "a/b/ü"}"#,
            &expect![[r#"{"created":true}"#]],
        );
        check_writing(
            "small",
            r#"create_directory {"path": "sub"}"#,
            &expect![[r#"{"created":false}"#]],
        );
    }

    #[test]
    fn a_file_is_in_the_way() {
        check_writing(
            "small",
            r#"create_directory {"path": "notes.txt"}"#,
            &expect![[r#"
                error: exists: `notes.txt` exists already
                next: choose another name, or read it and say that you replace it"#]],
        );
    }

    #[test]
    fn git_is_left_to_git() {
        check_writing(
            "small",
            r#"create_directory {"path": "sub/.git/hooks"}"#,
            &expect![[r#"
                error: git_internals: `sub/.git/hooks` lies in `.git`, which this server does not write without --allow-git
                next: leave .git to git; the server's owner decides with --allow-git"#]],
        );
    }
}
