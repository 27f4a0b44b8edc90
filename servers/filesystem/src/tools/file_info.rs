//! `file_info`: what is known about files without their content.

use lockkeeper_core::time::rfc3339;
use lockkeeper_core::{Cx, Effect, Need, Output, Read, Stop, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fs;
use crate::source::{Encoding, EntryKind, Eol, InfoOptions};

pub(crate) struct FileInfo;

/// Size, times, mode, link target, MIME, encoding, line ending, version; hash or recursive total on
/// request.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    paths: Vec<String>,
    /// SHA-256
    #[serde(default)]
    hash: bool,
    #[serde(default)]
    total: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Infos {
    files: Vec<Info>,
    /// paths at the end, to be asked for again
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<usize>,
}

#[derive(Default, Serialize, JsonSchema)]
struct Info {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtime: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    /// hard links, if more than one
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<u64>,
    /// the link's; the rest is of it
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Total>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Total {
    files: u64,
    dirs: u64,
    bytes: u64,
    complete: bool,
}

impl Tool<Fs> for FileInfo {
    type Effect = Read;
    type Args = Args;
    type Output = Infos;

    fn plan(args: &Args) -> Need {
        args.paths.iter().fold(Need::new(Effect::Read), Need::resource)
    }

    async fn run(cx: Cx<'_, Fs, Read>, args: Args) -> Result<Infos, ToolError> {
        let options = InfoOptions { hash: args.hash, total: args.total };
        let room = cx.max_output();
        let walk = cx.source().walk().await;
        cx.blocking(move |fs, stop| {
            let _walk = walk;
            let mut infos = Infos { files: Vec::new(), left_out: None };
            let mut used = 0;
            let all = args.paths.len();
            for path in args.paths {
                let info = describe(fs, &path, options, stop).unwrap_or_else(|error| Info {
                    path,
                    error: Some(error.text().replace('\n', "; ")),
                    ..Info::default()
                });
                used += serde_json::to_string(&info).map_or(0, |json| json.len() + 1);
                if !infos.files.is_empty() && (used > room || stop.is_due()) {
                    break;
                }
                infos.files.push(info);
            }
            infos.left_out = Some(all - infos.files.len()).filter(|left| *left > 0);
            infos
        })
        .await
    }
}

fn describe(fs: &Fs, path: &str, options: InfoOptions, stop: &Stop) -> Result<Info, ToolError> {
    let link = fs.files.locate_link(path)?;
    if let Some(link) = &link
        && link.target.is_none()
    {
        return Ok(Info {
            path: link.path.clone(),
            kind: Some("link"),
            mtime: Some(rfc3339(link.stat.mtime())),
            error: Some("leads to nothing that exists or is allowed".to_owned()),
            ..Info::default()
        });
    }
    let info = fs.files.info(&fs.locate(path)?, options, stop)?;
    let is_file = info.stat.kind == EntryKind::File;
    let (path, target) = match link {
        Some(link) => (link.path, link.target),
        None => (info.path.clone(), None),
    };
    Ok(Info {
        path,
        target,
        kind: Some(match info.stat.kind {
            EntryKind::File => "file",
            EntryKind::Dir => "dir",
            EntryKind::Link => "link",
            EntryKind::Special => "special",
        }),
        size: is_file.then_some(info.stat.size),
        mtime: Some(rfc3339(info.stat.mtime())),
        created: info.birth.map(rfc3339),
        mode: Some(format!("{:04o}", info.stat.mode & 0o7777)),
        links: Some(info.stat.links).filter(|links| is_file && *links > 1),
        mime: info.mime(),
        encoding: info.encoding().map(Encoding::name),
        eol: info.eol.map(Eol::name),
        version: Some(info.version),
        sha256: info.sha256,
        total: info.total.map(|total| Total {
            files: total.files,
            dirs: total.dirs,
            bytes: total.bytes,
            complete: total.complete,
        }),
        error: None,
    })
}

impl Output for Infos {
    fn truncated(&self) -> bool {
        self.left_out.is_some()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{Fixture, check_with, client};

    #[test]
    fn describes_a_file() {
        let fixture = Fixture::new("small");
        let mut client = client(&fixture, &[]);
        let result = client.call("file_info", json!({"paths": ["notes.txt"], "hash": true}));
        let info = &result["structuredContent"]["files"][0];
        assert_eq!((&info["kind"], &info["size"]), (&json!("file"), &json!(14)));
        assert_eq!((&info["encoding"], &info["eol"]), (&json!("UTF-8"), &json!("LF")));
        let digest = "b6285c57e8797db5d4c51c80d6f11938afda9b11c6a003549709189e9b4b92a2";
        assert_eq!(info["sha256"], digest);
        let text = result["content"][0]["text"].as_str().unwrap();
        let facts: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(facts, result["structuredContent"]);
    }

    #[test]
    fn totals_a_directory() {
        let fixture = Fixture::new("project");
        let mut client = client(&fixture, &[]);
        let result = client.call("file_info", json!({"paths": ["data"], "total": true}));
        let total = &result["structuredContent"]["files"][0]["total"];
        assert_eq!(total, &json!({"files": 40, "dirs": 0, "bytes": 640, "complete": true}));
    }

    #[test]
    fn says_what_fails() {
        check_with(
            "small",
            &[],
            r#"file_info {"paths": [".env"]}"#,
            "{\"files\":[{\"path\":\".env\",\"error\":\"not_found: `.env` does not exist, or is hidden by \
             this server's rules; next: find_files searches names; list_directory shows a directory\"}]}",
        );
    }

    #[test]
    fn no_paths_no_files() {
        check_with("small", &[], r#"file_info {"paths": []}"#, "{\"files\":[]}");
    }
}
