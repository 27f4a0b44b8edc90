//! Telling secrets from placeholders: what a person types in an example looks like words, rows of
//! one character or the alphabet; what a machine makes does not.

/// Words that only examples hold.
const WORDS: [&str; 9] =
    ["example", "xxxx", "placeholder", "your", "dummy", "sample", "redacted", "insert", "changeme"];

/// Passwords that stand in everybody's examples and compose files.
const WEAK: [&str; 31] = [
    "pass",
    "passwd",
    "pwd",
    "pw",
    "secret",
    "user",
    "username",
    "test",
    "testing",
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "mongo",
    "mongodb",
    "redis",
    "rabbitmq",
    "root",
    "admin",
    "guest",
    "foo",
    "bar",
    "baz",
    "token",
    "dev",
    "development",
    "demo",
    "local",
    "docker",
    "none",
    "null",
];

/// Whether the body of a token was made by a machine.
pub(super) fn looks_random(body: &[u8]) -> bool {
    let mut seen = [false; 256];
    let mut distinct = 0;
    for &byte in body {
        if let Some(seen) = seen.get_mut(usize::from(byte))
            && !std::mem::replace(seen, true)
        {
            distinct += 1;
        }
    }
    let pairs = || body.iter().zip(body.iter().skip(1));
    let rows = pairs().filter(|(a, b)| **b == a.wrapping_add(1) || a == b).count();
    let is_even = distinct >= (body.len() / 3).clamp(5, 10) && rows * 3 < body.len();
    is_even && !has_word(body)
}

/// Whether it is no row of words, in small letters or in capitals.
pub(super) fn varies(body: &[u8]) -> bool {
    mixes(body)
        || body.iter().any(u8::is_ascii_lowercase) && body.iter().any(u8::is_ascii_uppercase)
}

/// Whether letters and digits occur.
pub(super) fn mixes(body: &[u8]) -> bool {
    body.iter().any(u8::is_ascii_digit) && body.iter().any(u8::is_ascii_alphabetic)
}

/// Whether a password is none: a name for one, a variable, a well-known default.
pub(super) fn is_example(password: &str) -> bool {
    let bytes = password.as_bytes();
    let is_template = |text: &str| {
        ["${", "$(", "{", "}", "<", ">", "***", "...", "…", "[", "%s", "%(", "#{"]
            .iter()
            .any(|mark| text.contains(mark))
    };
    if bytes.len() < 4 || password.starts_with(['$', '%', ':']) || is_template(password) {
        return true;
    }
    let lower = password.to_ascii_lowercase();
    let word = lower.trim_end_matches(|c: char| c.is_ascii_digit() || c == '!');
    let is_words = word.bytes().all(|byte| byte.is_ascii_alphabetic() || b"_-.".contains(&byte));
    let one = bytes.first();
    word.is_empty() && bytes.len() < 8
        || WEAK.contains(&word)
        || is_words && (word.contains("password") || word.contains("secret"))
        || has_word(bytes)
        || bytes.iter().all(|byte| Some(byte) == one)
}

fn has_word(body: &[u8]) -> bool {
    let lower = body.to_ascii_lowercase();
    WORDS.iter().any(|word| memchr::memmem::find(&lower, word.as_bytes()).is_some())
}
