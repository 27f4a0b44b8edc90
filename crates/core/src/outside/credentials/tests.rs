use super::*;

fn kinds(text: &str) -> Vec<&'static str> {
    credentials(text).iter().map(|one| one.kind).collect()
}

/// Characters as a machine draws them, the same in each run. Tests join prefixes and bodies, so that
/// no scanner takes this file for a leak.
fn random(alphabet: &[u8], length: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap()
    };
    (0..length).map(|_| char::from(alphabet[next() % alphabet.len()])).collect()
}

const BASE62: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEX: &[u8] = b"0123456789abcdef";

fn tokens(seed: u64) -> Vec<(&'static str, String)> {
    let mixed = |length| random(BASE62, length, seed);
    let hex = |length| random(HEX, length, seed);
    vec![
        ("aws_access_key", format!("AKIA{}", random(UPPER, 16, seed))),
        ("github_token", format!("ghp_{}", mixed(36))),
        ("github_token", format!("ghs_{}", mixed(36))),
        ("github_token", format!("github_pat_{}_{}", mixed(22), random(BASE62, 59, seed + 1))),
        ("gitlab_token", format!("glpat-{}", mixed(20))),
        ("slack_token", format!("xoxb-{}-{}-{}", "409812345671", "509812345672", mixed(24))),
        ("stripe_key", format!("sk_live_{}", mixed(24))),
        ("google_api_key", format!("AIza{}", mixed(35))),
        ("google_token", format!("ya29.{}", mixed(80))),
        ("google_token", format!("1//0{}", mixed(40))),
        ("google_client_secret", format!("GOCSPX-{}", mixed(28))),
        ("npm_token", format!("npm_{}", mixed(36))),
        ("pypi_token", format!("pypi-AgEIcHlwaS5vcmc{}", mixed(100))),
        ("anthropic_key", format!("sk-ant-api03-{}-{}AA", mixed(86), "xY")),
        ("openai_key", format!("sk-proj-{}T3BlbkFJ{}", mixed(40), random(BASE62, 40, seed + 2))),
        ("openai_key", format!("sk-{}T3BlbkFJ{}", mixed(20), random(BASE62, 20, seed + 2))),
        ("digitalocean_token", format!("dop_v1_{}", hex(64))),
        ("huggingface_token", format!("hf_{}", random(&BASE62[..52], 34, seed))),
    ]
}

#[test]
fn tokens_are_found_wherever_they_stand() {
    for seed in 1..60 {
        for (kind, token) in tokens(seed) {
            for (before, after) in [
                ("", ""),
                ("TOKEN=", "\n"),
                ("key: \"", "\","),
                ("\\n", "\\n"),
                ("?t=%3D", "&x=1"),
                ("zażółć ", " gęślą"),
            ] {
                let text = format!("{before}{token}{after}");
                let found = credentials(&text);
                let [one] = found.as_slice() else { panic!("{text}: {found:?}") };
                assert_eq!(
                    (one.kind, text.get(one.range.clone()).unwrap()),
                    (kind, token.as_str()),
                    "{text}"
                );
            }
            // In the middle of a word it is none.
            if !token.contains("T3Blbk") {
                assert_eq!(kinds(&format!("x{token}")), [""; 0], "{token}");
            }
        }
    }
}

#[test]
fn secrets_are_found_by_what_stands_before_them() {
    let secret = random(BASE62, 40, 7);
    let key = format!("AKIA{}", random(UPPER, 16, 7));
    for (text, expected) in [
        (format!("aws_secret_access_key = {secret}\n"), &["aws_secret_key"][..]),
        (format!("AWS_SECRET_ACCESS_KEY=\"{secret}\""), &["aws_secret_key"]),
        (format!("{{\"SecretAccessKey\": \"{secret}\"}}"), &["aws_secret_key"]),
        (format!("{key},{secret}\n"), &["aws_access_key", "aws_secret_key"]),
        (format!("Authorization: Bearer {secret}"), &["bearer_token"]),
        (format!("'authorization': 'bearer {secret}'"), &["bearer_token"]),
        (
            format!("Authorization: Basic {}", STANDARD.encode("app:kLq83nzP")),
            &["basic_credentials"],
        ),
        (
            format!(
                "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={}==;",
                random(BASE62, 86, 3)
            ),
            &["azure_key"],
        ),
        (format!("Endpoint=sb://x/;SharedAccessKey={}=", random(BASE62, 43, 3)), &["azure_key"]),
        (format!("secret: Ab18Q~{}", random(BASE62, 34, 3)), &["azure_secret"]),
        (
            format!("https://a.blob.core.windows.net/c?sv=1&sig={}%3D", random(BASE62, 43, 3)),
            &["url_signature"],
        ),
        (
            format!(
                "https://hooks.slack.com/services/T01AB2CD3/B01AB2CD3/{}",
                random(BASE62, 24, 3)
            ),
            &["slack_webhook"],
        ),
        (format!("shpat_{}", random(HEX, 32, 5)), &["shopify_token"]),
    ] {
        assert_eq!(kinds(&text), expected, "{text}");
    }
}

#[test]
fn passwords_in_connection_strings_are_found_alone() {
    for (text, password) in [
        ("DATABASE_URL=postgres://app:kLq83nzP@db.internal:5432/app", "kLq83nzP"),
        ("mongodb+srv://app:p%40ss-9Xq@c0.ab1cd.mongodb.net/?w=1", "p%40ss-9Xq"),
        ("\"amqps://svc:Zu7+tR2q@mq/vhost\"", "Zu7+tR2q"),
        ("redis://:b7F2kd93@cache:6379", "b7F2kd93"),
        ("mysql://root:S3cur3!x@10.0.0.3/app", "S3cur3!x"),
        ("git clone https://ci:kLq83nzPvv@git.example.org/x.git", "kLq83nzPvv"),
        ("jdbc:postgresql://db/app?user=app&password=kLq83nzP", "kLq83nzP"),
        ("Server=db;User Id=app;Password=kLq83nzP;Encrypt=true", "kLq83nzP"),
        ("host=db dbname=app password='kLq 83nzP'", "kLq 83nzP"),
    ] {
        let found = credentials(text);
        let [one] = found.as_slice() else { panic!("{text}: {found:?}") };
        assert_eq!((one.kind, text.get(one.range.clone()).unwrap()), ("password", password));
    }
}

#[test]
fn a_token_of_parts_is_read_before_it_is_judged() {
    let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let header = part(r#"{"alg":"HS256","typ":"JWT"}"#);
    let token = format!("{header}.{}.{}", part(r#"{"sub":"ada","exp":1}"#), random(BASE62, 43, 9));
    let text = format!("cookie={token}; path=/");
    assert_eq!(credentials(&text), [Credential { range: 7..7 + token.len(), kind: "jwt" }]);
    let example = format!("{header}.{}.{}", part(r#"{"sub":"1234567890"}"#), random(BASE62, 43, 9));
    assert_eq!(kinds(&example), [""; 0]);
    assert_eq!(kinds(&format!("{}.{}.x", part(r#"{"a":1}"#), part("{}"))), [""; 0]);
}

#[test]
fn private_keys_go_line_by_line() {
    let line = |seed| random(BASE62, 64, seed);
    let key = format!(
        "a\n-----BEGIN RSA PRIVATE KEY-----\n{}\n{}\nab1=\n-----END RSA PRIVATE KEY-----\nb\n",
        line(1),
        line(2)
    );
    let found = credentials(&key);
    assert_eq!(found.len(), 3);
    assert_eq!(key.get(found[0].range.clone()).unwrap(), line(1));
    assert_eq!(key.get(found[2].range.clone()).unwrap(), "ab1=");
    // Cut off, encrypted, indented, in a string, in a diff, in JSON.
    let head = "-----BEGIN PRIVATE KEY-----";
    for (text, lines) in [
        (format!("{head}\r\n{}\r\n{}", line(1), line(2)), 2),
        (
            format!(
                "{head}\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB\n\n{}\nx==\n",
                line(1)
            ),
            2,
        ),
        (format!("key: |\n  {head}\n  {}\n  {}\n", line(1), line(2)), 2),
        (format!("\"{head}\\n\" +\n    \"{}\\n\" +\n    \"{}\\n\"\n", line(1), line(2)), 2),
        (format!("+{head}\n+{}\n-{}\n {}\n", line(1), line(2), line(3)), 3),
        (
            format!(
                "{{\"private_key\": \"{head}\\n{}\\n{}\\n-----END PRIVATE KEY-----\\n\"}}",
                line(1),
                line(2)
            ),
            1,
        ),
        (
            format!(
                "PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 2\n{}\n{}\nPrivate-MAC: 1\n",
                line(1),
                line(2)
            ),
            2,
        ),
    ] {
        assert_eq!(kinds(&text), vec!["private_key"; lines], "{text}");
        for one in credentials(&text) {
            assert!(one.range.len() > 2);
        }
    }
}

#[test]
fn examples_and_code_stay() {
    let hash = random(HEX, 64, 4);
    let blob = random(BASE62, 200, 4);
    for text in [
        "token = \"ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "ghp_1234567890123456789012345678901234567890",
        "GITHUB_TOKEN=ghp_yourtokenhereyourtokenhereyourtokenhe",
        "AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "postgres://user:password@localhost:5432/db",
        "postgres://postgres:postgres@localhost/postgres",
        "postgresql://app:${DB_PASSWORD}@db/app",
        "mongodb://<user>:<password>@host/",
        "redis://:password@localhost",
        "mysql://root:root@127.0.0.1",
        "amqp://guest:guest@localhost:5672",
        "https://user:pass@example.com/",
        "format!(\"postgres://{}:{}@{}/{}\", user, password, host, db)",
        "https://example.com:8080/@scope/package",
        "http://host/a:b@c",
        "email: ada@example.org, see https://example.org",
        "Authorization: Bearer <token>",
        "Authorization: Bearer $TOKEN",
        "Authorization: Bearer YOUR_ACCESS_TOKEN_GOES_HERE",
        "the bearer of-this-long-letter-is-welcome-here",
        "Authorization: Basic dXNlcjpwYXNzd29yZA==",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n",
        "if line.contains(\"-----BEGIN PRIVATE KEY-----\") {\n    let key = parse(line);\n}\n",
        "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ\n-----END CERTIFICATE-----\n",
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEAgAAuTANBgkqhkiG9w0BAQUFADBa\n-----END PUBLIC KEY-----\n",
        "let password = read_password()?; password=config.password",
        "def connect(host, password=None): pass",
        "curl 'https://api/?password=YOUR_PASSWORD&user=me'",
        "sk-learn-contrib/sk-proj-something-that-is-no-key-at-all-but-words",
        "npm_config_registry npm_lifecycle_event",
        "AIza... and ya29.a0 and xoxb-your-token-goes-here-please-now",
        "[redacted:github_token] postgres://a:[redacted:password]@h",
        &format!("sha256:{hash}"),
        &format!("data:image/png;base64,{blob}"),
        &format!("integrity=\"sha512-{blob}==\""),
    ] {
        assert_eq!(kinds(text), [""; 0], "{text}");
    }
}
