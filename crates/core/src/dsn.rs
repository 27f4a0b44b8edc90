//! Connection strings that hold a password: told by their form, warned of on the command line, and
//! shown without it. Where the form is in doubt, more is taken for secret rather than less.

use std::borrow::Cow;
use std::ops::Range;

use crate::credential::WAYS;
use crate::resource::percent_decode;

/// Parts of the names of parameters that are secret, in lower case.
const SECRET_WORDS: &[&str] =
    &["password", "passwd", "passphrase", "pwd", "secret", "token", "apikey", "api_key"];

/// Whether a URL or a `key=value` connection string holds a password or a token.
pub fn has_secret(dsn: &str) -> bool {
    !secrets(dsn).is_empty()
}

/// Warns, in the log, that a connection string on the command line shows its password to every
/// process of the machine. `option` is where it was given, such as `--dsn`.
pub fn warn_of_secret(dsn: &str, option: &str) {
    if has_secret(dsn) {
        tracing::warn!(
            "{option} holds a password, which other processes can read on the command line; leave \
             it out and give it by --credential as {WAYS}"
        );
    }
}

/// The connection string with `***` for what is secret in it.
pub fn redacted(dsn: &str) -> Cow<'_, str> {
    let secrets = secrets(dsn);
    if secrets.is_empty() {
        return dsn.into();
    }
    let mut shown = String::with_capacity(dsn.len());
    let mut end = 0;
    for secret in secrets {
        shown.push_str(dsn.get(end..secret.start).unwrap_or_default());
        shown.push_str("***");
        end = secret.end;
    }
    shown.push_str(dsn.get(end..).unwrap_or_default());
    shown.into()
}

/// `text`, such as the error of a driver, with `***` wherever it holds what is secret in `dsn`,
/// encoded or not.
pub fn redact(text: &str, dsn: &str) -> String {
    let parts = secrets(dsn).into_iter().filter_map(|range| dsn.get(range));
    let mut parts: Vec<String> = parts
        .flat_map(|part| [Some(part.to_owned()), percent_decode(part), Some(unquoted(part))])
        .flatten()
        .filter(|part| !part.is_empty())
        .collect();
    // The longest first: one secret may be part of another.
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts.iter().fold(text.to_owned(), |text, part| text.replace(part, "***"))
}

/// Where secrets lie, in order and apart from each other.
fn secrets(dsn: &str) -> Vec<Range<usize>> {
    match dsn.find("://") {
        Some(scheme) => in_url(dsn, scheme),
        None => in_pairs(dsn),
    }
}

fn in_url(url: &str, scheme: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let begin = scheme + "://".len();
    let rest = url.get(begin..).unwrap_or_default();
    let mut after = begin;
    if let Some(at) = end_of_user(rest) {
        let user = rest.get(..at).unwrap_or_default();
        let is_web = url.get(..scheme).is_some_and(|scheme| scheme.starts_with("http"));
        match user.find(':') {
            Some(colon) if colon + 1 < at => found.push(begin + colon + 1..begin + at),
            // Web addresses carry tokens as the user's name.
            None if is_web && at > 0 => found.push(begin..begin + at),
            _ => {}
        }
        after = begin + at;
    }
    let Some(query) = url.get(after..).and_then(|rest| rest.find('?')) else { return found };
    let mut start = after + query + 1;
    for pair in url.get(start..).unwrap_or_default().split('&') {
        if let Some((name, value)) = pair.split_once('=')
            && !value.is_empty()
            && (is_secret(name) || value.to_ascii_lowercase().contains("token:"))
        {
            found.push(start + name.len() + 1..start + pair.len());
        }
        start += pair.len() + 1;
    }
    found
}

/// Where the user's part of a URL ends. An `@`, `/` or `?` in a password should be encoded, and
/// often isn't.
fn end_of_user(rest: &str) -> Option<usize> {
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let path = rest.find('?').unwrap_or(rest.len());
    let within = |end: usize| rest.get(..end).and_then(|part| part.rfind('@'));
    if within(authority).is_some() {
        return within(path);
    }
    let (_, port) = rest.get(..authority)?.rsplit_once(':')?;
    // After `host:5432` the path holds no `@`, and parameters may; `user:12/34@host` is a password.
    if port.parse::<u16>().is_ok() { within(path) } else { within(rest.len()) }
}

fn in_pairs(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (equals, _) in text.match_indices('=') {
        if found.last().is_some_and(|last| equals < last.end) {
            continue;
        }
        let before = text.get(..equals).unwrap_or_default().trim_end();
        let name = before.rsplit([' ', '\t', '\n', ';']).next().unwrap_or_default();
        let after = text.get(equals + 1..).unwrap_or_default();
        let value = after.trim_start();
        let start = equals + 1 + after.len() - value.len();
        let len = end_of_value(value);
        if is_secret(name) && len > 0 {
            found.push(start..start + len);
        }
    }
    found
}

/// A value ends at white space, or where its quote does; one whose quote doesn't end is all secret.
fn end_of_value(value: &str) -> usize {
    let Some(quote @ ('\'' | '"')) = value.chars().next() else {
        return value.find(char::is_whitespace).unwrap_or(value.len());
    };
    let mut is_escaped = false;
    for (at, c) in value.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    value.len()
}

/// A quoted value as a driver understands it.
fn unquoted(value: &str) -> String {
    let inner = value.strip_prefix(['\'', '"']).and_then(|rest| rest.strip_suffix(['\'', '"']));
    let mut text = String::new();
    let mut rest = inner.unwrap_or(value).chars();
    while let Some(c) = rest.next() {
        text.extend(if c == '\\' { rest.next() } else { Some(c) });
    }
    text
}

fn is_secret(name: &str) -> bool {
    let name = percent_decode(name).unwrap_or_else(|| name.to_owned()).to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_found_in_every_form() {
        for (dsn, expected) in [
            ("postgres://u:t0ken@host:5432/db", "postgres://u:***@host:5432/db"),
            ("postgres://u:t0%40ken@host/db?a=b", "postgres://u:***@host/db?a=b"),
            ("postgres://u:t0@ken@host/db", "postgres://u:***@host/db"),
            ("postgres://u:t0/ken@host/db", "postgres://u:***@host/db"),
            ("postgres://u:t0?ken@host/db", "postgres://u:***@host/db"),
            ("postgres://u:t0#ken@host/db", "postgres://u:***@host/db"),
            ("postgres://u:12/t0ken@host/db", "postgres://u:***@host/db"),
            ("postgres://u:t0:ken@host", "postgres://u:***@host"),
            ("postgres://:t0ken@host", "postgres://:***@host"),
            ("mongodb+srv://u:t0ken@a:1,b:2/?w=1", "mongodb+srv://u:***@a:1,b:2/?w=1"),
            ("postgres:///db?user=u&password=t0ken&x=1", "postgres:///db?user=u&password=***&x=1"),
            ("postgres://h/db?PassWord=t0#ken&x=1", "postgres://h/db?PassWord=***&x=1"),
            ("postgres://h/db?pass%77ord=t0ken", "postgres://h/db?pass%77ord=***"),
            ("postgres://u:a@h/?sslpassword=t0ken", "postgres://u:***@h/?sslpassword=***"),
            (
                "mongodb://h/?authMechanismProperties=AWS_SESSION_TOKEN:t0ken",
                "mongodb://h/?authMechanismProperties=***",
            ),
            ("https://t0ken@host/x", "https://***@host/x"),
            ("https://x:t0ken@host", "https://x:***@host"),
            ("host=h password=t0ken user=u", "host=h password=*** user=u"),
            ("host=h password = 't0 \\' ken' user=u", "host=h password = *** user=u"),
            ("password='t0ken", "password=***"),
            ("Server=h;Pwd=t0=ken;x", "Server=h;Pwd=***"),
            ("Server=h;User Id=u;Password=t0ken", "Server=h;User Id=u;Password=***"),
        ] {
            assert_eq!(redacted(dsn), expected);
            assert!(has_secret(dsn), "{dsn}");
        }
        for dsn in [
            "postgres://u@host:5432/db",
            "postgres://host:5432/db?application_name=a",
            "postgres://host:5432/db?application_name=a@b",
            "postgres://u:@host/db",
            "mongodb://h1:27017,h2:27018/db?replicaSet=r",
            "https://host/a/b",
            "host=h user=u dbname=d",
            "host=h password= ",
            "",
            "=",
            "://",
            "@",
        ] {
            assert!(!has_secret(dsn), "{dsn}");
            assert_eq!(redacted(dsn), dsn);
        }
    }

    #[test]
    fn text_of_others_is_redacted() {
        let dsn = "postgres://u:t0%40ken@host/db?sslpassword=other";
        let text = format!("login `t0@ken` to {dsn} failed: t0%40ken, other");
        let shown = "login `***` to postgres://u:***@host/db?sslpassword=*** failed: ***, ***";
        assert_eq!(redact(&text, dsn), shown);
        assert_eq!(redact("it's t0'k!", r"password='t0\'k'"), "it's ***!");
        assert_eq!(redact("as it is", "host=h"), "as it is");
    }
}
