//! What is noticed, what must not be told, and that nothing is missed.

use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use lockkeeper_core::ScopePattern;

use super::*;

/// Begins to watch with every notice queued by the system: a look after a change sees it.
fn watch(source: &Source, paths: &[&str], options: WatchOptions) -> Watch {
    let spots: Vec<Spot> = paths.iter().map(|path| source.spot(path).unwrap()).collect();
    source.watch(&spots, options, None, &stop()).unwrap()
}

fn told(watch: &mut Watch, source: &Source) -> Vec<String> {
    watch.look(source, &stop()).unwrap();
    let (changes, left) = watch.take(1_000, 100_000);
    assert_eq!(left, 0);
    changes.into_iter().map(|change| tell(&change)).collect()
}

fn tell(change: &Change) -> String {
    let path = &change.path;
    match &change.kind {
        ChangeKind::Created => format!("+{path}"),
        ChangeKind::Modified => format!("*{path}"),
        ChangeKind::Removed => format!("-{path}"),
        ChangeKind::Renamed { from } => format!("{from}>{path}"),
        ChangeKind::Unclear => format!("?{path}"),
    }
}

/// Everything is polled.
fn polling() -> WatchOptions {
    WatchOptions { most_watched: 0, ..WatchOptions::default() }
}

#[test]
fn every_kind_of_change_is_told_once() {
    let fixture = Fixture::new();
    let source = fixture.source();
    let move_to = |from: &str, to: &str| fs::rename(fixture.path(from), fixture.path(to)).unwrap();
    let mut watch = watch(&source, &["."], WatchOptions::default());
    assert_eq!(told(&mut watch, &source), Vec::<String>::new());

    fixture.write("root/new.txt", "x");
    fixture.write("root/a.txt", "changed\n");
    assert_eq!(told(&mut watch, &source), ["*a.txt", "+new.txt"]);
    // As editors save: a new file takes the name.
    fixture.write("root/a.txt~", "again\n");
    move_to("root/a.txt~", "root/a.txt");
    fs::remove_file(fixture.path("root/new.txt")).unwrap();
    assert_eq!(told(&mut watch, &source), ["*a.txt", "-new.txt"]);
    move_to("root/a.txt", "root/sub/c.txt");
    assert_eq!(told(&mut watch, &source), ["a.txt>sub/c.txt"]);
    // A directory that comes is watched with what came into it before it was noticed.
    fixture.write("root/deep/er/one.txt", "1");
    assert_eq!(told(&mut watch, &source), ["+deep/", "+deep/er/", "+deep/er/one.txt"]);
    fixture.write("root/deep/er/two.txt", "2");
    assert_eq!(told(&mut watch, &source), ["+deep/er/two.txt"]);
    // A directory that moves is the same one, and what changes in it on the way is not missed.
    move_to("root/deep", "root/sub/moved");
    fixture.write("root/sub/moved/er/one.txt", "other");
    assert_eq!(told(&mut watch, &source), ["deep/>sub/moved/", "*sub/moved/er/one.txt"]);
    fixture.write("root/sub/moved/er/three.txt", "3");
    move_to("root/sub/moved", "root/sub/x");
    move_to("root/sub/x", "root/sub/y");
    assert_eq!(told(&mut watch, &source), ["sub/moved/>sub/y/", "+sub/y/er/three.txt"]);
    fs::remove_dir_all(fixture.path("root/sub/y")).unwrap();
    fs::remove_file(fixture.path("root/sub/b.txt")).unwrap();
    assert_eq!(told(&mut watch, &source), ["-sub/b.txt", "-sub/y/"]);
    assert_eq!(watch.polled(), 0);
}

#[test]
fn writes_within_one_tick_of_the_clock_are_told() {
    let fixture = Fixture::new();
    let source = fixture.source();
    let mut watch = watch(&source, &["a.txt"], WatchOptions::default());
    for round in 0..300 {
        fixture.write("root/a.txt", format!("{round:04}"));
        assert_eq!(told(&mut watch, &source), ["*a.txt"], "{round}");
    }
}

#[test]
fn one_file_can_be_waited_for_before_it_is_there() {
    let fixture = Fixture::new();
    let source = fixture.source();
    for options in [WatchOptions::default(), polling()] {
        let mut watch = watch(&source, &["sub/out.txt", "a.txt"], options);
        let again = |watch: &mut Watch| {
            watch.everything();
            told(watch, &source)
        };
        fixture.write("root/sub/other.txt", "not asked for");
        assert_eq!(again(&mut watch), Vec::<String>::new());
        fixture.write("root/sub/out.txt", "1");
        assert_eq!(again(&mut watch), ["+sub/out.txt"]);
        fixture.write("root/sub/out.txt", "22");
        assert_eq!(again(&mut watch), ["*sub/out.txt"]);
        // Also if its directory goes and comes again.
        fs::rename(fixture.path("root/sub"), fixture.path("root/gone")).unwrap();
        assert_eq!(again(&mut watch), ["-sub/out.txt"]);
        fs::rename(fixture.path("root/gone"), fixture.path("root/sub")).unwrap();
        assert_eq!(again(&mut watch), ["+sub/out.txt"]);
        fs::remove_file(fixture.path("root/sub/out.txt")).unwrap();
        assert_eq!(again(&mut watch), ["-sub/out.txt"]);
    }
    assert!(matches!(source.spot("none/out.txt"), Err(FsError::NotFound { .. })));
    assert!(matches!(source.spot("../outside/x"), Err(FsError::Outside { .. })));
    assert!(matches!(source.spot("a.txt/x"), Err(FsError::NotADirectory { .. })));
}

#[test]
fn what_is_hidden_or_ignored_is_not_told() {
    let fixture = Fixture::new();
    fixture.write("root/.gitignore", "target/\n*.log\n");
    for path in ["root/target/x", "root/.git/HEAD", "root/private/x", "root/.env"] {
        fixture.write(path, "before");
    }
    let config = Config { deny: vec![ScopePattern::new("private", "--deny")], ..fixture.config() };
    let source = Source::open(&config).unwrap();
    let mut all = watch(&source, &["."], WatchOptions::default());
    let everything = WatchOptions { ignored: true, ..WatchOptions::default() };
    let mut ignored = watch(&source, &["."], everything);
    let mut named = watch(&source, &["target", ".env", "x.log", "id_rsa"], WatchOptions::default());
    for path in ["target/x", "target/y", ".git/index", "private/x", "private/y", ".env", "x.log"] {
        fixture.write(&format!("root/{path}"), "after");
    }
    for path in ["id_rsa", "private2/.env", ".lockkeeper-0123456789abcdef.tmp"] {
        fixture.write(&format!("root/{path}"), "after");
    }
    assert_eq!(told(&mut all, &source), ["+private2/"]);
    let open = ["+.git/index", "+private2/", "*target/x", "+target/y", "+x.log"];
    assert_eq!(told(&mut ignored, &source), open);
    assert_eq!(told(&mut named, &source), ["*target/x", "+target/y", "+x.log"]);
    // A secret can be waited for as what is missing can, without end.
    let name = |path| source.spot(path).map(drop).map_err(|error| error.to_string());
    assert_eq!(name(".env"), name("none"));
    assert_eq!(
        name("private/x").unwrap_err().replace("private", "none"),
        name("none/x").unwrap_err()
    );
    // Other ignore rules bring nothing about.
    fixture.write("root/.gitignore", "sub/\n");
    assert_eq!(told(&mut all, &source), Vec::<String>::new());
    fixture.write("root/target/z", "new");
    fixture.write("root/sub/b.txt", "ignored now");
    assert_eq!(told(&mut all, &source), ["+target/z"]);
}

#[test]
fn what_moves_out_is_not_followed() {
    let fixture = Fixture::new();
    let source = fixture.source();
    let mut watch = watch(&source, &["."], WatchOptions::default());
    fs::rename(fixture.path("root/sub"), fixture.path("outside/sub")).unwrap();
    fixture.write("outside/sub/SECRET", "x");
    fixture.link("root/sub", fixture.path("outside/sub"));
    assert_eq!(told(&mut watch, &source), ["+sub", "-sub/"]);
    fixture.write("outside/sub/SECRET", "y");
    fixture.write("outside/sub/SECRET2", "x");
    assert_eq!(told(&mut watch, &source), Vec::<String>::new());
    assert!(!watch.is_stirred());
}

#[test]
fn a_directory_swapped_for_a_link_is_not_watched_outside() {
    let fixture = Fixture::new();
    fixture.write("root/swap/a.txt", "inside\n");
    fixture.link("root/other", fixture.path("outside"));
    let source = fixture.source();
    let done = AtomicBool::new(false);
    let mut seen = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for i in 0_u64.. {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                let (from, to) = (fixture.path("root/swap"), fixture.path("root/other"));
                let exchange = rustix::fs::RenameFlags::EXCHANGE;
                rustix::fs::renameat_with(rustix::fs::CWD, from, rustix::fs::CWD, to, exchange)
                    .unwrap();
                fs::write(fixture.path("outside").join(format!("SECRET{}", i % 9)), "x").unwrap();
                drop(fs::remove_file(fixture.path("outside").join(format!("SECRET{}", i % 7))));
            }
        });
        let mut rounds = 0;
        // On a busy machine it takes longer until enough was seen.
        while rounds < 300 || seen <= 10 && rounds < 10_000 {
            rounds += 1;
            let mut watch = watch(&source, &["."], WatchOptions::default());
            for _ in 0..3 {
                let told = told(&mut watch, &source);
                assert!(!told.iter().any(|change| change.contains("SECRET")), "{told:?}");
                seen += told.len();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(seen > 10, "{seen} changes");
}

#[test]
fn without_watches_of_the_system_it_looks_by_itself() {
    let fixture = Fixture::new();
    let source = fixture.source();
    let mut watch = watch(&source, &["."], polling());
    fixture.write("root/a.txt", "changed\n");
    fixture.write("root/new/file.txt", "x");
    fs::rename(fixture.path("root/sub/b.txt"), fixture.path("root/sub/c.txt")).unwrap();
    assert_eq!(watch.polled(), 2);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(watch.stirred());
    let expected = ["*a.txt", "+new/", "+new/file.txt", "-sub/b.txt", "+sub/c.txt"];
    assert_eq!(told(&mut watch, &source), expected);
}

#[test]
fn notices_that_are_lost_lose_no_change() {
    let fixture = Fixture::new();
    let source = fixture.source();
    let mut watch = watch(&source, &["."], WatchOptions::default());
    // More than the system's queue holds.
    for i in 0..20_000 {
        let path = fixture.path("root").join(format!("f{}", i % 20));
        if fs::remove_file(&path).is_err() {
            fs::write(&path, "x").unwrap();
        }
        symlink("x", fixture.path("root/l")).unwrap();
        fs::remove_file(fixture.path("root/l")).unwrap();
    }
    fixture.write("root/sub/late.txt", "x");
    assert_eq!(told(&mut watch, &source), ["+sub/late.txt"]);
}

#[test]
fn without_a_watch_times_tell() {
    let fixture = Fixture::new();
    fixture.write("root/quiet/old.txt", "x");
    let source = fixture.source();
    let spots = [source.spot(".").unwrap(), source.spot("sub/gone.txt").unwrap()];
    let long_ago = SystemTime::now() + Duration::from_mins(1);
    let watch = source.watch(&spots, WatchOptions::default(), Some(long_ago), &stop()).unwrap();
    assert!(!watch.has_changes());
    let since = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    let mut watch = source.watch(&spots, WatchOptions::default(), Some(since), &stop()).unwrap();
    assert_eq!(watch.mark(), since, "what has not been taken is told again");
    let (changes, _) = watch.take(100, 10_000);
    let told: Vec<String> = changes.iter().map(tell).collect();
    // All of it is new, and everywhere something else may have gone.
    for expected in ["?./", "+a.txt", "+sub/b.txt", "+quiet/old.txt"] {
        assert!(told.iter().any(|told| told == expected), "{expected}: {told:?}");
    }
    assert!(watch.mark() > since);
}

#[test]
fn too_much_is_refused() {
    let fixture = Fixture::new();
    for i in 0..30 {
        fixture.write(&format!("root/many/{i}"), "");
    }
    let source = fixture.source();
    let options = WatchOptions { most_entries: 20, ..WatchOptions::default() };
    let spots = [source.spot(".").unwrap()];
    let refused = source.watch(&spots, options, None, &stop()).unwrap_err();
    assert!(matches!(refused, FsError::TooMuchToWatch { most: 20 }));
    let mut sub = watch(&source, &["sub"], options);
    for i in 0..30 {
        fixture.write(&format!("root/sub/{i}"), "");
    }
    assert!(matches!(sub.look(&source, &stop()), Err(FsError::TooMuchToWatch { .. })));
}
