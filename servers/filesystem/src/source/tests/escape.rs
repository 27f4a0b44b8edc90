//! Nothing outside a root is ever read, and what is hidden can't be told from what is missing.

use std::os::unix::ffi::OsStrExt as _;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

#[test]
fn links_out_of_the_root_are_refused() {
    let fixture = Fixture::new();
    fixture.link("root/file", fixture.path("outside/secret.txt"));
    fixture.link("root/dir", fixture.path("outside"));
    fixture.link("root/relative", "../outside/secret.txt");
    fixture.link("root/sub/deep", "../../outside");
    fixture.link("root/chain1", "chain2");
    fixture.link("root/chain2", "sub/deep/secret.txt");
    fixture.link("root/twin", fixture.path("root_private"));
    fixture.link("root/dangling", fixture.path("outside/nothing"));
    let source = fixture.source();
    for path in [
        "file",
        "dir/secret.txt",
        "relative",
        "sub/deep/secret.txt",
        "chain1",
        "twin/a.txt",
        "dangling",
        "dir/nothing",
        "../outside/secret.txt",
        "sub/../../outside/secret.txt",
        "..",
    ] {
        let message = refusal(&source, path);
        assert_eq!(message, format!("`{path}` lies outside the allowed directories"));
    }
    assert!(search(&source, "SECRET").is_empty());
    assert!(find(&source, "secret*").is_empty());
}

#[test]
fn a_twin_prefix_is_outside() {
    let fixture = Fixture::new();
    let source = fixture.source();
    for path in [
        fixture.text("root_private/a.txt"),
        fixture.text("root/../root_private/a.txt"),
        fixture.text("outside/secret.txt"),
        "/etc/passwd".to_owned(),
        "/".to_owned(),
    ] {
        assert!(matches!(source.locate(&path), Err(FsError::Outside { .. })), "{path}");
    }
    assert_eq!(read(&source, &fixture.text("root/a.txt")).unwrap(), "inside\n");
    assert_eq!(read(&source, &fixture.text("root//./sub/../a.txt/")).unwrap(), "inside\n");
}

#[test]
fn parents_are_resolved_and_not_cut_from_the_text() {
    let fixture = Fixture::new();
    fixture.write("root/other/c.txt", "c\n");
    fixture.link("root/link", "sub/inner");
    fixture.write("root/sub/inner/d.txt", "d\n");
    let source = fixture.source();
    // Textually `link/../b.txt` would be `b.txt` in the root.
    assert_eq!(read(&source, "link/../b.txt").unwrap(), "beneath\n");
    assert_eq!(read(&source, "sub/../other/c.txt").unwrap(), "c\n");
    assert!(matches!(source.locate("missing/../a.txt"), Err(FsError::NotFound { .. })));
    assert!(matches!(source.locate("a.txt/../a.txt"), Err(FsError::NotFound { .. })));
    assert!(matches!(source.locate("missing/../../outside"), Err(FsError::NotFound { .. })));
}

#[test]
fn links_inside_work_and_show_their_target() {
    let fixture = Fixture::new();
    fixture.link("root/absolute", fixture.path("root/sub"));
    fixture.link("root/relative", "sub/b.txt");
    fixture.link("root/loop1", "loop2");
    fixture.link("root/loop2", "loop1");
    fixture.link("alias", fixture.path("root"));
    let mut config = fixture.config();
    config.roots[0].path = fixture.path("alias");
    let source = Source::open(&config).unwrap();
    assert_eq!(read(&source, "absolute/b.txt").unwrap(), "beneath\n");
    assert_eq!(read(&source, "relative").unwrap(), "beneath\n");
    assert_eq!(source.display(&source.locate("absolute/b.txt").unwrap()), "sub/b.txt");
    // Both spellings of the root are accepted.
    assert!(source.locate(&fixture.text("alias/a.txt")).is_ok());
    assert!(source.locate(&fixture.text("root/a.txt")).is_ok());
    assert!(matches!(source.locate("loop1"), Err(FsError::TooManyLinks { .. })));
    let link = source.locate_link("relative").unwrap().unwrap();
    assert_eq!((link.path.as_str(), link.target.as_deref()), ("relative", Some("sub/b.txt")));
    assert!(source.locate_link("a.txt").unwrap().is_none());
}

#[test]
fn hidden_and_missing_answer_alike() {
    let fixture = Fixture::new();
    fixture.write("root/.env", "SECRET");
    fixture.write("root/.env.example", "shown\n");
    fixture.write("root/keys/.gnupg/ring", "SECRET");
    fixture.write("root/private/x.txt", "SECRET");
    fixture.link("root/innocent", ".env");
    fixture.link("root/folder", "private");
    let source = Source::open(&Config {
        deny: vec![ScopePattern::new("private", "--deny")],
        ..fixture.config()
    })
    .unwrap();
    for hidden in [
        ".env",
        "./.env",
        ".env/x",
        ".ENV",
        "innocent",
        "keys/.gnupg",
        "keys/.gnupg/ring",
        "private",
        "private/x.txt",
        "private/nothing",
        "folder",
        "folder/x.txt",
        "private/../a.txt",
        "sub/../.env",
        "nothing",
        "nothing/x",
        "a.txt/x",
    ] {
        let expected = format!("`{hidden}` does not exist, or is hidden by this server's rules");
        assert_eq!(refusal(&source, hidden), expected);
        assert_eq!(
            source.locate_link(hidden).map(|link| link.map(|link| link.target)).ok(),
            match hidden {
                "innocent" | "folder" => Some(Some(None)),
                _ => None,
            },
            "{hidden}"
        );
    }
    assert_eq!(read(&source, ".env.example").unwrap(), "shown\n");
    assert!(search(&source, "SECRET").is_empty());
    assert_eq!(find(&source, "*"), ["a.txt", "folder", "innocent", "keys", "sub", "sub/b.txt"]);
}

#[test]
fn fifos_sockets_and_devices_do_not_hang() {
    let fixture = Fixture::new();
    let mode = rustix::fs::Mode::from_raw_mode(0o644);
    rustix::fs::mkfifoat(rustix::fs::CWD, fixture.path("root/fifo"), mode).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(fixture.path("root/socket")).unwrap();
    fixture.link("root/null", "/dev/null");
    let source = fixture.source();
    for path in ["fifo", "socket"] {
        let located = source.locate(path).unwrap();
        assert_eq!(located.kind(), EntryKind::Special);
        assert!(matches!(located.read_bytes(10), Err(FsError::Special { .. })));
        assert!(matches!(read(&source, path), Err(FsError::Special { .. })));
    }
    assert!(matches!(source.locate("null"), Err(FsError::Outside { .. })));
    assert_eq!(search(&source, "inside"), ["a.txt"]);
}

#[test]
fn senseless_paths_get_a_clean_answer() {
    let fixture = Fixture::new();
    let source = fixture.source();
    for path in ["a\0b", &"x/".repeat(3000), &"n".repeat(256)] {
        assert!(matches!(source.locate(path), Err(FsError::InvalidPath { .. })));
    }
    let long = refusal(&source, &"long/".repeat(600));
    assert!(long.len() < 400, "{long}");
    assert!(!refusal(&source, "a\nb\x1b[31m").contains(['\n', '\x1b']));
    for top in ["", ".", "./", "/.//", "sub/.."] {
        let top = if top.starts_with('/') { fixture.text("root") + top } else { top.to_owned() };
        assert!(source.locate(&top).unwrap().is_root(), "{top}");
    }
}

#[test]
fn a_replaced_root_says_so() {
    let fixture = Fixture::new();
    let source = fixture.source();
    fs::rename(fixture.path("root"), fixture.path("moved")).unwrap();
    fixture.write("root/a.txt", "another\n");
    for path in ["", "nothing", "new.txt", "a.txt"] {
        assert!(matches!(source.locate(path), Err(FsError::RootReplaced { .. })), "{path}");
    }
}

#[test]
fn names_that_are_no_utf8_can_be_asked_for() {
    let fixture = Fixture::new();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.txt");
    fs::write(fixture.path("root").join(name), "latin\n").unwrap();
    fixture.write("root/\\x41.txt", "literal\n");
    fixture.write("root/A.txt", "letter\n");
    let source = fixture.source();
    assert_eq!(find(&source, "caf*"), ["caf\\xe9.txt"]);
    assert_eq!(read(&source, "caf\\xe9.txt").unwrap(), "latin\n");
    assert_eq!(read(&source, "\\x41.txt").unwrap(), "literal\n");
    assert_eq!(search(&source, "latin"), ["caf\\xe9.txt"]);
}

#[test]
fn the_most_specific_root_wins() {
    let fixture = Fixture::new();
    fixture.write("root/sub/private/x", "x\n");
    let mut config = fixture.config();
    config.roots.push(RootSpec { path: fixture.path("root/sub"), access: Access::ReadWrite });
    config.deny = vec![ScopePattern::new("/private", "--deny")];
    let source = Source::open(&config).unwrap();
    let beneath = source.locate("sub/b.txt").unwrap();
    assert_eq!(source.access(&beneath), Access::ReadWrite);
    assert_eq!(source.display(&beneath), fixture.text("root/sub/b.txt"));
    assert!(source.locate(&source.display(&beneath)).is_ok());
    assert_eq!(source.access(&source.locate("a.txt").unwrap()), Access::ReadOnly);
    // A rule anchored at the inner root also counts for those who come from the outer one.
    assert!(matches!(source.locate("sub/private/x"), Err(FsError::NotFound { .. })));
    assert_eq!(find(&source, "private*"), Vec::<String>::new());
    assert_eq!(find(&source, "sub/**").len(), 1);
}

/// `root/swap` is a directory inside and a link to one outside, exchanged as fast as it goes.
#[test]
fn a_directory_swapped_for_a_link_leaks_nothing() {
    let fixture = Fixture::new();
    for name in ["a.txt", "deep/a.txt"] {
        fixture.write(&format!("root/swap/{name}"), "inside\n");
        fixture.write(&format!("outside/{name}"), "SECRET\n");
    }
    fixture.link("link", fixture.path("outside"));
    let source = fixture.source();
    let done = AtomicBool::new(false);
    let (mut inside, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(
                    rustix::fs::CWD,
                    fixture.path("root/swap"),
                    rustix::fs::CWD,
                    fixture.path("link"),
                    rustix::fs::RenameFlags::EXCHANGE,
                )
                .unwrap();
            }
        });
        for i in 0..10_000 {
            let path = if i % 2 == 0 { "swap/a.txt" } else { "swap/deep/a.txt" };
            match read(&source, path) {
                Ok(text) => {
                    assert_eq!(text, "inside\n");
                    inside += 1;
                }
                Err(error) => {
                    assert!(!error.to_string().contains("outside/"), "{error}");
                    refused += 1;
                }
            }
            if i % 20 == 0 {
                assert!(search(&source, "SECRET").is_empty());
                let top = source.locate("").unwrap();
                let options = ListOptions { depth: 5, ..ListOptions::default() };
                source.list(&top, &options, &stop()).unwrap();
                drop(find(&source, "*.txt"));
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(inside > 0 && refused > 0, "{inside} {refused}");
}
