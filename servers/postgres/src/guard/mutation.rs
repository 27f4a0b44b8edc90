//! Changes statements a little, so that they go wrong in ways nobody writes down. Only for tests.

use super::generator::Generator;

/// Every statement of the lists.
pub(super) fn written() -> Vec<&'static str> {
    let lists = [
        include_str!("../../testdata/allowed.sql"),
        include_str!("../../testdata/denied.sql"),
        include_str!("../../testdata/limited.sql"),
        include_str!("../../testdata/queries.sql"),
    ];
    lists.iter().flat_map(|list| list.lines()).filter(|line| !line.is_empty()).collect()
}

/// Pieces that a statement may be torn with.
const PIECES: &[&str] = &[
    "'",
    "\"",
    "$$",
    "$a$",
    "/*",
    "*/",
    "--",
    "\n",
    "\r",
    "\u{a0}",
    "\u{feff}",
    "\0",
    "\\",
    "E'\\'",
    "U&\"",
    " uescape '!'",
    "(",
    ")",
    "((",
    "[",
    "]",
    "::",
    ":=",
    "=>",
    "..",
    ".",
    ";",
    ",",
    "*",
    "<-",
    "@-",
    "|/",
    "!",
    "?",
    "#",
    "`",
    "{",
    "}",
    ":",
    "$1",
    "$",
    "1e",
    "0x1F",
    "1_000",
    "1a",
    " select ",
    " union ",
    " with x as (select 1) ",
    " from ",
    " app.salaries ",
    " pg_sleep(1) ",
    " not ",
    " case ",
    " lateral ",
    " only ",
    " into x ",
    " for update ",
    " as ",
    " over ",
    " operator(app.<~~>) ",
    " collate \"C\" ",
    " is json ",
    " at time zone ",
    " array",
    " row",
    "ß",
    "İ",
    "é",
    "日本",
    "👩‍👩‍👧",
    "\u{202e}",
    "\u{d7ff}",
];

/// A statement made from another one or two.
pub(super) fn mutated(random: &mut Generator, written: &[&str]) -> String {
    let mut text = written[random.below(written.len())].to_owned();
    for _ in 0..=random.below(3) {
        let words: Vec<&str> = text.split_inclusive([' ', '(', ')', ',', '.']).collect();
        let at = random.below(words.len().max(1));
        let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        if words.is_empty() {
            words.push(" ".to_owned());
        }
        match random.below(7) {
            0 => drop(words.remove(at)),
            1 => words.insert(at, words[random.below(words.len())].clone()),
            2 => {
                let other = random.below(words.len());
                words.swap(at, other);
            }
            3 => {
                let donor = written[random.below(written.len())];
                let pieces: Vec<&str> = donor.split_inclusive([' ', '(', ')', ',']).collect();
                let from = random.below(pieces.len());
                let to = (from + 1 + random.below(6)).min(pieces.len());
                words.insert(at, pieces[from..to].concat());
            }
            4 => {
                let word = &mut words[at];
                let place = word.floor_char_boundary(random.below(word.len() + 1));
                word.insert_str(place, PIECES[random.below(PIECES.len())]);
            }
            5 => words.truncate(at),
            _ => words.insert(at, PIECES[random.below(PIECES.len())].to_owned()),
        }
        text = words.concat();
    }
    text
}
