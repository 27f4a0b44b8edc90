use super::*;

fn shown(text: &str) -> String {
    Outside::default().show(text).text.into_owned()
}

/// Joined here, so that no scanner takes this file for a leak.
fn token(seed: usize) -> String {
    let mut body = "aZ3kQ9xL5tWb7RmC1vHs0PdY4nGj8UeF2wTo".to_owned();
    let tail = body.split_off(seed);
    format!("ghp_{tail}{body}")
}

#[test]
fn escapes_and_placeholders_are_visible_and_counted() {
    let text = format!("a\u{202e}b {} c\u{1b}[0m", token(1));
    let outside = Outside::default();
    let all = outside.show(&text);
    assert_eq!(all.text, "a\\u{202e}b [redacted:github_token] c\\u{1b}[0m");
    assert_eq!(all.altered(), Altered { escaped: 2, redacted: 1 });
    assert_eq!(all.altered().to_string(), "altered: 2 escaped, 1 redacted");
    let off = Outside::new(Secrets::Off).show(&text);
    assert_eq!(off.altered(), Altered { escaped: 2, redacted: 0 });
    assert!(matches!(outside.show("plain").text, Cow::Borrowed("plain")));
}

#[test]
fn a_credential_over_an_edge_leaks_on_neither_side() {
    let token = token(2);
    let text = format!("x={token}\ny");
    let outside = Outside::default();
    for cut in 3..2 + token.len() {
        let (head, tail) =
            (outside.show_part(&text, 0..cut), outside.show_part(&text, cut..text.len()));
        assert_eq!(head.text, "x=[redacted:github_token]", "{cut}");
        assert_eq!(tail.text, "[redacted:github_token]\ny", "{cut}");
    }
}

#[test]
fn strings_and_names_of_data_are_shown() {
    let mut value = serde_json::json!({"a\u{202e}": ["x\u{200b}", {"t": token(3)}, 1, null]});
    let altered = Outside::default().show_value(&mut value);
    assert_eq!(altered, Altered { escaped: 2, redacted: 1 });
    let expected = serde_json::json!(
        {"a\\u{202e}": ["x\\u{200b}", {"t": "[redacted:github_token]"}, 1, null]}
    );
    assert_eq!(value, expected);
}

#[test]
fn new_text_is_taken_back_or_refused() {
    let text = format!("one \u{202e} two {} three", token(4));
    let outside = Outside::default().show(&text);
    let all = 0..outside.text.len();
    let word = outside.text.find("two").unwrap();
    let back = |new: &'static str| outside.unshow(all.clone(), new);
    assert_eq!(back("1 \\u{202e} 2").unwrap(), "1 \u{202e} 2");
    assert_eq!(back("1 \\u{202d} 2").unwrap(), "1 \\u{202d} 2");
    let twice = "\\u{202e}\\u{202e}";
    assert_eq!(back(twice), Err(Unclear::Escape("\\u{202e}".to_owned())));
    assert_eq!(outside.unshow(word..word + 3, twice).unwrap(), twice);
    let ours = "[redacted:github_token]";
    assert_eq!(back(ours), Err(Unclear::Placeholder(ours.to_owned())));
    // Literal and escaped ones in one place can't be told apart; placeholders that are there may stay.
    let outside = Outside::default().show("a \u{202e} \\u{202e} [redacted:jwt]");
    let all = 0..outside.text.len();
    assert_eq!(outside.unshow(all.clone(), "\\u{202e}"), Err(Unclear::Escape("\\u{202e}".into())));
    assert_eq!(outside.unshow(all, "b [redacted:jwt]").unwrap(), "b [redacted:jwt]");
    assert_eq!(placeholder("[redacted:] [redacted:A] [redacted: x] [redacted:a"), None);
}

/// Texts of pieces that each mean something to this module.
fn texts() -> impl Iterator<Item = String> {
    let token = token(5);
    let pieces = [
        "a",
        " ",
        "\n",
        "\r\n",
        "\r",
        "é",
        "می\u{200c}خ",
        "\u{200d}",
        "👩\u{200d}",
        "👧",
        "\u{fe0f}",
        "\u{202e}",
        "\u{1b}[0m",
        "\\u{202e}",
        "[redacted:password]",
        "\u{e0068}",
        "क्\u{200d}",
        "\u{ad}",
        "-----BEGIN PRIVATE KEY-----\n",
        "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n",
        "postgres://u:",
        "kLq83nzP",
        "@h/",
        "Bearer ",
        "://",
        ":",
        "@",
        &token,
        "AKIA",
        "\u{feff}",
        "x=",
    ]
    .map(str::to_owned);
    let mut state = 42_u64;
    (0..20_000).map(move |_| {
        let mut text = String::new();
        for _ in 0..8 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text.push_str(&pieces[(state >> 33) as usize % pieces.len()]);
        }
        text
    })
}

#[test]
fn whatever_is_shown_leads_back_and_is_shown_as_itself() {
    for text in texts() {
        let outside = Outside::default().show(&text);
        // Once shown, nothing is left to alter.
        assert_eq!(shown(&outside.text), outside.text, "{text:?}");
        assert_eq!(outside.text.matches('\n').count(), text.matches('\n').count(), "{text:?}");
        // The original is what lies between places that lead back, and what the spans stand for.
        let mut original = String::new();
        let mut last = 0;
        for place in 1..=outside.text.len() {
            let Some(end) =
                outside.original_place(place).filter(|_| outside.text.is_char_boundary(place))
            else {
                assert!(outside.floor(place) < place || !outside.text.is_char_boundary(place));
                continue;
            };
            original.push_str(text.get(last..end).unwrap());
            last = end;
        }
        assert_eq!(original, text);
    }
}
