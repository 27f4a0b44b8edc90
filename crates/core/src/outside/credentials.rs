//! Credentials in text: tokens by their prefixes, private keys, passwords in connection strings.
//! Only what is almost surely one is found: developers read code all day, and examples, hashes and
//! placeholders have to stay. One search for all prefixes goes over the text; rules look only at
//! what stands around a hit.

mod connection;
mod private_key;
mod randomness;

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Match, MatchKind, packed};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use randomness::{is_example, looks_random, mixes, varies};

/// A credential in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credential {
    pub(super) range: Range<usize>,
    /// What it is, in snake case.
    pub(super) kind: &'static str,
}

/// All credentials in `text`: in order, without overlap, none over the end of a line.
pub(super) fn credentials(text: &str) -> Vec<Credential> {
    let mut found = Vec::new();
    let mut passed = 0;
    SEARCHER.each(text, |needle, place| {
        // A long run is looked at once, however often something in it looks like a beginning.
        if let Some((_, rule)) = NEEDLES.get(needle).filter(|_| place.start >= passed) {
            passed = rule.look(text, place, &mut found).unwrap_or(passed);
        }
    });
    // Of two that overlap the longer one counts, of equals the first.
    found.sort_by_key(|one| (one.range.start, usize::MAX - one.range.end));
    let mut end = 0;
    found.retain(|one| {
        let keeps = one.range.start >= end;
        end = end.max(one.range.end);
        keeps
    });
    found
}

static SEARCHER: LazyLock<Search> = LazyLock::new(Search::new);

/// A search for all needles at once: with vector instructions where the processor has them.
enum Search {
    Packed(packed::Searcher),
    Automaton(AhoCorasick),
}

impl Search {
    fn new() -> Self {
        let needles = || NEEDLES.iter().map(|(needle, _)| needle);
        if let Some(packed) = packed::Searcher::new(needles()) {
            return Self::Packed(packed);
        }
        let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(needles());
        #[expect(clippy::expect_used, reason = "a constant set of short needles")]
        Self::Automaton(built.expect("fits an automaton"))
    }

    fn each(&self, text: &str, mut found: impl FnMut(usize, Range<usize>)) {
        let mut add = |hit: Match| found(hit.pattern().as_usize(), hit.start()..hit.end());
        match self {
            Self::Packed(searcher) => searcher.find_iter(text).for_each(&mut add),
            Self::Automaton(searcher) => searcher.find_iter(text).for_each(&mut add),
        }
    }
}

const OPENAI: &str = "openai_key";

/// A run that is longer than this is not looked at twice.
const LONG: usize = 300;

/// Bytes of a token.
type Class = fn(u8) -> bool;

/// How what stands at a needle is looked at.
enum Rule {
    /// The needle begins a token: so many further bytes of a class.
    Token {
        kind: &'static str,
        class: Class,
        least: usize,
        most: usize,
    },
    AwsKey,
    AwsSecret,
    /// The needle ends with `=` or the like, and the value follows: so many bytes at least.
    Value {
        kind: &'static str,
        least: usize,
    },
    AzureSecret,
    /// Keys of language models, by what follows `sk-`.
    ModelKey,
    /// `xoxb-`, `xoxe.xoxp-` …
    Slack,
    /// Secret and restricted keys.
    Stripe,
    Bearer,
    Basic,
    Jwt,
    OpenAi,
    Password,
    PrivateKey,
    Url,
    SlackHook,
    SignedUrl,
}

const fn token(kind: &'static str, class: Class, least: usize) -> Rule {
    Rule::Token { kind, class, least, most: usize::MAX }
}

const fn exactly(kind: &'static str, class: Class, length: usize) -> Rule {
    Rule::Token { kind, class, least: length, most: length }
}

static NEEDLES: &[(&str, Rule)] = &[
    ("://", Rule::Url),
    ("PRIVATE KEY", Rule::PrivateKey),
    ("Private-Lines: ", Rule::PrivateKey),
    ("eyJ", Rule::Jwt),
    ("AKIA", Rule::AwsKey),
    ("ASIA", Rule::AwsKey),
    ("ecret_access_key", Rule::AwsSecret),
    ("ECRET_ACCESS_KEY", Rule::AwsSecret),
    ("ecretAccessKey", Rule::AwsSecret),
    ("earer ", Rule::Bearer),
    ("asic ", Rule::Basic),
    ("assword=", Rule::Password),
    ("ASSWORD=", Rule::Password),
    ("assword =", Rule::Password),
    ("pwd=", Rule::Password),
    ("Pwd=", Rule::Password),
    ("PWD=", Rule::Password),
    ("ghp_", token("github_token", word, 36)),
    ("gho_", token("github_token", word, 36)),
    ("ghu_", token("github_token", word, 36)),
    ("ghs_", token("github_token", url_safe, 36)),
    ("ghr_", token("github_token", word, 36)),
    ("github_pat_", token("github_token", word, 60)),
    ("glpat-", token("gitlab_token", dotted, 20)),
    ("xox", Rule::Slack),
    ("xapp-", token("slack_token", dashed, 30)),
    ("hooks.slack.com/services/T", Rule::SlackHook),
    ("k_live_", Rule::Stripe),
    ("k_test_", Rule::Stripe),
    ("whsec_", token("stripe_key", base64_byte, 24)),
    ("AIza", exactly("google_api_key", url_safe, 35)),
    ("ya29.", token("google_token", url_safe, 30)),
    ("1//0", token("google_token", url_safe, 35)),
    ("GOCSPX-", exactly("google_client_secret", url_safe, 28)),
    ("npm_", exactly("npm_token", alphanumeric, 36)),
    ("pypi-Ag", token("pypi_token", url_safe, 50)),
    ("sk-", Rule::ModelKey),
    ("T3BlbkFJ", Rule::OpenAi),
    ("ccountKey=", Rule::Value { kind: "azure_key", least: 60 }),
    ("ccessKey=", Rule::Value { kind: "azure_key", least: 40 }),
    ("sig=", Rule::SignedUrl),
    ("7Q~", Rule::AzureSecret),
    ("8Q~", Rule::AzureSecret),
    ("hf_", exactly("huggingface_token", alphabetic, 34)),
    ("dop_v1_", exactly("digitalocean_token", hexadecimal, 64)),
    ("SG.", token("sendgrid_key", dotted, 60)),
    ("shpat_", exactly("shopify_token", hexadecimal, 32)),
    ("dckr_pat_", token("docker_token", url_safe, 24)),
    ("hvs.", token("vault_token", url_safe, 24)),
    ("glsa_", token("grafana_token", word, 38)),
    ("lin_api_", token("linear_key", alphanumeric, 32)),
    ("ATATT3", token("atlassian_token", atlassian, 100)),
    ("AGE-SECRET-KEY-1", token("private_key", alphanumeric, 58)),
];

impl Rule {
    /// Adds what stands at `needle`; returns how far nothing else has to be looked for.
    fn look(&self, text: &str, needle: Range<usize>, found: &mut Vec<Credential>) -> Option<usize> {
        let bytes = text.as_bytes();
        let mut add = |range: Range<usize>, kind| found.push(Credential { range, kind });
        match *self {
            Self::Token { kind, class, least, most } => {
                let length = run(bytes, needle.end, class);
                let body = bytes.get(needle.end..needle.end + length).unwrap_or_default();
                if (least..=most).contains(&length)
                    && begins(bytes, needle.start)
                    && varies(body)
                    && looks_random(body)
                {
                    add(needle.start..needle.end + length, kind);
                }
                return (length > LONG).then_some(needle.end + length);
            }
            Self::AwsKey => {
                let length = run_within(bytes, needle.end, 17, |byte| {
                    byte.is_ascii_uppercase() || byte.is_ascii_digit()
                });
                let end = needle.end + length;
                let body = bytes.get(needle.end..end).unwrap_or_default();
                let ends = !bytes.get(end).is_some_and(|&byte| word(byte));
                if length == 16 && ends && begins(bytes, needle.start) && looks_random(body) {
                    add(needle.start..end, "aws_access_key");
                    // As in a file of credentials: the secret is what comes next.
                    let start =
                        end + run_within(bytes, end, 4, |byte| b",;: \t\"'".contains(&byte));
                    if start > end
                        && let Some(secret) = aws_secret(bytes, start)
                    {
                        add(secret, "aws_secret_key");
                    }
                }
            }
            Self::AwsSecret => {
                let sets = |byte| b"\"'` \t:=>(,\\".contains(&byte);
                let between = run_within(bytes, needle.end, 12, sets);
                let start = needle.end + between;
                let sets = bytes.get(needle.end..start).unwrap_or_default();
                if sets.iter().any(|byte| b":=,".contains(byte))
                    && let Some(secret) = aws_secret(bytes, start)
                {
                    add(secret, "aws_secret_key");
                }
            }
            Self::Value { kind, least } => {
                let length = run_within(bytes, needle.end, LONG, base64_byte);
                let body = bytes.get(needle.end..needle.end + length).unwrap_or_default();
                if length >= least && looks_random(body) {
                    add(needle.end..needle.end + length, kind);
                }
            }
            Self::AzureSecret => {
                let class = |byte| dotted(byte) || byte == b'~';
                let before = bytes.get(..needle.start).unwrap_or_default();
                let lead = before.iter().rev().take(4).take_while(|&&byte| class(byte)).count();
                let length = run_within(bytes, needle.end, 35, class);
                if lead == 3 && (31..=34).contains(&length) {
                    let range = needle.start - lead..needle.end + length;
                    if looks_random(bytes.get(range.clone()).unwrap_or_default()) {
                        add(range, "azure_secret");
                    }
                }
            }
            Self::ModelKey => {
                let length = run(bytes, needle.end, url_safe);
                let body = bytes.get(needle.end..needle.end + length).unwrap_or_default();
                let vendors = [
                    ("ant-", "anthropic_key"),
                    ("proj-", OPENAI),
                    ("svcacct-", OPENAI),
                    ("admin-", OPENAI),
                ];
                let vendor = vendors.iter().find_map(|(vendor, kind)| {
                    Some((body.strip_prefix(vendor.as_bytes())?, *kind))
                });
                if let Some((body, kind)) = vendor
                    && body.len() >= 40
                    && begins(bytes, needle.start)
                    && varies(body)
                    && looks_random(body)
                {
                    add(needle.start..needle.end + length, kind);
                }
                return (length > LONG).then_some(needle.end + length);
            }
            Self::Slack => {
                let length = run(bytes, needle.end, |byte| dashed(byte) || byte == b'.');
                let body = bytes.get(needle.end..needle.end + length).unwrap_or_default();
                if let [b'a'..=b'z', b'-' | b'.', body @ ..] = body
                    && body.len() >= 30
                    && begins(bytes, needle.start)
                    && mixes(body)
                    && looks_random(body)
                {
                    add(needle.start..needle.end + length, "slack_token");
                }
                return (length > LONG).then_some(needle.end + length);
            }
            Self::Stripe => {
                let start = needle.start.wrapping_sub(1);
                let length = run(bytes, needle.end, alphanumeric);
                let body = bytes.get(needle.end..needle.end + length).unwrap_or_default();
                let named = matches!(bytes.get(start), Some(b's' | b'r'));
                if named
                    && begins(bytes, start)
                    && length >= 16
                    && varies(body)
                    && looks_random(body)
                {
                    add(start..needle.end + length, "stripe_key");
                }
            }
            Self::Bearer => {
                let class = |byte| dotted(byte) || b"~+/=".contains(&byte);
                let named = matches!(bytes.get(needle.start.wrapping_sub(1)), Some(b'B' | b'b'));
                let length = run(bytes, needle.end, class);
                let body = bytes.get(needle.end..needle.end + length).unwrap_or_default();
                if named && length >= 20 && mixes(body) && looks_random(body) {
                    add(needle.end..needle.end + length, "bearer_token");
                }
            }
            Self::Basic => {
                let head = bytes.get(needle.start.saturating_sub(30)..needle.start);
                let head = head.unwrap_or_default();
                let named = memchr::memmem::find(head, b"uthorization").is_some();
                let length = run(bytes, needle.end, base64_byte);
                let body = bytes.get(needle.end..needle.end + length).unwrap_or_default();
                let decoded = STANDARD.decode(body).unwrap_or_default();
                let password = decoded.splitn(2, |&byte| byte == b':').nth(1).unwrap_or_default();
                if named && std::str::from_utf8(password).is_ok_and(|word| !is_example(word)) {
                    add(needle.end..needle.end + length, "basic_credentials");
                }
            }
            Self::Jwt => {
                if let Some(end) = jwt(text, needle.start) {
                    add(needle.start..end, "jwt");
                }
            }
            Self::OpenAi => {
                let before = bytes.get(..needle.start).unwrap_or_default();
                let lead =
                    before.iter().rev().take(120).take_while(|&&byte| url_safe(byte)).count();
                let start = needle.start - lead;
                let end = needle.end + run_within(bytes, needle.end, LONG, url_safe);
                let body = bytes.get(start..end).unwrap_or_default();
                if let Some(at) = memchr::memmem::find(body, b"sk-")
                    && body.len() - at >= 48
                    && begins(bytes, start + at)
                {
                    add(start + at..end, OPENAI);
                }
            }
            Self::Password => connection::assigned(text, needle, &mut add),
            Self::PrivateKey => private_key::look(text, needle, &mut add),
            Self::Url => connection::url(text, needle, &mut add),
            Self::SlackHook => {
                let length = run(bytes, needle.end, |byte| alphanumeric(byte) || byte == b'/');
                let body = bytes.get(needle.end..needle.end + length).unwrap_or_default();
                let last = body.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
                if last.len() >= 20 && looks_random(last) {
                    add(needle.end + length - last.len()..needle.end + length, "slack_webhook");
                }
            }
            Self::SignedUrl => {
                let named = matches!(bytes.get(needle.start.wrapping_sub(1)), Some(b'?' | b'&'));
                let length = run(bytes, needle.end, |byte| base64_byte(byte) || byte == b'%');
                let body = bytes.get(needle.end..needle.end + length).unwrap_or_default();
                if named && length >= 43 && looks_random(body) {
                    add(needle.end..needle.end + length, "url_signature");
                }
            }
        }
        None
    }
}

/// Where the run of bytes of `class` from `from` on ends, as its length.
fn run(bytes: &[u8], from: usize, class: impl Fn(u8) -> bool) -> usize {
    bytes.get(from..).unwrap_or_default().iter().take_while(|&&byte| class(byte)).count()
}

/// The same for a run of at most `most` bytes.
fn run_within(bytes: &[u8], from: usize, most: usize, class: impl Fn(u8) -> bool) -> usize {
    let end = bytes.len().min(from.saturating_add(most));
    run(bytes.get(..end).unwrap_or_default(), from, class)
}

/// Whether a token can begin at `start`: no word goes on there. The letter of an escape (`\n`) and
/// the digits of another (`%3D`) are no word.
fn begins(bytes: &[u8], start: usize) -> bool {
    let before = bytes.get(..start).unwrap_or_default();
    match before {
        [.., b'\\', b'n' | b'r' | b't'] => true,
        [.., b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => true,
        [.., byte] => !byte.is_ascii_alphanumeric(),
        [] => true,
    }
}

fn aws_secret(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let length = run_within(bytes, start, 41, base64_byte);
    let body = bytes.get(start..start + length)?;
    (length == 40 && mixes(body) && looks_random(body)).then_some(start..start + length)
}

/// The end of a JSON web token that begins at `start`.
fn jwt(text: &str, start: usize) -> Option<usize> {
    /// What <https://jwt.io> and half the world's documentation signs.
    const EXAMPLE: &str = "eyJzdWIiOiIxMjM0NTY3ODkwI";
    let bytes = text.as_bytes();
    // Its second part begins as its first does.
    let inner = bytes.get(start.wrapping_sub(1)).is_some_and(|byte| b"._-".contains(byte));
    if inner || !begins(bytes, start) {
        return None;
    }
    let end = start + run(bytes, start, dotted);
    let token = text.get(start..end)?.trim_end_matches('.');
    let mut parts = token.split('.');
    let (header, payload) = (parts.next()?, parts.next()?);
    let signature = parts.next_back()?;
    let decoded = URL_SAFE_NO_PAD.decode(header.get(..header.len().min(2_000))?).ok()?;
    let names = |name: &[u8]| memchr::memmem::find(&decoded, name).is_some();
    let is_token = names(b"\"alg\"") && !payload.starts_with(EXAMPLE) && signature.len() >= 16;
    is_token.then_some(start + token.len())
}

fn alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn alphabetic(byte: u8) -> bool {
    byte.is_ascii_alphabetic()
}

fn hexadecimal(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn dashed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

fn url_safe(byte: u8) -> bool {
    word(byte) || byte == b'-'
}

fn dotted(byte: u8) -> bool {
    url_safe(byte) || byte == b'.'
}

fn base64_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)
}

fn atlassian(byte: u8) -> bool {
    url_safe(byte) || byte == b'='
}

#[cfg(test)]
mod tests;
