//! `download`: a file of Drive's in the export directory.

use std::time::{Duration, Instant};

use lockkeeper_core::{Add, Cx, Effect, Need, Ongoing, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rows::Done;
use crate::source::{Download, Form, Got, Source, SourceError};

/// What a call takes where it has no deadline.
const PAUSE: Duration = Duration::from_secs(20);

pub(crate) struct DownloadFile;

/// Put a file into the export directory.
///
/// `running` is not finished: call again with `next` as `cursor` and all else the same.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    file: String,
    /// New path in the directory
    to: String,
    /// For Docs, Sheets, Slides, Drawings
    format: Option<Form>,
    cursor: Option<String>,
}

impl Tool<Source> for DownloadFile {
    type Effect = Add;
    type Args = Args;
    type Output = Done;

    const PLAIN: &'static [&'static str] = &["file", "to", "format"];

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Add).resource(args.file.clone()).resource(format!("file {}", args.to))
    }

    async fn run(cx: Cx<'_, Source, Add>, args: Args) -> Result<Done, ToolError> {
        let until = pause();
        let download = match cx.resume(args.cursor.as_deref())?.as_deref() {
            None => begin(&cx, &args).await?,
            Some(&[id, _]) => {
                let download = cx.source().downloads.take(id).ok_or_else(expired)?;
                cx.source().check_download(&download).await?;
                download
            }
            Some(_) => return Err(expired()),
        };
        go_on(&cx, &args, download, until).await
    }
}

/// When a call has to answer, whatever is left to do.
pub(crate) fn pause() -> Instant {
    let now = Instant::now();
    let left = Ongoing::current().map(|call| call.deadline().saturating_duration_since(now));
    now + left.unwrap_or(PAUSE).mul_f64(0.7)
}

async fn begin(cx: &Cx<'_, Source, Add>, args: &Args) -> Result<Box<Download>, ToolError> {
    let found = cx.source().find(&args.file).await?;
    let (grant, path) = (cx.grant(), args.to.clone());
    let created = cx.blocking(move |source: &Source, _| match source.export_dir() {
        Some(directory) => directory.create(grant, &path),
        None => Err(ToolError::new("not_available", "the server has no export directory")),
    });
    Ok(Box::new(Download::new(&found, args.format, created.await??)?))
}

async fn go_on(
    cx: &Cx<'_, Source, Add>,
    args: &Args,
    mut download: Box<Download>,
    until: Instant,
) -> Result<Done, ToolError> {
    loop {
        let got = match cx.source().fetch(&mut download, until).await {
            Ok(got) => got,
            Err(error) if error.is_broken() && Instant::now() >= until => {
                return Ok(running(cx, download));
            }
            Err(error) => return Err(error.into()),
        };
        if got == Got::All {
            let bytes = cx.blocking(move |_, _| download.finish()).await??;
            let (state, name) = ("done", Some(args.to.clone()));
            return Ok(Done { state, name, bytes: Some(bytes), ..Done::default() });
        }
        let write = move |_: &Source, _: &_| {
            let written = download.write();
            (download, written)
        };
        let (whole, written) = cx.blocking(write).await?;
        written?;
        download = whole;
        if Instant::now() >= until {
            return Ok(running(cx, download));
        }
        cx.progress(download.bytes(), download.total, None).await;
    }
}

fn running(cx: &Cx<'_, Source, Add>, download: Box<Download>) -> Done {
    let (bytes, total) = (download.bytes(), download.total);
    let next = cx.next(&[cx.source().downloads.keep(download), bytes]);
    Done { state: "running", bytes: Some(bytes), total, next: Some(next), ..Done::default() }
}

fn expired() -> ToolError {
    let what = "this download";
    SourceError::Expired { what, hint: "begin it again, without cursor" }.into()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::testing::World;

    #[test]
    fn files_arrive_whole_and_overwrite_nothing() {
        let world = World::office();
        let directory = tempfile::tempdir().unwrap();
        let flag = format!("--export-dir={}", directory.path().display());
        let flags = [flag.as_str()];
        let seen = world.call(&flags, r#"download {"file": "log", "to": "log.txt"}"#);
        assert!(seen.contains(r#""state":"done""#), "{seen}");
        let text = fs::read_to_string(directory.path().join("log.txt")).unwrap();
        assert_eq!(text, crate::testing::log());
        let seen = world.once(&flags, r#"download {"file": "log", "to": "log.txt"}"#);
        assert!(seen.starts_with("error: "), "{seen}");
        let seen =
            world.once(&flags, r#"download {"file": "plan", "to": "plan.md", "format": "md"}"#);
        assert!(seen.contains(r#""state":"done""#), "{seen}");
        assert!(fs::read_to_string(directory.path().join("plan.md")).unwrap().contains("# Plan"));
        for (call, code) in [
            (r#"download {"file": "plan", "to": "a"}"#, "not_suited"),
            (r#"download {"file": "log", "to": "a", "format": "pdf"}"#, "not_suited"),
            (r#"download {"file": "log", "to": "../a"}"#, ""),
            (r#"download {"file": "nothing", "to": "a"}"#, "not_found"),
        ] {
            let seen = world.once(&flags, call);
            assert!(seen.starts_with(&format!("error: {code}")), "{call}: {seen}");
            assert!(!directory.path().join("a").exists());
        }
    }

    #[test]
    fn it_is_there_only_with_a_directory() {
        let world = World::office();
        let seen = world.once(&[], r#"download {"file": "log", "to": "a"}"#);
        assert!(seen.contains("unknown"), "{seen}");
    }
}
