//! Programs that print a secret, such as password managers: the words of their command line, and
//! their run. No shell, no input, bounded in time and output; what they say on stderr goes nowhere,
//! since it may hold anything.

use std::io::{self, Read as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::secret::Secret;
use crate::vault::MOST_VALUE;

/// Some ask a person for a fingerprint; a call has 25 s.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at whether somebody still waits.
const LOOK: Duration = Duration::from_millis(50);

/// Why a program gave no secret. It never holds what the program printed, or was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error("the program can't be started: {}", .0.kind())]
    NotStarted(io::Error),
    #[error("the program gave nothing within {} s", PATIENCE.as_secs())]
    TimedOut,
    #[error("the program failed with {0}; run it by hand to see why")]
    Failed(ExitStatus),
    #[error("the program's output is empty, no text or longer than {MOST_VALUE} bytes")]
    BadOutput,
    #[error("nobody waits for the program any more")]
    Gone,
    #[error("the broker that runs the program has ended: {}", .0.kind())]
    NoBroker(io::Error),
    /// What the broker said, which is one of the above.
    #[error("{0}")]
    Told(String),
}

/// Splits a command line as a POSIX shell does, and does nothing else of what one does: no
/// variables, no globs, no `~`, no operators. `None` if a quote or a backslash has no end.
pub(super) fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        '"' => break,
                        '\\' => match rest.next()? {
                            c @ ('$' | '`' | '"' | '\\') => word.push(c),
                            '\n' => {}
                            c => word.extend(['\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            '\\' => match rest.next()? {
                '\n' => {}
                c => word.get_or_insert_default().push(c),
            },
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

/// Runs a program to its end: what it prints, without one line end.
pub(super) fn run(words: &[String]) -> Result<Secret<String>, CommandError> {
    run_until(words, &AtomicBool::new(false))
}

/// The same, as long as nobody says that the asker has gone.
pub(super) fn run_until(
    words: &[String],
    gone: &AtomicBool,
) -> Result<Secret<String>, CommandError> {
    run_within(words, PATIENCE, gone)
}

fn run_within(
    words: &[String],
    patience: Duration,
    gone: &AtomicBool,
) -> Result<Secret<String>, CommandError> {
    let deadline = Instant::now() + patience;
    let mut child = spawn(words).map_err(CommandError::NotStarted)?;
    let output = child.stdout.take();
    let (sender, receiver) = mpsc::channel();
    // A thread, because a pipe that a grandchild holds open has no end.
    thread::spawn(move || {
        let mut bytes = Secret::new(Vec::with_capacity(MOST_VALUE + 1));
        let read =
            output.map(|output| output.take(MOST_VALUE as u64 + 1).read_to_end(bytes.expose_mut()));
        // If nobody waits any more, the bytes are wiped here.
        drop(sender.send(read.is_some_and(|read| read.is_ok()).then_some(bytes)));
    });
    let output = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(left.min(LOOK)) {
            Err(RecvTimeoutError::Timeout) if gone.load(Ordering::Relaxed) => {
                end(&mut child);
                return Err(CommandError::Gone);
            }
            Err(RecvTimeoutError::Timeout) if !left.is_zero() => {}
            other => break other,
        }
    };
    let is_too_long = |bytes: &Secret<Vec<u8>>| bytes.expose().len() > MOST_VALUE;
    if output.as_ref().is_ok_and(|output| output.as_ref().is_some_and(is_too_long)) {
        end(&mut child);
        return Err(CommandError::BadOutput);
    }
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) if output.is_ok() => break status,
            Ok(None) if gone.load(Ordering::Relaxed) => {
                end(&mut child);
                return Err(CommandError::Gone);
            }
            Ok(None) if output.is_ok() && Instant::now() < deadline => {
                thread::park_timeout(Duration::from_millis(2));
            }
            _ => {
                end(&mut child);
                return Err(CommandError::TimedOut);
            }
        }
    };
    if !status.success() {
        return Err(CommandError::Failed(status));
    }
    output.ok().flatten().and_then(Secret::into_text).ok_or(CommandError::BadOutput)
}

#[expect(clippy::disallowed_methods, reason = "the one program a person told us to run")]
fn spawn(words: &[String]) -> io::Result<Child> {
    let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    // A group of its own, so that all of it can be ended.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn()
}

/// Ends a program and what it started.
fn end(child: &mut Child) {
    #[cfg(unix)]
    {
        use rustix::process::{Pid, Signal, kill_process_group};
        // Not waited for yet, so the id is still its own.
        if let Some(Err(error)) = i32::try_from(child.id())
            .ok()
            .and_then(Pid::from_raw)
            .map(|group| kill_process_group(group, Signal::KILL))
        {
            tracing::debug!(%error, "a credential program's group has gone");
        }
    }
    if let Err(error) = child.kill().and_then(|()| child.wait().map(drop)) {
        tracing::debug!(%error, "a credential program can't be ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Vec<String> {
        ["/bin/sh", "-c", script].map(ToOwned::to_owned).into()
    }

    fn output(script: &str) -> Result<String, String> {
        let output = run_within(&sh(script), Duration::from_secs(5), &AtomicBool::new(false));
        output.map(|text| text.expose().clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn words_are_split_as_by_a_shell_and_nothing_else_happens() {
        let split = |line| words(line).map(|words| words.join("|"));
        for (line, expected) in [
            ("op read op://vault/item", Some("op|read|op://vault/item")),
            ("  a\t b \n", Some("a|b")),
            ("", Some("")),
            (r#"a 'b c' "d e" f\ g"#, Some("a|b c|d e|f g")),
            (r#"a'b'"c"d"#, Some("abcd")),
            (r#"a "" ''"#, Some("a||")),
            (r#""\"\\\$\`\n""#, Some(r#""\$`\n"#)),
            (r"'\'", Some(r"\")),
            ("$HOME ~/x *.txt a;b|c >d #e `f`", Some("$HOME|~/x|*.txt|a;b|c|>d|#e|`f`")),
            ("größe '🦀'", Some("größe|🦀")),
            ("'a", None),
            ("\"a", None),
            ("\"a\\", None),
            ("a\\", None),
        ] {
            assert_eq!(split(line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn a_program_gives_what_it_prints() {
        assert_eq!(output("echo t0ken; echo s3cret >&2").unwrap(), "t0ken");
        assert_eq!(output("cat; printf end").unwrap(), "end", "it has no input");
        let most = format!("head -c {MOST_VALUE} /dev/zero | tr '\\0' x");
        assert_eq!(output(&most).unwrap().len(), MOST_VALUE);
    }

    #[test]
    fn what_goes_wrong_says_nothing_of_what_was_printed() {
        for (script, expected) in [
            ("echo t0ken; echo t0ken >&2; exit 3", "failed with exit status: 3"),
            ("echo t0ken; kill -9 $$", "failed with signal: 9"),
            ("true", "empty"),
            ("echo", "empty"),
            ("printf 't0ken\\377'", "no text"),
            ("yes t0ken", "longer than 65536 bytes"),
        ] {
            let error = output(script).unwrap_err();
            assert!(error.contains(expected) && !error.contains("t0ken"), "{script}: {error}");
        }
        let missing = run(&["/no/such/t0ken".to_owned()]).map(drop).unwrap_err().to_string();
        assert!(missing.contains("can't be started") && !missing.contains("t0ken"), "{missing}");
    }

    #[test]
    fn a_program_that_takes_too_long_is_ended_with_all_it_started() {
        for script in
            ["sleep 60", "sleep 60 & echo t0ken", "exec >&-; sleep 60", "echo t0ken; sleep 60"]
        {
            let begun = Instant::now();
            let directory = tempfile::tempdir().unwrap();
            let mark = directory.path().join("mark");
            let script = format!("(sleep 1; touch {}) & {script}", mark.display());
            let error =
                run_within(&sh(&script), Duration::from_millis(300), &AtomicBool::new(false))
                    .map(drop)
                    .unwrap_err();
            assert!(matches!(error, CommandError::TimedOut), "{script}: {error}");
            assert!(begun.elapsed() < Duration::from_secs(5), "{script}");
            thread::park_timeout(Duration::from_millis(1200));
            assert!(!mark.exists(), "what it started lives on: {script}");
        }
    }
}
