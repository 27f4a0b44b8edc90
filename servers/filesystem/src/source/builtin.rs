//! The names under which secrets usually lie, denied unless `--allow` lifts them. Compared without
//! regard to ASCII case, by plain tables: this runs once for every entry of every walk.

use super::names;

/// Names of files and directories that are secret wherever they lie.
const NAMES: &[&str] = &[
    ".bash_history",
    ".dockercfg",
    ".env",
    ".envrc",
    ".git-credentials",
    ".gnupg",
    ".htpasswd",
    ".my.cnf",
    ".mysql_history",
    ".netrc",
    ".npmrc",
    ".password-store",
    ".pgpass",
    ".psql_history",
    ".pypirc",
    ".s3cfg",
    ".vault-token",
    ".zsh_history",
    "_netrc",
    "application_default_credentials.json",
    "credentials.json",
    "credentials.tfrc.json",
    "kubeconfig",
    "pgpass.conf",
    "rclone.conf",
    "secrets.json",
    "secrets.toml",
    "secrets.yaml",
    "secrets.yml",
];

/// Private keys and key stores.
const EXTENSIONS: &[&str] =
    &["env", "jks", "kdbx", "key", "keystore", "p12", "pem", "pfx", "ppk", "tfstate"];

/// Names that are secret only in a directory of a certain name.
const PAIRS: &[(&str, &str)] = &[
    (".aws", "credentials"),
    (".aws", "sso"),
    (".azure", "*"),
    (".cargo", "credentials"),
    (".cargo", "credentials.toml"),
    (".config", "gcloud"),
    (".docker", "config.json"),
    (".gem", "credentials"),
    (".kube", "config"),
    ("etc", "gshadow"),
    ("etc", "shadow"),
    ("gh", "hosts.yml"),
];

/// Names that hide a file which only shows how a secret one would look.
const SAMPLES: &[&str] = &["dist", "example", "sample", "template"];

/// Key files of SSH, also with an ending such as `.bak`; `.pub` is public.
const SSH_KEYS: &[&str] =
    &["id_dsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "id_rsa"];

/// What editors and people append to the name of a copy.
const COPIES: &[&str] = &["~", ".bak", ".old", ".orig", ".save", ".swp", ".swo"];

/// The longest name in the tables has fewer bytes; longer names match by their end only.
const LONGEST: usize = 64;

/// Whether the last component of `path` is secret by itself (a directory above it is asked about
/// separately).
pub(super) fn denies(path: &[u8]) -> bool {
    let mut room = [0_u8; LONGEST];
    let name = names::name(path);
    let lower = match room.get_mut(..name.len()) {
        Some(lower) => {
            lower.copy_from_slice(name);
            lower.make_ascii_lowercase();
            std::str::from_utf8(lower).unwrap_or_default()
        }
        // Too long for the tables; its ending still counts.
        None => "",
    };
    if lower.is_empty() {
        let Some(ending) = extension(name) else { return false };
        return EXTENSIONS.iter().any(|secret| ending.eq_ignore_ascii_case(secret.as_bytes()));
    }
    let original = original(lower);
    by_name(original) || by_parent(path, original) || (original != lower && by_parent(path, lower))
}

/// Whether `directory` is one of those in which some names are secret.
pub(super) fn is_pair_directory(directory: &[u8]) -> bool {
    directory.eq_ignore_ascii_case(b".ssh")
        || PAIRS.iter().any(|(name, _)| directory.eq_ignore_ascii_case(name.as_bytes()))
}

/// The name of which `name` is a copy: `.env` for `.env~`, `.env.bak` and `..env.swp`.
fn original(name: &str) -> &str {
    for ending in COPIES {
        if let Some(stem) = name.strip_suffix(ending)
            && !stem.is_empty()
        {
            let hidden = ending.starts_with(".sw");
            return stem.strip_prefix('.').filter(|_| hidden).unwrap_or(stem);
        }
    }
    name
}

fn by_name(name: &str) -> bool {
    if NAMES.binary_search(&name).is_ok() {
        return true;
    }
    if let Some(rest) = name.strip_prefix(".env.") {
        return !SAMPLES.contains(&rest);
    }
    if let Some((stem, ending)) = name.rsplit_once('.')
        && EXTENSIONS.contains(&ending)
    {
        return ending != "env" || !SAMPLES.contains(&stem);
    }
    if name.starts_with("id_") {
        let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
        let is_key = |key: &&str| {
            name.strip_prefix(*key)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '-']))
        };
        return stem == name && SSH_KEYS.iter().any(is_key);
    }
    let is_json = || extension(name.as_bytes()) == Some(b"json");
    (name.starts_with("service-account") && is_json())
        || (name.starts_with("service_account") && is_json())
        || (name.starts_with("client_secret") && is_json())
        || (name.contains("-adminsdk-") && is_json())
        || name.contains(".tfstate.")
}

fn by_parent(path: &[u8], name: &str) -> bool {
    let Some(slash) = memchr::memrchr(b'/', path) else { return false };
    let above = path.get(..slash).unwrap_or_default();
    let parent = names::name(above);
    if parent.eq_ignore_ascii_case(b".ssh") {
        let public = extension(name.as_bytes()) == Some(b"pub")
            || matches!(name, "config" | "authorized_keys")
            || name.starts_with("known_hosts");
        return !public;
    }
    PAIRS.iter().any(|&(directory, secret)| {
        (secret == "*" || secret == name) && parent.eq_ignore_ascii_case(directory.as_bytes())
    })
}

fn extension(name: &[u8]) -> Option<&[u8]> {
    let dot = memchr::memrchr(b'.', name)?;
    name.get(dot + 1..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_for_the_binary_search() {
        assert!(NAMES.is_sorted());
        assert!(NAMES.iter().all(|name| name.len() < LONGEST));
    }

    #[test]
    fn secrets_are_denied_and_their_look_alikes_are_not() {
        for secret in [
            ".env",
            "a/.ENV",
            ".env.local",
            "x/id_rsa",
            "id_ed25519.bak",
            "server.PEM",
            "a.key",
            ".ssh/github",
            "home/.aws/credentials",
            ".docker/config.json",
            ".kube/config",
            ".config/gh/hosts.yml",
            ".config/gcloud",
            ".azure/x",
            ".gnupg",
            "terraform.tfstate",
            "terraform.tfstate.backup",
            "service-account-7.json",
            "etc/shadow",
            "secrets.yml",
            ".env~",
            "..env.swp",
            "prod.env",
            "id_rsa_work",
            "server.key.bak",
            ".aws/credentials.bak",
            ".aws/sso",
            "kubeconfig",
            "app-firebase-adminsdk-1.json",
        ] {
            assert!(denies(secret.as_bytes()), "{secret}");
        }
        for plain in [
            ".env.example",
            ".env.sample",
            ".env.template",
            ".env.dist",
            "key.rs",
            "src/id_rsa.rs",
            "id_rsa.pub",
            ".ssh/config",
            ".ssh/known_hosts",
            ".ssh/id_rsa.pub",
            ".aws/config",
            ".git/config",
            "config.json",
            "kube/config",
            "environment",
            "secrets.rs",
            "shadow.rs",
            "dom/shadow",
            "example.env",
            "id_rsa_test.rs",
            "notes.bak",
        ] {
            assert!(!denies(plain.as_bytes()), "{plain}");
        }
    }
}
