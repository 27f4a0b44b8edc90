//! Windows of text in every encoding and size.

use super::*;

fn window(source: &Source, path: &str, window: (i64, usize), max_bytes: usize) -> TextWindow {
    let located = source.locate(path).unwrap();
    let window = Window { offset: window.0, limit: window.1, from_byte: None };
    source.read_text(&located, window, max_bytes).unwrap()
}

#[test]
fn windows_say_where_they_are_and_where_to_go_on() {
    let fixture = Fixture::new();
    fixture.write("root/ten", (1..=10).map(|i| format!("line {i}\n")).collect::<String>());
    let source = fixture.source();
    let piece = window(&source, "ten", (3, 2), 1000);
    assert_eq!(piece.text, "line 3\nline 4\n");
    assert_eq!(
        (piece.first_line, piece.last_line, piece.total_lines),
        (Some(3), Some(4), Some(10))
    );
    assert_eq!(piece.next, Some(Next::Line(5)));
    let piece = window(&source, "ten", (-2, 5), 1000);
    assert_eq!((piece.text.as_str(), piece.first_line), ("line 9\nline 10\n", Some(9)));
    assert_eq!(piece.next, None);
    let piece = window(&source, "ten", (11, 5), 1000);
    assert_eq!((piece.text.as_str(), piece.lines, piece.total_lines), ("", 0, Some(10)));
    let piece = window(&source, "ten", (-100, 1), 1000);
    assert_eq!((piece.text.as_str(), piece.next), ("line 1\n", Some(Next::Line(2))));
    // Cut by bytes: whole lines only.
    let piece = window(&source, "ten", (1, 10), 64);
    assert_eq!((piece.lines, piece.next), (9, Some(Next::Line(10))));
}

#[test]
fn empty_files_and_missing_last_line_feeds() {
    let fixture = Fixture::new();
    fixture.write("root/empty", "");
    fixture.write("root/open", "a\nb");
    let source = fixture.source();
    let piece = window(&source, "empty", (1, 10), 1000);
    assert_eq!((piece.lines, piece.total_lines, piece.next), (0, Some(0), None));
    let piece = window(&source, "open", (2, 10), 1000);
    assert_eq!((piece.text.as_str(), piece.total_lines, piece.next), ("b", Some(2), None));
    let piece = window(&source, "open", (-1, 10), 1000);
    assert_eq!((piece.text.as_str(), piece.first_line), ("b", Some(2)));
}

#[test]
fn line_ends_are_kept_and_named() {
    let fixture = Fixture::new();
    fixture.write("root/crlf", "a\r\nb\r\n");
    fixture.write("root/mixed", "a\r\nb\n");
    let source = fixture.source();
    let piece = window(&source, "crlf", (1, 10), 1000);
    assert_eq!((piece.text.as_str(), piece.eol), ("a\r\nb\r\n", Eol::CrLf));
    assert_eq!(window(&source, "mixed", (1, 10), 1000).eol, Eol::Mixed);
}

#[test]
fn encodings_are_decoded() {
    let chinese = "这是一个简体中文的文本文件,用来测试编码检测的功能。\n第二行也是中文。\n";
    let japanese = "これは文字コードを調べるための日本語の文章です。\n二行目もあります。\n";
    let german = "Die Straße führt über die Brücke.\nSchöne Grüße aus Köln.\n";
    let le: Vec<u8> = chinese.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let be: Vec<u8> = german.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let fixture = Fixture::new();
    let cases: [(&str, Vec<u8>, &str, &str); 6] = [
        ("gbk", encoding_rs::GBK.encode(chinese).0.into(), "GBK", chinese),
        ("sjis", encoding_rs::SHIFT_JIS.encode(japanese).0.into(), "Shift_JIS", japanese),
        ("latin", encoding_rs::WINDOWS_1252.encode(german).0.into(), "windows-1252", german),
        ("le", [vec![0xFF, 0xFE], le].concat(), "UTF-16LE", chinese),
        ("be", be, "UTF-16BE", german),
        ("bom", [b"\xEF\xBB\xBF", german.as_bytes()].concat(), "UTF-8", german),
    ];
    for (name, bytes, ..) in &cases {
        fixture.write(&format!("root/{name}"), bytes);
    }
    let source = fixture.source();
    for (name, _, encoding, text) in &cases {
        let piece = window(&source, name, (1, 10), 1000);
        assert_eq!((piece.encoding.name(), piece.text.as_str()), (*encoding, *text), "{name}");
        assert!(!piece.lossy, "{name}");
        let second = window(&source, name, (2, 1), 1000);
        assert_eq!(second.text, text.split_inclusive('\n').nth(1).unwrap(), "{name}");
        let last = window(&source, name, (-1, 1), 1000);
        assert_eq!((last.text, last.first_line), (second.text, Some(2)), "{name}");
    }
}

#[test]
fn a_text_that_turns_out_not_to_be_utf8_is_decoded_or_said_to_be_lossy() {
    let fixture = Fixture::new();
    let ascii = "plain ascii line\n".repeat(6000);
    let late = [ascii.as_bytes(), b"Stra\xdfe und Br\xfccke, sch\xf6ne Gr\xfc\xdfe\n"].concat();
    fixture.write("root/late", &late);
    let mut broken = "grün\n".repeat(20_000).into_bytes();
    broken.extend(b"bad \xff byte\n");
    fixture.write("root/broken", &broken);
    let source = fixture.source();
    let piece = window(&source, "late", (6001, 1), 1000);
    assert_eq!(piece.text, "Straße und Brücke, schöne Grüße\n");
    assert_eq!(piece.encoding.name(), "windows-1252");
    let piece = window(&source, "broken", (20_001, 1), 1000);
    assert_eq!((piece.text.as_str(), piece.lossy), ("bad \u{fffd} byte\n", true));
}

#[test]
fn binary_is_named_and_not_read() {
    let fixture = Fixture::new();
    fixture.write("root/x.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0");
    fixture.write("root/x.bin", [0_u8, 1, 2, 3, 255, 254].repeat(10));
    let source = fixture.source();
    let located = source.locate("x.png").unwrap();
    assert_eq!(located.sniff().unwrap(), Kind::Image { mime: "image/png" });
    assert_eq!(refusal(&source, "x.png"), "`x.png` is not text: image/png");
    assert_eq!(refusal(&source, "x.bin"), "`x.bin` is not text: binary data");
    assert!(matches!(located.read_bytes(3), Err(FsError::TooLarge { .. })));
    assert!(matches!(read(&source, "sub"), Err(FsError::NotAFile { .. })));
}

/// Reads a file to its end through as many windows as it takes.
fn by_pieces(source: &Source, path: &str, limit: usize, max_bytes: usize) -> String {
    let located = source.locate(path).unwrap();
    let mut window = Window { offset: 1, limit, from_byte: None };
    let mut all = String::new();
    for _ in 0..2_000 {
        let piece = source.read_text(&located, window, max_bytes).unwrap();
        all.push_str(&piece.text);
        window = match piece.next {
            None => return all,
            Some(Next::Line(line)) => {
                Window { offset: i64::try_from(line).unwrap(), limit, from_byte: None }
            }
            Some(Next::Byte { position, line }) => Window {
                offset: i64::try_from(line.unwrap_or(0)).unwrap(),
                limit,
                from_byte: Some(position),
            },
        };
    }
    panic!("no end of {path} with {max_bytes}: {window:?} after {}", all.len());
}

#[test]
fn pieces_make_up_the_whole() {
    let fixture = Fixture::new();
    let text: String = (0..60)
        .map(|i| format!("{i} {}\n", "grüße 这是 😀".repeat(if i % 50 == 0 { 60 } else { i % 7 })))
        .collect();
    fixture.write("root/utf8", &text);
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    fixture.write("root/utf16", [vec![0xFF, 0xFE], wide].concat());
    let chinese: String =
        (0..40).map(|i| format!("{i} {}\n", "这是中文的文本".repeat(i % 70))).collect();
    fixture.write("root/gbk", encoding_rs::GBK.encode(&chinese).0);
    let source = fixture.source();
    for max_bytes in [64, 1001, 50_000] {
        assert_eq!(by_pieces(&source, "utf8", 7, max_bytes), text, "{max_bytes}");
        assert_eq!(by_pieces(&source, "utf16", 1000, max_bytes), text, "{max_bytes}");
        assert_eq!(by_pieces(&source, "gbk", 1000, max_bytes), chinese, "{max_bytes}");
    }
}

#[test]
fn a_large_file_is_read_at_both_ends_and_in_the_middle() {
    let fixture = Fixture::new();
    let text: String = (1..=1_500_000).map(|i| format!("line {i:08} of a large file\n")).collect();
    fixture.write("root/large", &text);
    let source = fixture.source();
    // Generous for a debug build; reading all 42 MB takes far longer.
    let limit = Duration::from_millis(100);
    let piece = quickly(limit, || window(&source, "large", (-100, 100), 100_000));
    assert!(piece.text.starts_with("line 01499901 "));
    assert_eq!((piece.lines, piece.first_line, piece.next), (100, None, None));
    let piece = window(&source, "large", (1_000_000, 1), 1000);
    assert!(piece.text.starts_with("line 01000000 "));
    let piece = quickly(limit, || window(&source, "large", (1_000_001, 1), 1000));
    assert!(piece.text.starts_with("line 01000001 "));
    let beyond = window(&source, "large", (2_000_000, 1), 1000);
    assert_eq!((beyond.lines, beyond.total_lines), (0, Some(1_500_000)));
    // Now that the lines are counted, the tail knows its numbers.
    let piece = window(&source, "large", (-1, 1), 1000);
    assert_eq!((piece.first_line, piece.total_lines), (Some(1_500_000), Some(1_500_000)));
}

#[test]
fn one_giant_line_is_cut_on_a_character_and_goes_on() {
    let fixture = Fixture::new();
    fixture.write("root/giant", "é".repeat(5_000_000));
    let source = fixture.source();
    let piece = window(&source, "giant", (1, 10), 1001);
    assert_eq!(piece.text.len(), 1000);
    assert_eq!(piece.next, Some(Next::Byte { position: 1000, line: Some(1) }));
    assert_eq!(piece.lines, 1);
}

#[test]
fn the_version_changes_with_the_file() {
    let fixture = Fixture::new();
    let source = fixture.source();
    let before = source.locate("a.txt").unwrap().version();
    assert_eq!(before.len(), 11);
    assert_eq!(source.locate("a.txt").unwrap().version(), before);
    fixture.write("root/a.txt", "other content\n");
    assert_ne!(source.locate("a.txt").unwrap().version(), before);
}
