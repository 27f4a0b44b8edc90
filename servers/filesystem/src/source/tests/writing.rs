//! Nothing outside a root is ever written, and nothing is lost by writing.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::sync::atomic::{AtomicBool, Ordering};

use lockkeeper_testkit::grant;

use super::*;

fn writable(fixture: &Fixture) -> Source {
    let mut config = fixture.config();
    config.roots[0].access = Access::ReadWrite;
    Source::open(&config).unwrap()
}

fn create(source: &Source, path: &str, text: &str) -> Result<Written, FsError> {
    source.create_file(grant(), source.target(path)?, text)
}

fn overwrite(source: &Source, path: &str, text: &str) -> Result<Written, FsError> {
    source.overwrite_file(grant(), source.target(path)?, text)
}

fn append(source: &Source, path: &str, text: &str) -> Result<Written, FsError> {
    source.append_to_file(grant(), source.target(path)?, text, None)
}

fn rename(source: &Source, from: &str, to: &str) -> Result<u64, FsError> {
    source.move_entry(grant(), &source.entry(from)?, source.destination(to)?)
}

fn copy(source: &Source, from: &str, to: &str) -> Result<u64, FsError> {
    source.copy_entry(grant(), &source.original(from)?, source.destination(to)?)
}

fn delete(source: &Source, path: &str, recursive: bool) -> Result<u64, FsError> {
    source.delete(grant(), &[source.entry(path)?], recursive)
}

fn no_leftovers(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        assert!(!name.to_str().unwrap().starts_with(".lockkeeper-"), "{name:?}");
        if entry.file_type().unwrap().is_dir() {
            no_leftovers(&entry.path());
        }
    }
}

#[test]
fn files_are_created_replaced_and_appended_to() {
    let fixture = Fixture::new();
    let source = writable(&fixture);
    let made = create(&source, "new/deep/file.txt", "one\n").unwrap();
    assert_eq!((made.path.as_str(), made.bytes, made.created), ("new/deep/file.txt", 4, true));
    let seen = source.locate("new/deep/file.txt").unwrap().version();
    assert_eq!(made.version, seen);
    assert!(matches!(create(&source, "a.txt", "x"), Err(FsError::Exists { .. })));
    assert!(matches!(create(&source, "sub", "x"), Err(FsError::Exists { .. })));
    let target = source.target("new/deep/file.txt").unwrap();
    let replaced = source.replace_file(grant(), target, "two\n", &seen).unwrap();
    assert!(!replaced.created);
    let target = source.target("new/deep/file.txt").unwrap();
    let stale = source.replace_file(grant(), target, "three\n", &seen).unwrap_err();
    assert!(stale.to_string().ends_with(&format!("it is at `{}`", replaced.version)), "{stale}");
    append(&source, "new/deep/file.txt", "more\n").unwrap();
    append(&source, "fresh.txt", "first\n").unwrap();
    assert_eq!(read(&source, "new/deep/file.txt").unwrap(), "two\nmore\n");
    assert_eq!(read(&source, "fresh.txt").unwrap(), "first\n");
    no_leftovers(&fixture.path("root"));
}

#[test]
fn only_roots_for_writing_are_written() {
    let fixture = Fixture::new();
    fixture.write("root/locked/c.txt", "c\n");
    let mut config = fixture.config();
    config.roots[0].access = Access::ReadWrite;
    config.roots.push(RootSpec { path: fixture.path("root/locked"), access: Access::ReadOnly });
    let source = Source::open(&config).unwrap();
    for path in ["locked/c.txt", "locked/new.txt", "locked/new/x"] {
        assert!(matches!(source.target(path), Err(FsError::ReadOnly { .. })), "{path}");
    }
    assert!(matches!(delete(&source, "locked", true), Err(FsError::IsRoot { .. })));
    assert!(matches!(source.target(""), Err(FsError::IsRoot { .. })));
    fixture.write("root/outer/inner/x", "x\n");
    config.roots[1].path = fixture.path("root/outer/inner");
    let source = Source::open(&config).unwrap();
    assert!(matches!(delete(&source, "outer", true), Err(FsError::Protected { .. })));
    assert!(matches!(rename(&source, "outer", "other"), Err(FsError::Protected { .. })));
    assert!(matches!(overwrite(&fixture.source(), "a.txt", "x"), Err(FsError::ReadOnly { .. })));
    assert_eq!(read(&source, "outer/inner/x").unwrap(), "x\n");
}

#[test]
fn nothing_outside_is_written() {
    let fixture = Fixture::new();
    fixture.link("root/file", fixture.path("outside/secret.txt"));
    fixture.link("root/dir", fixture.path("outside"));
    fixture.link("root/dangling", fixture.path("outside/new.txt"));
    fixture.link("root/twin", "../root_private/a.txt");
    let source = writable(&fixture);
    for path in [
        "file",
        "dir/secret.txt",
        "dir/new.txt",
        "dangling",
        "twin",
        "../outside/secret.txt",
        "sub/../../outside/new.txt",
        "/tmp/new.txt",
    ] {
        assert!(matches!(source.target(path), Err(FsError::Outside { .. })), "{path}");
    }
    for path in ["missing/../../outside/new.txt", "missing/../x", "a.txt/x"] {
        assert!(matches!(source.target(path), Err(FsError::NotFound { .. })), "{path}");
    }
    let to = fixture.text("root_private/a.txt");
    assert!(matches!(rename(&source, "a.txt", &to), Err(FsError::Outside { .. })));
    // The link itself is inside.
    assert_eq!(delete(&source, "file", false).unwrap(), 1);
    assert_eq!(delete(&source, "dir", true).unwrap(), 1);
    assert_eq!(fs::read(fixture.path("outside/secret.txt")).unwrap(), b"SECRET outside\n");
}

#[test]
fn what_is_hidden_is_not_written_and_git_is_left_to_git() {
    let fixture = Fixture::new();
    fixture.write("root/.env", "SECRET");
    fixture.write("root/project/.env", "SECRET");
    fixture.write("root/repo/.git/config", "[core]\n");
    fixture.link("root/hooks", "repo/.git");
    let source = writable(&fixture);
    for path in [".env", "new/.env.local", "x/id_rsa"] {
        assert!(matches!(overwrite(&source, path, "x"), Err(FsError::NotFound { .. })), "{path}");
    }
    assert!(matches!(rename(&source, "a.txt", "sub/.env"), Err(FsError::NotFound { .. })));
    for path in ["repo/.git/config", "repo/.git/hooks/x", "hooks/config", ".GIT/x", "sub/.git"] {
        let refused = overwrite(&source, path, "x");
        assert!(matches!(refused, Err(FsError::GitInternals { .. })), "{path}");
    }
    for path in ["repo", "project"] {
        assert!(matches!(delete(&source, path, true), Err(FsError::Protected { .. })), "{path}");
        assert!(matches!(copy(&source, path, "copy"), Err(FsError::Protected { .. })), "{path}");
    }
    // What was hidden is hidden at the new place as well.
    assert_eq!(rename(&source, "project", "renamed").unwrap(), 2);
    assert_eq!(fs::read(fixture.path("root/renamed/.env")).unwrap(), b"SECRET");
    let mut config =
        Config { deny: vec![ScopePattern::new("/private/x", "--deny")], ..fixture.config() };
    config.roots[0].access = Access::ReadWrite;
    config.allow_git = true;
    fixture.write("root/private/x", "SECRET");
    let source = Source::open(&config).unwrap();
    assert!(matches!(rename(&source, "private", "public"), Err(FsError::Protected { .. })));
    overwrite(&source, "repo/.git/config", "new\n").unwrap();
}

#[test]
fn mode_and_link_survive_a_rewrite_and_hard_links_are_refused() {
    let fixture = Fixture::new();
    let source = writable(&fixture);
    fixture.link("root/link", "sub/b.txt");
    fs::set_permissions(fixture.path("root/sub/b.txt"), fs::Permissions::from_mode(0o640)).unwrap();
    overwrite(&source, "link", "new\n").unwrap();
    assert!(fixture.path("root/link").is_symlink());
    let stat = fs::metadata(fixture.path("root/sub/b.txt")).unwrap();
    assert_eq!((stat.mode() & 0o7777, stat.len()), (0o640, 4));
    fs::hard_link(fixture.path("root/a.txt"), fixture.path("outside/name.txt")).unwrap();
    for refused in [overwrite(&source, "a.txt", "x"), append(&source, "a.txt", "x")] {
        assert!(matches!(refused, Err(FsError::HardLinked { links: 2, .. })));
    }
    assert_eq!(read(&source, "a.txt").unwrap(), "inside\n");
    // A copy is a file of its own.
    copy(&source, "a.txt", "own.txt").unwrap();
    overwrite(&source, "own.txt", "x").unwrap();
    assert_eq!(fs::read(fixture.path("outside/name.txt")).unwrap(), b"inside\n");
    no_leftovers(&fixture.path("root"));
}

#[test]
fn encodings_survive_and_what_they_lack_is_refused() {
    let fixture = Fixture::new();
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    fixture.write("root/16.txt", [&[0xFF, 0xFE][..], &utf16("Straße\r\n")].concat());
    fixture.write("root/latin.txt", b"Stra\xdfe f\xfcr Gr\xfc\xdfe\n");
    let source = writable(&fixture);
    overwrite(&source, "16.txt", "日本\n").unwrap();
    append(&source, "16.txt", "ü").unwrap();
    let expected = [&[0xFF, 0xFE][..], &utf16("日本\nü")].concat();
    assert_eq!(fs::read(fixture.path("root/16.txt")).unwrap(), expected);
    append(&source, "latin.txt", "ö\n").unwrap();
    assert_eq!(
        fs::read(fixture.path("root/latin.txt")).unwrap(),
        b"Stra\xdfe f\xfcr Gr\xfc\xdfe\n\xf6\n"
    );
    let refused = overwrite(&source, "latin.txt", "日").unwrap_err();
    assert_eq!(refused.to_string(), "`latin.txt` is in windows-1252, which has no 日 (U+65E5)");
    assert!(read(&source, "latin.txt").unwrap().starts_with("Straße"));
    no_leftovers(&fixture.path("root"));
}

#[test]
fn moving_never_overwrites_unasked() {
    let fixture = Fixture::new();
    let source = writable(&fixture);
    fixture.write("root/dir/x/y.txt", "y\n");
    fixture.link("root/dir/up", "../a.txt");
    for (from, to) in [("a.txt", "sub/b.txt"), ("a.txt", "sub"), ("dir", "sub"), ("sub", "a.txt")] {
        assert!(matches!(rename(&source, from, to), Err(FsError::Exists { .. })), "{from} {to}");
        assert!(matches!(copy(&source, from, to), Err(FsError::Exists { .. })), "{from} {to}");
    }
    assert!(matches!(rename(&source, "dir", "dir/in"), Err(FsError::IntoItself { .. })));
    assert!(matches!(copy(&source, "dir", "dir/in"), Err(FsError::IntoItself { .. })));
    assert_eq!(copy(&source, "dir", "made/copy").unwrap(), 4);
    assert_eq!(read(&source, "made/copy/x/y.txt").unwrap(), "y\n");
    assert!(fixture.path("root/made/copy/up").is_symlink());
    assert_eq!(rename(&source, "dir", "moved").unwrap(), 4);
    assert_eq!(rename(&source, "a.txt", "deep/er/a.txt").unwrap(), 1);
    let over = |from: &str, to: &str| {
        source.move_over(grant(), &source.entry(from).unwrap(), source.destination(to).unwrap())
    };
    assert_eq!(over("deep/er/a.txt", "sub/b.txt").unwrap(), 1);
    assert_eq!(read(&source, "sub/b.txt").unwrap(), "inside\n");
    assert!(matches!(over("sub/b.txt", "moved"), Err(FsError::NotAFile { .. })));
    let _fifo = rustix::fs::mkfifoat(
        rustix::fs::CWD,
        fixture.path("root/moved/fifo"),
        rustix::fs::Mode::from_raw_mode(0o644),
    );
    assert!(copy(&source, "moved", "again").is_err());
    assert!(!fixture.path("root/again").exists());
    assert!(matches!(overwrite(&source, "moved/fifo", "x"), Err(FsError::Special { .. })));
    no_leftovers(&fixture.path("root"));
}

#[test]
fn directories_are_deleted_only_when_meant() {
    let fixture = Fixture::new();
    let source = writable(&fixture);
    fixture.link("root/sub/out", fixture.path("outside"));
    assert!(matches!(delete(&source, "sub", false), Err(FsError::NotEmpty { .. })));
    assert!(matches!(delete(&source, "nothing", true), Err(FsError::NotFound { .. })));
    let both = [source.entry("sub").unwrap(), source.entry("sub/b.txt").unwrap()];
    assert_eq!(source.delete(grant(), &both, true).unwrap(), 3);
    assert!(fixture.path("outside/secret.txt").exists());
    assert!(source.create_directory(grant(), source.target("x/y/z").unwrap()).unwrap());
    assert!(!source.create_directory(grant(), source.target("x/y/z").unwrap()).unwrap());
    let file = source.create_directory(grant(), source.target("a.txt").unwrap());
    assert!(matches!(file, Err(FsError::Exists { .. })));
    assert_eq!(delete(&source, "x/y/z", false).unwrap(), 1);
}

/// `root/swap` is a directory inside and a link to one outside, exchanged as fast as it goes.
#[test]
fn a_directory_swapped_for_a_link_lets_nothing_out() {
    let fixture = Fixture::new();
    fixture.write("root/swap/a.txt", "inside\n");
    fixture.write("outside/a.txt", "SECRET\n");
    fs::create_dir(fixture.path("outside/deep")).unwrap();
    fixture.link("root/other", fixture.path("outside"));
    let source = writable(&fixture);
    let done = AtomicBool::new(false);
    let (mut written, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(
                    rustix::fs::CWD,
                    fixture.path("root/swap"),
                    rustix::fs::CWD,
                    fixture.path("root/other"),
                    rustix::fs::RenameFlags::EXCHANGE,
                )
                .unwrap();
                // Long enough for some writes to find their way between two swaps.
                (0..20_000).for_each(|_| std::hint::spin_loop());
            }
        });
        for i in 0..1_000_000 {
            // On a busy machine the swaps may leave few moments.
            if i >= 10_000 && written > 100 && refused > 100 {
                break;
            }
            let done = match i % 6 {
                0 => overwrite(&source, "swap/a.txt", "new\n").map(drop),
                1 => create(&source, &format!("swap/deep/{i}.txt"), "x").map(drop),
                2 => append(&source, "swap/log.txt", "x").map(drop),
                3 => rename(&source, "swap/log.txt", &format!("swap/moved{i}")).map(drop),
                4 => source
                    .target(&format!("swap/d{i}/e"))
                    .and_then(|target| source.create_directory(grant(), target))
                    .map(drop),
                _ => delete(&source, &format!("swap/moved{}", i - 2), false).map(drop),
            };
            if done.is_ok() { written += 1 } else { refused += 1 }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(written > 0 && refused > 0, "{written} written, {refused} refused");
    let mut outside: Vec<String> = fs::read_dir(fixture.path("outside"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    outside.sort();
    assert_eq!(outside, ["a.txt", "deep", "secret.txt"]);
    assert_eq!(fs::read_dir(fixture.path("outside/deep")).unwrap().count(), 0);
    assert_eq!(fs::read(fixture.path("outside/a.txt")).unwrap(), b"SECRET\n");
}

#[test]
fn a_batch_that_fails_late_is_taken_back() {
    use super::super::batch::Change;
    use super::super::document::Document;
    let fixture = Fixture::new();
    let source = writable(&fixture);
    let opened = |path: &str| {
        let target = source.target(path).unwrap();
        let document = Document::read(&target).unwrap().unwrap();
        (target, document)
    };
    let (a, b) = (opened("a.txt"), opened("sub/b.txt"));
    fixture.write("root/gone.txt", "gone\n");
    let gone = opened("gone.txt");
    let new = source.target("new/deep/file.txt").unwrap();
    let changes = vec![
        Change::replace(a.0, a.1, "changed\n").unwrap(),
        Change::Create { target: new, bytes: b"new".to_vec(), like: None },
        Change::Delete { target: gone.0, current: gone.1.current },
        Change::replace(b.0, b.1, "changed\n").unwrap(),
    ];
    // Somebody else writes it in between.
    fixture.write("root/sub/b.txt", "theirs, and longer\n");
    assert!(matches!(source.make_all(changes), Err(FsError::Stale { .. })));
    assert_eq!(read(&source, "a.txt").unwrap(), "inside\n");
    assert_eq!(read(&source, "sub/b.txt").unwrap(), "theirs, and longer\n");
    assert_eq!(read(&source, "gone.txt").unwrap(), "gone\n");
    assert!(!fixture.path("root/new").exists());
    no_leftovers(&fixture.path("root"));
}

#[test]
fn the_diff_of_two_texts_makes_one_of_the_other() {
    let fixture = Fixture::new();
    let source = writable(&fixture);
    let mut state = 7_u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % below
    };
    let words = ["a", "b", "", "-- c", "++ d", "ü", "@@ e", " f"];
    for round in 0..300 {
        let crlf = round % 3 == 0;
        let end = if crlf { "\r\n" } else { "\n" };
        let mut text = || {
            let lines = (0..random(25)).map(|_| words[usize::try_from(random(8)).unwrap()]);
            let lines: Vec<&str> = lines.collect();
            let open = lines.is_empty() || (!crlf && random(3) == 0);
            lines.join(end) + if open { "" } else { end }
        };
        let (old, new) = (text(), text());
        if old == new || old.is_empty() || new.is_empty() {
            continue;
        }
        fixture.write("root/text", &old);
        let diff = Diff::of(
            &old,
            &new,
            DiffOptions::with_context(u32::try_from(round % 4).unwrap(), Outside::default()),
        )
        .hunks
        .concat();
        let patch = format!("--- text\n+++ text\n{diff}");
        source.apply_patch(grant(), &patch).unwrap_or_else(|e| panic!("{e}: {old:?} {patch}"));
        let now = String::from_utf8(fs::read(fixture.path("root/text")).unwrap()).unwrap();
        assert_eq!(now, new, "{old:?}\n{patch}");
    }
}

#[test]
fn changes_at_the_same_time_take_turns() {
    let fixture = Fixture::new();
    let source = writable(&fixture);
    create(&source, "shared.txt", "end\n").unwrap();
    let edit = |line: String| {
        let edits = [Edit {
            old_text: "end\n".into(),
            new_text: format!("{line}\nend\n"),
            replace_all: false,
        }];
        source.edit_file(grant(), &source.target("shared.txt")?, &edits, None).map(drop)
    };
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || (0..10).for_each(|n| edit(format!("{thread}-{n}")).unwrap()));
        }
    });
    let text = fs::read_to_string(fixture.path("root/shared.txt")).unwrap();
    for thread in 0..8 {
        assert!((0..10).all(|n| text.contains(&format!("{thread}-{n}\n"))), "{text}");
    }
}

#[test]
fn what_is_only_read_can_be_copied_but_not_moved() {
    let fixture = Fixture::new();
    let mut config = fixture.config();
    fs::create_dir(fixture.path("root/rw")).unwrap();
    let mut second = config.roots[0].clone();
    second.path = fixture.path("root/rw");
    second.access = Access::ReadWrite;
    config.roots.push(second);
    let source = Source::open(&config).unwrap();
    copy(&source, "a.txt", "rw/a.txt").unwrap();
    copy(&source, "sub", "rw/sub").unwrap();
    assert!(fixture.path("root/rw/sub").is_dir());
    assert!(matches!(rename(&source, "a.txt", "rw/b.txt"), Err(FsError::ReadOnly { .. })));
    assert!(matches!(copy(&source, "rw/a.txt", "c.txt"), Err(FsError::ReadOnly { .. })));
}

#[test]
fn one_name_of_a_file_does_not_replace_another() {
    let fixture = Fixture::new();
    let source = writable(&fixture);
    create(&source, "one", "1").unwrap();
    fs::hard_link(fixture.path("root/one"), fixture.path("root/two")).unwrap();
    let to = source.destination("two").unwrap();
    let moved = source.move_over(grant(), &source.entry("one").unwrap(), to);
    assert!(matches!(moved, Err(FsError::HardLinked { links: 2, .. })), "{moved:?}");
}
