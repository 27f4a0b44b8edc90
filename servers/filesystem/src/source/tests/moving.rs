//! Moves between filesystems, which are copies followed by deletions; and what a kill leaves behind.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use lockkeeper_testkit::grant;

use super::*;

/// A source with the fixture's root and one on another filesystem.
fn two_filesystems(fixture: &Fixture) -> (Source, tempfile::TempDir) {
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    let here = device(&fixture.path("root"));
    let other =
        ["/dev/shm", "/run", "/var/tmp", env!("CARGO_MANIFEST_DIR")].iter().find_map(|place| {
            let directory = tempfile::tempdir_in(place).ok()?;
            (device(directory.path()) != here).then_some(directory)
        });
    let other = other.expect("a second filesystem to move to: /dev/shm, /run or /var/tmp");
    let root = |path: &Path| RootSpec { path: path.to_owned(), access: Access::ReadWrite };
    let roots = vec![root(&fixture.path("root")), root(other.path())];
    let source = Source::open(&Config { roots, ..Config::default() }).unwrap();
    (source, other)
}

fn move_to(source: &Source, from: &str, to: &Path) -> Result<u64, FsError> {
    source.move_entry(grant(), &source.entry(from)?, source.destination(to.to_str().unwrap())?)
}

#[test]
fn a_tree_moves_to_another_filesystem_whole() {
    let fixture = Fixture::new();
    fixture.write("root/tree/deep/run.sh", "#!/bin/sh\n");
    fixture.write("root/tree/.env", "TOKEN=1");
    fixture.write("root/tree/.git/config", "[core]\n");
    fixture.write("root/tree/.lockkeeper-0123456789abcdef.tmp", "left over");
    fixture.link("root/tree/link", "deep/run.sh");
    let script = fixture.path("root/tree/deep/run.sh");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o750)).unwrap();
    let modified = fs::metadata(&script).unwrap().modified().unwrap();
    let (source, other) = two_filesystems(&fixture);
    let to = other.path().join("new/tree");
    // As within one filesystem: what is hidden goes along and stays hidden.
    assert_eq!(move_to(&source, "tree", &to).unwrap(), 7);
    assert!(!fixture.path("root/tree").exists());
    assert_eq!(fs::read(to.join(".env")).unwrap(), b"TOKEN=1");
    assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("deep/run.sh"));
    let script = fs::metadata(to.join("deep/run.sh")).unwrap();
    assert_eq!((script.mode() & 0o777, script.modified().unwrap()), (0o750, modified));
    assert!(!to.join(".lockkeeper-0123456789abcdef.tmp").exists());
    assert_eq!(move_to(&source, "a.txt", &other.path().join("a.txt")).unwrap(), 1);
    assert!(!fixture.path("root/a.txt").exists());
    assert_eq!(fs::read(other.path().join("a.txt")).unwrap(), b"inside\n");
    fixture.write("root/a.txt", "second");
    let taken = move_to(&source, "a.txt", &other.path().join("a.txt"));
    assert!(matches!(taken, Err(FsError::Exists { .. })));
    assert_eq!(fs::read(fixture.path("root/a.txt")).unwrap(), b"second");
}

#[test]
fn what_changes_during_a_move_is_not_lost() {
    let fixture = Fixture::new();
    let (source, other) = two_filesystems(&fixture);
    let mut left_behind = 0;
    for round in 0..100 {
        if left_behind == 3 {
            break;
        }
        for i in 0..30 {
            fixture.write(&format!("root/tree/{i:02}"), "old");
        }
        let to = other.path().join(format!("tree{round}"));
        let log = fixture.path("root/tree/log");
        fs::write(&log, "").unwrap();
        let written = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut written = 0_usize;
                // Until it has moved away; as a program that holds no file open.
                while let Ok(()) = fs::metadata(&log).map(drop) {
                    fs::write(fixture.path("root/tree").join(format!("new{written}")), "new")
                        .ok()?;
                    written += 1;
                    if written > 200 {
                        break;
                    }
                }
                Some(written)
            });
            match move_to(&source, "tree", &to) {
                Ok(_) => {}
                Err(FsError::LeftBehind { .. }) => left_behind += 1,
                Err(error) => panic!("{error}"),
            }
            writer.join().unwrap()
        });
        for i in 0..written.unwrap_or(0) {
            let name = format!("new{i}");
            let old = fixture.path("root/tree").join(&name);
            assert!(old.exists() || to.join(&name).exists(), "{name} is lost");
        }
        assert_eq!(fs::read(to.join("07")).unwrap(), b"old");
        drop(fs::remove_dir_all(fixture.path("root/tree")));
    }
    assert!(left_behind > 0, "nothing ever changed during a move");
}

#[test]
fn what_a_kill_left_behind_is_swept_and_what_is_in_use_is_not() {
    let fixture = Fixture::new();
    let (mut source, other) = two_filesystems(&fixture);
    let name = |n: u8| format!("root/sub/.lockkeeper-{n:016x}.tmp");
    for n in 0..3 {
        fixture.write(&name(n), "left over");
    }
    fixture.write(&format!("{}/deep/file", name(3)), "half a copy");
    fixture.write("root/sub/.lockkeeper-mine.tmp", "not one of ours");
    let in_use = fs::File::open(fixture.path(&name(1))).unwrap();
    in_use.try_lock().unwrap();
    let write = |source: &Source, path: &str| {
        source.overwrite_file(grant(), source.target(path).unwrap(), "x").unwrap();
    };
    // None of it exists for agents.
    assert!(source.locate("sub/.lockkeeper-0000000000000000.tmp").is_err());
    assert_eq!(
        find(&source, "*"),
        [
            format!("{}/a.txt", fixture.text("root")),
            fixture.text("root/sub"),
            fixture.text("root/sub/b.txt")
        ]
    );
    write(&source, "sub/b.txt");
    assert!(fixture.path(&name(0)).exists(), "too young to be abandoned");
    source.swept.abandoned = Duration::ZERO;
    write(&source, "a.txt");
    assert!(fixture.path(&name(0)).exists(), "another directory was written");
    source.swept = stage::Swept::default();
    source.swept.abandoned = Duration::ZERO;
    write(&source, "sub/b.txt");
    let left: Vec<bool> = (0..4).map(|n| fixture.path(&name(n)).exists()).collect();
    assert_eq!(left, [false, true, false, false]);
    assert!(fixture.path("root/sub/.lockkeeper-mine.tmp").exists());
    // A directory goes with what is left over in it, and it is nobody's to make.
    let target = source.entry("sub").unwrap();
    let forged = source.target("sub/.lockkeeper-0123456789abcdef.tmp").map(drop);
    assert!(matches!(forged, Err(FsError::NotFound { .. })));
    source.delete(grant(), &[target], true).unwrap();
    assert!(!fixture.path("root/sub").exists());
    drop(other);
}
