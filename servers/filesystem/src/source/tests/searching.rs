//! Searching contents: what is found, how it is shown, and how a search ends early.

use super::*;

fn run(source: &Source, options: &SearchOptions) -> SearchResult {
    source.search(&source.locate("").unwrap(), options, &stop()).unwrap()
}

fn options(pattern: &str) -> SearchOptions {
    SearchOptions { pattern: pattern.to_owned(), ..SearchOptions::default() }
}

fn lines(result: &SearchResult) -> Vec<String> {
    let files = result.files.iter();
    files
        .flat_map(|file| {
            file.lines().map(|hit| {
                let mark = if hit.is_context { '-' } else { ':' };
                format!("{}{mark}{}{mark}{}", file.path, hit.line, hit.text)
            })
        })
        .collect()
}

#[test]
fn a_walk_leaves_out_what_comes_after_all_that_is_wanted() {
    struct Until(Vec<String>);
    impl walk::Visitor for Until {
        fn entry(&mut self, _: &Dir, path: &[u8], _: EntryKind) {
            self.0.push(names::show(path).into_owned());
        }

        fn is_past(&self, path: &[u8]) -> bool {
            path >= b"m".as_slice()
        }
    }

    let fixture = Fixture::new();
    fixture.write("root/dir/c.txt", "");
    let source = fixture.source();
    let options =
        walk::WalkOptions { ordered: true, files_only: true, ..walk::WalkOptions::default() };
    let top = source.locate("").unwrap();
    let (seen, walked) = source.walk(&top, &options, &stop(), || Until(Vec::new())).unwrap();
    let mut seen: Vec<String> = seen.into_iter().flat_map(|until| until.0).collect();
    seen.sort();
    assert_eq!(seen, ["a.txt", "dir/c.txt"], "`sub` is not opened");
    assert_eq!(walked.frontier, None);
}

#[test]
fn lines_with_context_and_columns() {
    let fixture = Fixture::new();
    fixture.write("root/x.txt", "one\ntwo grün needle\nthree\nfour\r\nneedle five\r\n");
    let source = fixture.source();
    let result = run(&source, &SearchOptions { context: 1, ..options("needle") });
    let expected = [
        "x.txt-1-one",
        "x.txt:2:two grün needle",
        "x.txt-3-three",
        "x.txt-4-four",
        "x.txt:5:needle five",
    ];
    assert_eq!(lines(&result), expected);
    assert_eq!((result.hits, result.files_with_hits, result.searched), (2, 1, 3));
    let columns: Vec<u32> = result.files[0].lines().map(|hit| hit.column).collect();
    assert_eq!(columns, [0, 10, 0, 0, 1]);
}

#[test]
fn literal_case_multiline_glob_and_modes() {
    let fixture = Fixture::new();
    fixture.write("root/x.txt", "a.b(c\nBegin\nend\n");
    fixture.write("root/y.md", "a.b(c axb\n");
    let source = fixture.source();
    let literal = SearchOptions { literal: true, ..options("a.b(c") };
    assert_eq!(run(&source, &literal).hits, 2);
    let error = source.search(&source.locate("").unwrap(), &options("a.b(c"), &stop());
    assert!(matches!(error, Err(FsError::Pattern { .. })));
    assert_eq!(run(&source, &options("begin")).hits, 0);
    assert_eq!(run(&source, &SearchOptions { ignore_case: true, ..options("begin") }).hits, 1);
    let result = run(&source, &SearchOptions { multiline: true, ..options(r"Begin\s+end") });
    assert_eq!(lines(&result), ["x.txt:2:Begin", "x.txt:3:end"]);
    let glob = SearchOptions { glob: Some("*.md".into()), ..literal.clone() };
    assert_eq!(lines(&run(&source, &glob)), ["y.md:1:a.b(c axb"]);
    let files = run(&source, &SearchOptions { mode: SearchMode::Files, ..options("e") });
    assert_eq!(
        files.files.iter().map(|file| &*file.path).collect::<Vec<_>>(),
        ["a.txt", "sub/b.txt", "x.txt"]
    );
    let count = run(&source, &SearchOptions { mode: SearchMode::Count, ..options("e") });
    assert_eq!(count.files.iter().map(|file| file.hits).collect::<Vec<_>>(), [1, 1, 2]);
    let file = source.locate("y.md").unwrap();
    for _ in 0..2 {
        assert_eq!(source.search(&file, &options("axb"), &stop()).unwrap().hits, 1);
    }
}

#[test]
fn encodings_and_binary_files() {
    let fixture = Fixture::new();
    let wide: Vec<u8> =
        "first\nschöner needle\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    fixture.write("root/utf16", [vec![0xFF, 0xFE], wide].concat());
    fixture.write("root/latin", b"Stra\xdfe zum needle, sch\xf6ne Gr\xfc\xdfe\n");
    fixture.write("root/binary", b"needle\n\0\0\0");
    let source = fixture.source();
    let result = run(&source, &options("needle"));
    let expected = ["latin:1:Straße zum needle, schöne Grüße", "utf16:2:schöner needle"];
    assert_eq!(lines(&result), expected);
    assert_eq!(result.binary, 1);
    // Named itself, a binary file is searched.
    let binary = source.locate("binary").unwrap();
    assert_eq!(source.search(&binary, &options("needle"), &stop()).unwrap().hits, 1);
}

#[test]
fn long_lines_are_cut_around_the_match() {
    let fixture = Fixture::new();
    fixture.write("root/long", format!("{}needle{}\n", "é".repeat(100_000), "x".repeat(100_000)));
    let source = fixture.source();
    let result = run(&source, &options("needle"));
    let hit = result.files[0].lines().next().unwrap();
    assert!(hit.text.chars().count() <= 302, "{}", hit.text.chars().count());
    assert!(hit.text.contains("éneedlex"), "{}", hit.text);
    assert!(hit.text.starts_with('…') && hit.text.ends_with('…'));
}

#[test]
fn what_is_not_kept_is_counted_and_can_be_gone_on_to() {
    let fixture = Fixture::new();
    for i in 0..300 {
        fixture.write(&format!("root/d{}/f{i:03}.txt", i % 7), format!("needle {i}\n").repeat(10));
    }
    let source = fixture.source();
    let all = run(&source, &options("needle"));
    assert_eq!((all.hits, all.files.len(), all.next.is_none()), (3000, 300, true));
    let expected = lines(&all);
    for keep_bytes in [400, 3000, 20_000] {
        let mut page = SearchOptions { keep_bytes, ..options("needle") };
        let mut seen = Vec::new();
        loop {
            let result = run(&source, &page);
            assert!(result.complete);
            if page.from.is_none() {
                assert_eq!((result.hits, result.files_with_hits), (3000, 300));
            }
            seen.extend(lines(&result));
            match result.next {
                Some(next) => page.from = Some(next),
                None => break,
            }
        }
        assert_eq!(seen.len(), expected.len(), "{keep_bytes}");
        assert_eq!(seen, expected, "{keep_bytes}");
    }
}

#[test]
fn a_search_that_must_pause_goes_on_where_it_was() {
    let fixture = Fixture::new();
    for i in 0..600 {
        fixture.write(&format!("root/d{}/f{i:03}.txt", i % 7), "needle\n");
    }
    let source = fixture.source();
    let top = source.locate("").unwrap();
    let expected = lines(&run(&source, &options("needle")));
    let mut page = options("needle");
    let mut seen = Vec::new();
    let mut pauses = 0_u64;
    loop {
        let due = Stop::new(Instant::now() + Duration::from_micros(500 + 100 * pauses));
        let result = source.search(&top, &page, &due).unwrap();
        seen.extend(lines(&result));
        if result.complete {
            break;
        }
        pauses += 1;
        page.from = result.next;
    }
    assert!(pauses > 0);
    assert_eq!(seen, expected);
}

#[test]
fn a_cancelled_search_ends_at_once() {
    let fixture = Fixture::new();
    let text = "some words to look at again and again\n".repeat(2000);
    for i in 0..400 {
        fixture.write(&format!("root/many/{i}.txt"), &text);
    }
    let source = fixture.source();
    let top = source.locate("").unwrap();
    let stop = stop();
    std::thread::scope(|scope| {
        let search = scope.spawn(|| source.search(&top, &options(r"(\w+\s+){9}never"), &stop));
        while !search.is_finished() && stop_after(&stop) {}
        let started = Instant::now();
        assert!(matches!(search.join().unwrap(), Err(FsError::Cancelled)));
        assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    });
}

/// Lets the search get going, then cancels it.
fn stop_after(stop: &Stop) -> bool {
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(20) {
        std::thread::yield_now();
    }
    stop.cancel();
    false
}

#[test]
fn a_line_may_end_in_carriage_return_and_line_feed() {
    let fixture = Fixture::new();
    fixture.write("root/crlf.txt", b"foo bar\r\nbaz foo\r\n");
    fixture.write("root/wide.txt", b"\xff\xfeb\0a\0r\0\r\0\n\0");
    let source = fixture.source();
    for multiline in [false, true] {
        let result = run(&source, &SearchOptions { multiline, ..options("bar$") });
        assert_eq!(lines(&result), ["crlf.txt:1:foo bar", "wide.txt:1:bar"], "{multiline}");
    }
}

#[test]
fn what_lies_too_deep_to_be_opened_is_counted() {
    let fixture = Fixture::new();
    let mut dir = fixture.path("root");
    let name = "d".repeat(250);
    // A path within a root may be as long as one that the system takes.
    for _ in 0..15 {
        dir.push(&name);
    }
    fs::create_dir_all(&dir).unwrap();
    let deepest = fs::File::open(&dir).unwrap();
    for (name, parent) in [(&*name, ""), (&*name, &*name)] {
        let path = Path::new(parent).join(name);
        rustix::fs::mkdirat(&deepest, path, rustix::fs::Mode::RWXU).unwrap();
    }
    let result = run(&fixture.source(), &options("needle"));
    assert_eq!((result.searched, result.unreadable), (2, 1));
}
