//! Listings, ignore files, finding and completion.

use super::*;

fn list(source: &Source, path: &str, options: &ListOptions) -> Vec<String> {
    let located = source.locate(path).unwrap();
    let listing = source.list(&located, options, &stop()).unwrap();
    listing.entries.into_iter().map(|entry| entry.path).collect()
}

#[test]
fn a_window_ends_where_no_more_can_fit() {
    let fixture = Fixture::new();
    for i in 0..50 {
        fixture.write(&format!("root/many/{i:02}"), "");
    }
    let source = fixture.source();
    let many = source.locate("many").unwrap();
    // The shortest line of such an entry has four bytes.
    let options = ListOptions { room: 40, ..ListOptions::default() };
    let listing = source.list(&many, &options, &stop()).unwrap();
    assert_eq!((listing.entries.len(), listing.total), (11, 50));
}

#[test]
fn a_tree_is_listed_in_order_and_by_windows() {
    let fixture = Fixture::new();
    fixture.write("root/sub/inner/c.txt", "c");
    fixture.link("root/link", "sub/b.txt");
    fixture.link("root/out", fixture.path("outside"));
    let source = fixture.source();
    let all = ListOptions { depth: 3, ..ListOptions::default() };
    let expected = ["a.txt", "link", "out", "sub", "sub/b.txt", "sub/inner", "sub/inner/c.txt"];
    assert_eq!(list(&source, "", &all), expected);
    let page = ListOptions { depth: 3, skip: 2, take: 3, ..ListOptions::default() };
    assert_eq!(list(&source, "", &page), ["out", "sub", "sub/b.txt"]);
    let top = source.locate("").unwrap();
    let listing = source.list(&top, &ListOptions::default(), &stop()).unwrap();
    assert_eq!((listing.total, listing.complete), (4, true));
    let by_name = |name: &str| listing.entries.iter().find(|entry| entry.name == name).unwrap();
    assert_eq!(by_name("link").target.as_deref(), Some("sub/b.txt"));
    assert_eq!(by_name("out").target, None);
    assert_eq!(by_name("sub").children, Some(2));
    assert_eq!(by_name("a.txt").stat.unwrap().size, 7);
    assert!(matches!(
        source.list(&source.locate("a.txt").unwrap(), &all, &stop()),
        Err(FsError::NotADirectory { .. })
    ));
}

#[test]
fn globs_sorting_and_folding() {
    let fixture = Fixture::new();
    for i in 0..30 {
        fixture.write(&format!("root/many/{i:02}.txt"), "x".repeat(i));
    }
    fixture.write("root/sub/note.md", "m");
    let source = fixture.source();
    let glob = ListOptions { depth: 3, glob: Some("*.md".into()), ..ListOptions::default() };
    assert_eq!(list(&source, "", &glob), ["sub", "sub/note.md"]);
    let folded = ListOptions { depth: 3, fold_over: 10, ..ListOptions::default() };
    assert_eq!(list(&source, "", &folded), ["a.txt", "many", "sub", "sub/b.txt", "sub/note.md"]);
    let top = source.locate("").unwrap();
    let listing = source.list(&top, &folded, &stop()).unwrap();
    assert_eq!(listing.entries[1].children, Some(30));
    let by_size = ListOptions { sort: Sort::Size, take: 1, ..ListOptions::default() };
    assert_eq!(list(&source, "many", &by_size), ["29.txt"]);
}

#[test]
fn ignore_files_mean_what_they_mean_to_ripgrep() {
    let fixture = Fixture::new();
    for path in [
        "root/.git/config",
        "root/.git/info/exclude",
        "root/target/x.txt",
        "root/keep.log",
        "root/drop.log",
        "root/.hidden",
        "root/.shown",
        "root/pkg/build/x.txt",
        "root/pkg/y.log",
        "root/pkg/own.txt",
        "root/nested/.git/HEAD",
        "root/nested/z.log",
        "root/excluded.txt",
        "root/noted.txt",
    ] {
        fixture.write(path, "x");
    }
    fixture.write("root/.gitignore", "/target/\n*.log\n!keep.log\n!.shown\n# comment\n");
    fixture.write("root/.git/info/exclude", "excluded.txt\n");
    fixture.write("root/pkg/.gitignore", "build\nown.txt\n!y.log\n");
    fixture.write("root/.ignore", "noted.txt\n!pkg/own.txt\n");
    let source = fixture.source();
    let files = |path: &str, ignored: bool| {
        let options = FindOptions {
            glob: "*".into(),
            kind: Some(EntryKind::File),
            ignored,
            ..FindOptions::default()
        };
        let found = source.find(&source.locate(path).unwrap(), &options, &stop()).unwrap();
        let mut paths: Vec<String> = found.iter_from(0).map(|found| found.path).collect();
        paths.sort();
        paths
    };
    // `nested` is a repository of its own: the rules above it don't reach in.
    let expected =
        [".shown", "a.txt", "keep.log", "nested/z.log", "pkg/own.txt", "pkg/y.log", "sub/b.txt"];
    assert_eq!(files("", false), expected);
    // Rules of the directories above the start count as well.
    assert_eq!(files("pkg", false), ["pkg/own.txt", "pkg/y.log"]);
    assert_eq!(files("", true).len(), 19);
    let top = source.locate("").unwrap();
    let listing = source.list(&top, &ListOptions::default(), &stop()).unwrap();
    assert_eq!((listing.total, listing.left_out), (6, 8));
}

#[test]
fn only_and_deny_rule_walks_too() {
    let fixture = Fixture::new();
    fixture.write("root/docs/x.md", "word");
    fixture.write("root/docs/x.rs", "word");
    fixture.write("root/src/y.rs", "word");
    let config = Config {
        only: vec![["docs/**", "*.txt"].map(|glob| ScopePattern::new(glob, "--only")).into()],
        deny: vec![ScopePattern::new("*.rs", "--deny")],
        ..fixture.config()
    };
    let source = Source::open(&config).unwrap();
    assert_eq!(search(&source, "word"), ["docs/x.md"]);
    assert!(source.locate("src/y.rs").is_err());
    assert!(source.locate("docs/x.rs").is_err());
    assert!(source.locate("sub/b.txt").is_ok());
}

#[test]
fn words_find_the_best_match_first() {
    let fixture = Fixture::new();
    for path in ["root/read.rs", "root/x/read_text.rs", "root/y/unread.rs", "root/read/z.rs"] {
        fixture.write(path, "");
    }
    let source = fixture.source();
    let top = source.locate("").unwrap();
    let words = |word: &str| {
        let options = FindOptions {
            glob: word.into(),
            kind: Some(EntryKind::File),
            ..FindOptions::default()
        };
        let found = source.find(&top, &options, &stop()).unwrap();
        found.iter_from(0).map(|found| found.path).collect::<Vec<_>>()
    };
    assert_eq!(words("read"), ["read.rs", "x/read_text.rs", "y/unread.rs", "read/z.rs"]);
    assert_eq!(words("Read.RS"), ["read.rs", "y/unread.rs"]);
    // Only if nothing holds the word whole do scattered letters count.
    assert_eq!(words("rdtxt"), ["x/read_text.rs"]);
}

#[test]
fn globs_find_the_newest_first_and_filter() {
    let fixture = Fixture::new();
    fixture.write("root/src/deep/one.rs", "12345");
    let old = fs::File::open(fixture.path("root/src/deep/one.rs")).unwrap();
    old.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1000)).unwrap();
    fixture.write("root/src/two.rs", "1");
    let source = fixture.source();
    let top = source.locate("").unwrap();
    let globs = |options: FindOptions| {
        let found = source.find(&top, &options, &stop()).unwrap();
        found.iter_from(0).map(|found| found.path).collect::<Vec<_>>()
    };
    let glob = |glob: &str| FindOptions { glob: glob.into(), ..FindOptions::default() };
    assert_eq!(globs(glob("*.rs")), ["src/two.rs", "src/deep/one.rs"]);
    assert_eq!(globs(glob("src/*.rs")), ["src/two.rs"]);
    assert_eq!(globs(glob("src/**/*.rs")), ["src/two.rs", "src/deep/one.rs"]);
    assert_eq!(globs(glob("{one,three}.rs")), ["src/deep/one.rs"]);
    assert_eq!(globs(FindOptions { min_size: Some(2), ..glob("*.rs") }), ["src/deep/one.rs"]);
    let after = Some(std::time::UNIX_EPOCH + Duration::from_secs(2000));
    assert_eq!(globs(FindOptions { changed_after: after, ..glob("*.rs") }), ["src/two.rs"]);
    assert!(matches!(source.find(&top, &glob("a[*"), &stop()), Err(FsError::Glob { .. })));
}

#[test]
fn paths_are_completed() {
    let fixture = Fixture::new();
    fixture.write("root/.env", "");
    fixture.write("root/sub/bee.txt", "");
    let source = fixture.source();
    assert_eq!(source.complete(""), ["a.txt", "sub/"]);
    assert_eq!(source.complete("sub/b"), ["sub/b.txt", "sub/bee.txt"]);
    assert_eq!(source.complete(".e"), Vec::<String>::new());
    let absolute = fixture.text("root/su");
    assert_eq!(source.complete(&absolute), [fixture.text("root/sub/")]);
    assert_eq!(source.complete("/"), [fixture.text("root/")]);
    assert!(source.complete("../").is_empty());
}

#[test]
fn info_knows_kind_hash_and_total() {
    let fixture = Fixture::new();
    let source = fixture.source();
    let options = InfoOptions { hash: true, total: true };
    let info = source.info(&source.locate("a.txt").unwrap(), options, &stop()).unwrap();
    assert_eq!((info.mime(), info.eol), (Some("text/plain"), Some(Eol::Lf)));
    assert_eq!(
        info.sha256.as_deref(),
        Some("7b2441693c861bf6969869d8b6f45f098bc8ef07b78ca043a1cb663159aabb10")
    );
    let info = source.info(&source.locate("").unwrap(), options, &stop()).unwrap();
    assert_eq!(info.total, Some(Total { files: 2, dirs: 1, bytes: 15, complete: true }));
    assert_eq!(info.path, ".");
}
