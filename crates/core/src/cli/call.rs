//! `call`: one tool by hand, and its answer as a model sees it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{Given, Keeping, Served, in_runtime, print, say};
use crate::config::Process;
use crate::context::{Host, Nobody};
use crate::pipeline::{Ask, Caller, Reply, Request};
use crate::schema::Object;
use crate::server::{Server, StartError};
use crate::text::quoted;

/// The longest arguments that are read, bytes: as much as a message may have.
const LONGEST: u64 = 16 << 20;

#[derive(Args)]
pub(super) struct Call<O: Args> {
    /// The tool's name
    tool: String,
    /// Its arguments: a JSON object, `@FILE` with one, or `-` for standard input
    #[arg(conflicts_with_all = ["named", "files"])]
    arguments: Option<String>,
    /// One argument, as the tool's schema types it; again for a list
    #[arg(long = "arg", value_name = "NAME=VALUE")]
    named: Vec<Named>,
    /// One argument whose text is in a file, or with `-` comes from standard input
    #[arg(long = "arg-file", value_name = "NAME=PATH")]
    files: Vec<Named>,
    #[command(flatten)]
    pub(super) given: Given<O>,
}

/// `NAME=…`
#[derive(Debug, Clone)]
struct Named {
    name: String,
    value: String,
}

impl std::str::FromStr for Named {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once('=').ok_or("takes a name, `=` and a value")?;
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

/// The command line by which these words are read: where no word can be the JSON of `call`, the
/// words behind the tool are the server's own.
pub(super) fn read_by(
    command: clap::Command,
    words: impl Iterator<Item = OsString>,
) -> clap::Command {
    let mut words = words.skip(1);
    let calls = words.next().is_some_and(|word| word == "call");
    let may_be_json = |word: OsString| {
        let word = word.to_string_lossy();
        word == "-" || word == "-h" || word == "--help" || word.starts_with(['{', '[', '@'])
    };
    if !calls || words.any(may_be_json) {
        return command;
    }
    let as_option = |argument: clap::Arg| argument.long("arguments").hide(true);
    command.mut_subcommand("call", |call| call.mut_arg("arguments", as_option))
}

pub(super) fn run<S: Server>(
    call: Call<S::Options>,
    process: &Process,
) -> Result<ExitCode, StartError> {
    let Call { tool, arguments, named, files, given } = call;
    let served = Served::<S>::open(given, process)?;
    let schema = served.pipeline.catalog.definitions().find(|one| one.name == tool);
    let schema = schema.map(|definition| definition.input_schema.clone()).unwrap_or_default();
    // The sandbox hides files that only the user means.
    let text = match arguments.as_deref() {
        None => put_together(&schema, named, files)?,
        Some("-") => whole(io::stdin(), "standard input")?,
        Some(text) => match text.strip_prefix('@') {
            Some(path) => file(path)?,
            None => text.to_owned(),
        },
    };
    served.restrict(Keeping::Records)?;
    let audit = Arc::clone(&served.pipeline.audit);
    in_runtime(&audit, answer(served, &tool, &text))
}

async fn answer<S: Server>(
    served: Served<S>,
    tool: &str,
    arguments: &str,
) -> Result<ExitCode, StartError> {
    let text = S::ORDERED_ARGUMENTS.then(|| arguments.into());
    let arguments = object(arguments)?;
    let watched = io::stderr().is_terminal();
    let caller = Caller {
        cancelled: CancellationToken::new(),
        client: format!("{} call", S::NAME),
        host: if watched { Arc::new(Terminal) } else { Arc::new(Nobody) },
        trace: None,
        noted: Arc::default(),
    };
    let request = Request { tool, arguments, text, caller, ask: Ask::Nobody };
    let reply = served.pipeline.call(request).await;
    // A change that outlives its call is not torn by the end of the process.
    served.pipeline.mutations.close();
    served.pipeline.mutations.wait().await;
    if watched {
        say("\r\x1b[K");
    }
    let failed = |text: &str| {
        say(&format!("{text}\n"));
        Ok(ExitCode::FAILURE)
    };
    match reply {
        Reply::Answer(answer) => {
            print(&format!("{}\n", answer.text));
            for media in &answer.media {
                print(&format!("[{}, {} bytes of base64]\n", media.mime_type, media.data.len()));
            }
            Ok(ExitCode::SUCCESS)
        }
        Reply::Failed(error) => failed(&error.text()),
        Reply::Unknown => failed("unknown tool; `tools` lists those in force"),
        Reply::Question { question, .. } => failed(&question),
    }
}

pub(super) fn object(text: &str) -> Result<Object, StartError> {
    let arguments: Value = serde_json::from_str(text)
        .map_err(|error| StartError::new(format!("the arguments are not JSON: {error}")))?;
    let Value::Object(arguments) = arguments else {
        return Err(StartError::new("the arguments must be a JSON object, for example '{}'"));
    };
    Ok(arguments)
}

/// The JSON of arguments by name. What belongs together stays in its order.
fn put_together(
    schema: &Object,
    named: Vec<Named>,
    files: Vec<Named>,
) -> Result<String, StartError> {
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    let read = |Named { name, value }| {
        let text = if value == "-" { whole(io::stdin(), "standard input") } else { file(&value) };
        text.map(|value| Named { name, value })
    };
    for given in named.into_iter().map(Ok).chain(files.into_iter().map(read)) {
        let Named { name, value } = given?;
        let kind = schema.get("properties").and_then(|properties| properties.get(&name));
        let item = kind.and_then(|kind| kind.get("items")).filter(|_| !value.starts_with('['));
        let text = json(item.or(kind), value);
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(text),
            None => all.push((name, vec![text])),
        }
    }
    let fields = all.into_iter().map(|(name, values)| {
        let kind = schema.get("properties").and_then(|properties| properties.get(&name));
        let is_list = kind.is_some_and(|kind| kind.get("items").is_some());
        let value = match values.as_slice() {
            [one] if !is_list || one.starts_with('[') => one.clone(),
            [one] => format!("[{one}]"),
            more => format!("[{}]", more.join(",")),
        };
        format!("{}:{value}", Value::from(name))
    });
    Ok(format!("{{{}}}", fields.collect::<Vec<_>>().join(",")))
}

/// A word of the command line as the JSON that a schema takes. One that isn't is a string, and what
/// reads the arguments says what it should have been.
fn json(kind: Option<&Value>, value: String) -> String {
    let takes = |name: &str| match kind.and_then(|kind| kind.get("type")) {
        Some(Value::String(one)) => one == name,
        Some(Value::Array(all)) => all.iter().any(|one| one == name),
        _ => false,
    };
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&value).is_ok();
    if is_json && !takes("string") { value } else { Value::from(value).to_string() }
}

/// A file that the user names, outside every scope.
fn file(path: &str) -> Result<String, StartError> {
    let file = File::open(path)
        .map_err(|error| StartError::new(format!("{} can't be read: {error}", quoted(path))))?;
    whole(file, path)
}

fn whole(from: impl Read, name: &str) -> Result<String, StartError> {
    let mut text = String::new();
    from.take(LONGEST + 1)
        .read_to_string(&mut text)
        .map_err(|error| StartError::new(format!("{} can't be read: {error}", quoted(name))))?;
    if text.len() as u64 > LONGEST {
        return Err(StartError::new(format!("{} is longer than 16 MB", quoted(name))));
    }
    Ok(text)
}

/// Whoever waits in front of a terminal.
struct Terminal;

impl Host for Terminal {
    fn progress(
        &self,
        done: f64,
        total: Option<f64>,
        message: Option<String>,
    ) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let message = message.unwrap_or_default();
            match total {
                Some(total) if total > 0.0 => {
                    const WIDTH: usize = 30;
                    let filled = "█"
                        .repeat(WIDTH)
                        .chars()
                        .take(bar(done / total, WIDTH))
                        .collect::<String>();
                    say(&format!("\r\x1b[K{filled:░<WIDTH$} {done:.0} of {total:.0} {message}"));
                }
                _ => say(&format!("\r\x1b[K{done:.0} {message}")),
            }
        })
    }
}

/// How much of a bar is filled.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "between nought and a few dozen"
)]
fn bar(part: f64, width: usize) -> usize {
    (part.clamp(0.0, 1.0) * width as f64).round() as usize
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named(all: &[&str]) -> Vec<Named> {
        all.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn words_become_what_the_schema_takes() {
        let schema = json!({"properties": {
            "path": {"type": "string"},
            "limit": {"type": ["integer", "null"]},
            "deep": {"type": "boolean"},
            "paths": {"type": "array", "items": {"type": "string"}},
            "filter": {"type": "object"},
        }});
        let schema = schema.as_object().unwrap();
        for (given, expected) in [
            (&["path=5"][..], r#"{"path":"5"}"#),
            (&["path=a=b\"c"], r#"{"path":"a=b\"c"}"#),
            (&["limit=5", "deep=true"], r#"{"limit":5,"deep":true}"#),
            (&["limit=many"], r#"{"limit":"many"}"#),
            (&["paths=a"], r#"{"paths":["a"]}"#),
            (&["paths=a", "paths=b"], r#"{"paths":["a","b"]}"#),
            (&[r#"paths=["a","b"]"#], r#"{"paths":["a","b"]}"#),
            (&[r#"filter={"z":1,"a":2}"#], r#"{"filter":{"z":1,"a":2}}"#),
            (&["new=1"], r#"{"new":1}"#),
            (&["new=x"], r#"{"new":"x"}"#),
            (&[], "{}"),
        ] {
            assert_eq!(put_together(schema, named(given), Vec::new()).unwrap(), expected);
        }
        assert!("path".parse::<Named>().is_err());
    }

    #[test]
    fn the_text_of_a_file_is_an_argument() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("body.md");
        File::create(&path)
            .and_then(|mut file| io::Write::write_all(&mut file, b"# a\n\"b\""))
            .unwrap();
        let files = named(&[&format!("body={}", path.display())]);
        let text = put_together(&Object::new(), Vec::new(), files).unwrap();
        assert_eq!(text, r##"{"body":"# a\n\"b\""}"##);
        let problem = put_together(&Object::new(), Vec::new(), named(&["body=/no/such"]));
        assert!(problem.unwrap_err().to_string().contains("`/no/such` can't be read"));
    }
}
