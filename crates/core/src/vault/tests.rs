use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

struct Place {
    directory: tempfile::TempDir,
    vault: Vault,
}

fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    Place { directory, vault: Vault { directory: Some(state), key_file: None } }
}

fn filled() -> Place {
    let place = place();
    for (name, value) in [("github", "gh-value"), ("postgres", "pg-value"), ("zed", "z")] {
        place.vault.set(name, &Secret::new(value.to_owned())).unwrap();
    }
    place
}

impl Place {
    fn store(&self) -> PathBuf {
        self.vault.path().unwrap()
    }

    fn key(&self) -> PathBuf {
        self.vault.key_path().unwrap()
    }

    fn value(&self, name: &str) -> Result<String, String> {
        let value = self.vault.get(name).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(value.expose().clone()).unwrap())
    }

    fn is_whole(&self) {
        assert_eq!(self.value("github").unwrap(), "gh-value");
        assert_eq!(self.value("postgres").unwrap(), "pg-value");
        assert_eq!(self.value("zed").unwrap(), "z");
        assert_eq!(self.vault.list().unwrap().len(), 3);
    }

    /// What each way to read says of a store with this text.
    fn refusal(&self, bytes: &[u8]) -> String {
        fs::write(self.store(), bytes).unwrap();
        let error = self.value("github").unwrap_err();
        assert_eq!(self.vault.list().unwrap_err().to_string(), error);
        assert_eq!(self.vault.rotate().unwrap_err().to_string(), error);
        assert_eq!(self.vault.remove("github").unwrap_err().to_string(), error);
        let set = self.vault.set("new", &Secret::new("x".to_owned()));
        assert_eq!(set.unwrap_err().to_string(), error);
        assert_eq!(fs::read(self.store()).unwrap(), bytes, "nothing is written over it");
        assert!(!error.contains("value"), "{error}");
        error
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_is_set_is_given() {
    let place = filled();
    place.is_whole();
    assert_eq!([mode(&place.store()), mode(&place.key())], [0o600; 2]);
    assert_eq!(mode(place.vault.directory().unwrap()), 0o700);
    let names: Vec<_> = place.vault.list().unwrap().into_iter().map(|one| one.name).collect();
    assert_eq!(names, ["github", "postgres", "zed"]);
    let text = fs::read_to_string(place.store()).unwrap();
    assert!(!text.contains("value"), "{text}");
    place.vault.set("zed", &Secret::new("other".to_owned())).unwrap();
    assert_eq!(place.value("zed").unwrap(), "other");
    place.vault.remove("zed").unwrap();
    assert!(place.value("zed").unwrap_err().contains("no secret of that name"));
    assert!(matches!(place.vault.remove("zed"), Err(VaultError::Unknown)));
}

#[test]
fn nonces_are_never_used_twice() {
    let place = filled();
    let line = || {
        let text = fs::read_to_string(place.store()).unwrap();
        text.lines().find(|line| line.starts_with("zed ")).unwrap().to_owned()
    };
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..50 {
        place.vault.set("zed", &Secret::new("same".to_owned())).unwrap();
        let line = line();
        let sealed = line.rsplit_once(' ').unwrap().1;
        assert!(seen.insert(sealed.get(..16).unwrap().to_owned()), "a nonce came again");
    }
}

#[test]
fn any_flipped_bit_is_an_error() {
    let place = filled();
    let whole = fs::read(place.store()).unwrap();
    for at in 0..whole.len() {
        let line = whole[..at].split(|&byte| byte == b'\n').count() - 1;
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            fs::write(place.store(), &bytes).unwrap();
            let error = place.value("github").unwrap_err();
            assert!(error.contains("state/secrets"), "{at}.{bit}: {error}");
            if (1..=3).contains(&line) && whole[at] != b'\n' {
                // By the name that it has now.
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let name = text.lines().nth(line).unwrap().split(' ').next().unwrap();
                assert!(error.contains(&crate::text::quoted(name)), "{at}.{bit}: {error}");
            }
        }
    }
}

#[test]
fn nothing_can_be_swapped_left_out_or_brought_back() {
    let place = filled();
    let old = fs::read_to_string(place.store()).unwrap();
    place.vault.set("github", &Secret::new("new-value".to_owned())).unwrap();
    let text = fs::read_to_string(place.store()).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let olds: Vec<&str> = old.split_inclusive('\n').collect();
    let file = |lines: &[&str]| place.refusal(lines.concat().as_bytes());
    let renamed = lines[1].replacen("github", "postgres", 1);
    let swapped = lines[2].replacen("postgres", "github", 1);
    let error = file(&[lines[0], &swapped, &renamed, lines[3], lines[4]]);
    assert!(error.contains("`github` was altered"), "{error}");
    for wrong in [
        file(&[lines[0], lines[2], lines[1], lines[3], lines[4]]),
        file(&[lines[0], lines[2], lines[3], lines[4]]),
        file(&[lines[0], lines[1], lines[1], lines[2], lines[3], lines[4]]),
        file(&[lines[0], olds[1], lines[2], lines[3], lines[4]]),
        file(&[lines[0], lines[1], lines[2], lines[3], olds[4]]),
        file(&[lines[0], lines[1], lines[2], lines[3], lines[4], lines[4]]),
    ] {
        assert!(wrong.contains("the seal over all of them"), "{wrong}");
    }
    for end in 0..text.len() {
        place.refusal(&text.as_bytes()[..end]);
    }
    fs::write(place.store(), &text).unwrap();
    assert_eq!(place.value("github").unwrap(), "new-value");
}

#[test]
fn what_others_can_read_is_refused() {
    let place = filled();
    for path in [place.store(), place.key()] {
        for exposed in [0o640, 0o604, 0o660, 0o610] {
            chmod(&path, exposed);
            let error = place.value("github").unwrap_err();
            let expected = format!("chmod 600 `{}`", path.display());
            assert!(error.contains(&expected), "{error}");
            assert!(place.vault.set("x", &Secret::new("x".to_owned())).is_err());
        }
        chmod(&path, 0o600);
    }
    chmod(&place.store(), 0o400);
    place.is_whole();
    // Only root can open what others keep to themselves; the system refuses it to anyone else.
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(place.store(), Some(65_534), None).unwrap();
        let error = place.value("github").unwrap_err();
        assert!(error.contains("belongs to another user"), "{error}");
    }
}

#[test]
fn a_key_is_never_made_where_one_is_missing() {
    let place = filled();
    let key = fs::read(place.key()).unwrap();
    fs::remove_file(place.key()).unwrap();
    let store = fs::read(place.store()).unwrap();
    assert!(place.refusal(&store).contains("doesn't hold the key of"));
    assert!(!place.key().exists());
    for wrong in [&b""[..], b"lockkeeper-key 1\n", b"lockkeeper-key 1\nAAAA\n", &key[..30], b"\xff"]
    {
        fs::write(place.key(), wrong).unwrap();
        chmod(&place.key(), 0o600);
        assert!(place.refusal(&store).contains("it is none, or damaged"));
        assert_eq!(fs::read(place.key()).unwrap(), wrong, "nothing is written over it");
    }
    key::write(&place.key(), &[&Key::generate()]).unwrap();
    assert!(place.refusal(&store).contains("doesn't hold the key of"));
}

#[test]
fn the_key_can_lie_elsewhere() {
    let Place { directory, vault } = place();
    let key_file = directory.path().join("keys/mine");
    let vault = Vault { key_file: Some(key_file.clone()), ..vault };
    let place = Place { directory, vault };
    place.vault.set("a", &Secret::new("b".to_owned())).unwrap();
    assert!(key_file.exists() && !place.store().with_file_name("secrets.key").exists());
    place.vault.rotate().unwrap();
    assert_eq!(place.value("a").unwrap(), "b");
    // What is no key file is not taken for one, nor overwritten.
    let other = place.directory.path().join("note");
    fs::write(&other, "dear diary").unwrap();
    chmod(&other, 0o600);
    let fresh = place.directory.path().join("fresh");
    let vault = Vault { directory: Some(fresh), key_file: Some(other.clone()) };
    assert!(vault.set("a", &Secret::new("b".to_owned())).is_err());
    assert_eq!(fs::read(&other).unwrap(), b"dear diary");
}

#[test]
fn rotation_survives_its_end_between_any_two_steps() {
    let place = filled();
    let [key, store] = [place.key(), place.store()].map(|path| fs::read(path).unwrap());
    assert_eq!(place.vault.rotate().unwrap(), 3);
    assert_ne!(fs::read(place.key()).unwrap(), key);
    place.is_whole();
    for steps in 0..3 {
        private::replace(&place.key(), &key).unwrap();
        private::replace(&place.store(), &store).unwrap();
        let opened = place.vault.open().unwrap().unwrap();
        let new = Key::generate();
        place.vault.announce(&new, &opened).unwrap();
        place.is_whole();
        if steps > 0 {
            place.vault.reseal(&new, &opened).unwrap();
            place.is_whole();
        }
        if steps > 1 {
            // The next one died while it wrote its draft.
            fs::write(place.key().with_file_name("secrets.key.draft"), "torn").unwrap();
        }
        assert!(place.vault.open().unwrap().unwrap().is_rotating);
        place.vault.set("zed", &Secret::new("z".to_owned())).unwrap();
        assert!(!place.vault.open().unwrap().unwrap().is_rotating, "the old key is gone");
        place.is_whole();
        assert_eq!(place.vault.rotate().unwrap(), 3);
        place.is_whole();
    }
    assert!(!place.key().with_file_name("secrets.key.draft").exists());
}

#[test]
fn siblings_lose_nothing() {
    let place = filled();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let vault = &place.vault;
            scope.spawn(move || {
                for n in 0..10 {
                    let value = Secret::new(format!("{thread}-{n}"));
                    vault.set(&format!("s{thread}.{n}"), &value).unwrap();
                }
            });
        }
        scope.spawn(|| (0..10).for_each(|_| assert!(place.vault.rotate().unwrap() >= 3)));
        scope.spawn(|| {
            for _ in 0..200 {
                assert_eq!(place.value("github").unwrap(), "gh-value");
            }
        });
    });
    assert_eq!(place.vault.list().unwrap().len(), 43);
    for thread in 0..4 {
        for n in 0..10 {
            assert_eq!(place.value(&format!("s{thread}.{n}")).unwrap(), format!("{thread}-{n}"));
        }
    }
}

#[test]
fn names_are_names() {
    for name in ["a", "GitHub", "db.prod_2-x", "0"] {
        assert!(is_name(name), "{name}");
    }
    for name in ["", ".", "-x", ".x", "a b", "a/b", "a\nb", "größe", &"x".repeat(65)] {
        assert!(!is_name(name), "{name}");
        assert!(matches!(
            place().vault.set(name, &Secret::new("x".to_owned())),
            Err(VaultError::BadName)
        ));
    }
    assert!(matches!(Vault::default().list(), Err(VaultError::NoPlace)));
}
