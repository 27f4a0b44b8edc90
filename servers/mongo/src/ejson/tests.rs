//! Every type there and back, what the policy hides, and bytes that are no documents.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "which bits of a random number are taken doesn't matter"
)]

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, Document, RawDocumentBuf, doc, rawdoc};
use lockkeeper_core::{Mask, Masks};
use serde_json::Value;

use super::*;

fn written(document: &Document, form: Form) -> String {
    let mut out = String::new();
    Writer::new(form).document(&document.to_vec().unwrap(), &mut out).unwrap();
    out
}

fn read(json: &str) -> Result<Document, String> {
    serde_json::from_str::<Given>(json).map(|given| given.0).map_err(|error| {
        let text = error.to_string();
        text.split(" at line ").next().unwrap_or_default().to_owned()
    })
}

/// A document of one field `a`, from the bytes of its value.
fn raw(kind: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0, 0, kind, b'a', 0];
    bytes.extend(value);
    bytes.push(0);
    let length = i32::try_from(bytes.len()).unwrap().to_le_bytes();
    bytes[..4].copy_from_slice(&length);
    bytes
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn text(&mut self) -> String {
        let letters = ["a", "é", "🦀", "\"", "\\", "\n", "\u{1}", " ", "$", ".", "\u{2028}", "0"];
        (0..self.below(6)).map(|_| letters[self.below(12) as usize]).collect()
    }

    fn edge(&mut self) -> i64 {
        let near =
            [0, 1 << 31, 1 << 53, i64::MAX, i64::MIN, 253_402_300_800_000, self.next() as i64];
        near[self.below(7) as usize].wrapping_add(self.below(5) as i64 - 2)
    }

    /// A value of one of the types, in BSON's own bytes.
    fn value(&mut self, kind: u8, depth: u64) -> Vec<u8> {
        let string = |text: String| {
            let mut bytes = i32::try_from(text.len() + 1).unwrap().to_le_bytes().to_vec();
            bytes.extend(text.as_bytes());
            bytes.push(0);
            bytes
        };
        match kind {
            0x01 => {
                let doubles =
                    [0.0, -0.0, 1.0, 0.1, 1e300, 5e-324, f64::NAN, f64::INFINITY, -f64::INFINITY];
                let any = f64::from_bits(self.next());
                let any = if any.is_nan() { f64::NAN } else { any };
                let picked = self.below(18) as usize;
                doubles.get(picked).copied().unwrap_or(any).to_le_bytes().to_vec()
            }
            0x02 | 0x0D | 0x0E => string(self.text()),
            0x03 => self.document(depth, false),
            0x04 => self.document(depth, true),
            0x05 => {
                let subtype = [0, 1, 2, 3, 4, 5, 6, 8, 0x80, 0xFF][self.below(10) as usize];
                let payload: Vec<u8> = (0..self.below(20)).map(|_| self.next() as u8).collect();
                let length = i32::try_from(payload.len()).unwrap();
                let mut bytes = Vec::new();
                if subtype == 2 {
                    bytes.extend((length + 4).to_le_bytes());
                    bytes.push(subtype);
                    bytes.extend(length.to_le_bytes());
                } else {
                    bytes.extend(length.to_le_bytes());
                    bytes.push(subtype);
                }
                bytes.extend(payload);
                bytes
            }
            0x07 => (0..12).map(|_| self.next() as u8).collect(),
            0x08 => vec![self.below(2) as u8],
            0x09 | 0x12 => self.edge().to_le_bytes().to_vec(),
            0x0B => {
                let mut bytes = self.text().into_bytes();
                bytes.push(0);
                bytes.extend(["", "i", "im", "imsux"][self.below(4) as usize].bytes());
                bytes.push(0);
                bytes
            }
            0x0C => {
                let mut bytes = string(self.text());
                bytes.extend((0..12).map(|_| self.next() as u8));
                bytes
            }
            0x0F => {
                let mut bytes = string(self.text());
                bytes.extend(self.document(depth, false));
                let total = i32::try_from(bytes.len() + 4).unwrap();
                [total.to_le_bytes().to_vec(), bytes].concat()
            }
            0x10 => (self.next() as i32).to_le_bytes().to_vec(),
            0x11 => self.next().to_le_bytes().to_vec(),
            0x13 => {
                let digits = self.next();
                let spelled = [
                    "0",
                    "-0",
                    "0E-6176",
                    "1.50",
                    "-1E+6111",
                    "NaN",
                    "Infinity",
                    "-Infinity",
                    "9.999999999999999999999999999999999E+6144",
                    "0.00000001",
                ];
                let decimal = match spelled.get(self.below(15) as usize) {
                    Some(spelled) => (*spelled).to_owned(),
                    None => format!("{digits}E{}", self.below(400) as i64 - 200),
                };
                decimal.parse::<bson::Decimal128>().unwrap().bytes().to_vec()
            }
            _ => Vec::new(),
        }
    }

    fn document(&mut self, depth: u64, array: bool) -> Vec<u8> {
        const KINDS: [u8; 21] = [
            1, 2, 3, 4, 5, 6, 7, 8, 9, 0xA, 0xB, 0xC, 0xD, 0xE, 0xF, 0x10, 0x11, 0x12, 0x13, 0xFF,
            0x7F,
        ];
        let mut bytes = vec![0; 4];
        for i in 0..self.below(if depth == 0 { 2 } else { 6 }) {
            let mut kind = KINDS[self.below(21) as usize];
            if depth == 0 && matches!(kind, 3 | 4 | 0xF) {
                kind = 2;
            }
            bytes.push(kind);
            let name = if array { i.to_string() } else { format!("{i}{}", self.text()) };
            bytes.extend(name.bytes());
            bytes.push(0);
            bytes.extend(self.value(kind, depth.saturating_sub(1)));
        }
        bytes.push(0);
        let length = i32::try_from(bytes.len()).unwrap().to_le_bytes();
        bytes[..4].copy_from_slice(&length);
        bytes
    }
}

#[test]
fn every_type_survives_byte_for_byte() {
    let mut dice = Dice(0x5EED_1234_ABCD_0001);
    for round in 0..4_000 {
        let original = dice.document(4, false);
        let mut json = String::new();
        Writer::new(Form::Canonical).document(&original, &mut json).unwrap();
        let back = read(&json).unwrap_or_else(|problem| panic!("{round}: {problem}: {json}"));
        assert_eq!(back.to_vec().unwrap(), original, "{round}: {json}");
        // The relaxed form keeps everything but the width of integers.
        let mut relaxed = String::new();
        Writer::new(Form::Relaxed).document(&original, &mut relaxed).unwrap();
        let again = written(&read(&relaxed).unwrap(), Form::Relaxed);
        assert_eq!(again, relaxed, "{round}");
    }
}

#[test]
fn the_two_forms() {
    let document = doc! {
        "i": 5, "l": 5_i64, "big": 9_007_199_254_740_993_i64, "least": i64::MIN, "d": 5.0,
        "zero": -0.0, "e": 1e17, "nan": f64::NAN,
        "date": bson::DateTime::from_millis(1_717_156_800_123),
        "whole": bson::DateTime::from_millis(951_782_400_000),
        "before": bson::DateTime::from_millis(-1),
        "after": bson::DateTime::from_millis(253_402_300_800_000),
        "u": Binary { subtype: BinarySubtype::Uuid, bytes: vec![0xAB; 16] },
    };
    assert_eq!(
        written(&document, Form::Relaxed),
        concat!(
            r#"{"i":5,"l":5,"big":{"$numberLong":"9007199254740993"},"#,
            r#""least":{"$numberLong":"-9223372036854775808"},"d":5.0,"#,
            r#""zero":-0.0,"e":1e17,"nan":{"$numberDouble":"NaN"},"#,
            r#""date":{"$date":"2024-05-31T12:00:00.123Z"},"#,
            r#""whole":{"$date":"2000-02-29T00:00:00Z"},"#,
            r#""before":{"$date":{"$numberLong":"-1"}},"#,
            r#""after":{"$date":{"$numberLong":"253402300800000"}},"#,
            r#""u":{"$binary":{"base64":"q6urq6urq6urq6urq6urqw==","subType":"04"}}}"#
        )
    );
    let canonical = written(&doc! { "i": 5, "l": 5_i64, "d": 5.0, "zero": -0.0 }, Form::Canonical);
    assert_eq!(
        canonical,
        concat!(
            r#"{"i":{"$numberInt":"5"},"l":{"$numberLong":"5"},"#,
            r#""d":{"$numberDouble":"5.0"},"zero":{"$numberDouble":"-0.0"}}"#
        )
    );
}

#[test]
fn every_day_is_written_as_the_calendar_has_it() {
    for day in (0..2_932_897_i64).step_by(97) {
        let mut ours = String::new();
        assert!(date::write(day * 86_400_000 + 1, &mut ours));
        let theirs = bson::DateTime::from_millis(day * 86_400_000 + 1);
        assert_eq!(ours, theirs.try_to_rfc3339_string().unwrap());
        assert_eq!(date::read(&ours), Ok(day * 86_400_000 + 1));
    }
}

#[test]
fn order_and_duplicate_names_are_kept() {
    let document = rawdoc! { "b": 1, "a": 2, "b": 3 };
    let mut out = String::new();
    Writer::new(Form::Relaxed).document(document.as_bytes(), &mut out).unwrap();
    assert_eq!(out, r#"{"b":1,"a":2,"b":3}"#);
    let given = read(r#"{"z":1,"a":1,"m":{"y":1,"b":1}}"#).unwrap();
    let names: Vec<&String> = given.keys().collect();
    assert_eq!(names, ["z", "a", "m"]);
    let twice = read(r#"{"a":[{"b":1,"b":2}]}"#).unwrap_err();
    assert_eq!(twice, "duplicate key `b`");
}

#[test]
fn hostile_bytes_are_errors() {
    let mut dice = Dice(0xBAD_5EED);
    let valid = dice.document(4, false);
    let mut out = String::from("before");
    for cut in 0..valid.len() {
        assert!(Writer::new(Form::Relaxed).document(&valid[..cut], &mut out).is_err(), "{cut}");
        assert_eq!(out, "before", "nothing is left of it");
    }
    for _ in 0..20_000 {
        let mut bytes = dice.document(3, false);
        for _ in 0..=dice.below(3) {
            let at = dice.below(bytes.len() as u64) as usize;
            bytes[at] = dice.next() as u8;
        }
        let mut out = String::new();
        if Writer::new(Form::Canonical).document(&bytes, &mut out).is_ok() {
            assert!(serde_json::from_str::<Value>(&out).is_ok(), "{out}");
        }
    }
    for (kind, value) in [
        (0x02, &b"\x02\0\0\0\xFF\0"[..]),
        (0x02, b"\0\0\0\0"),
        (0x02, b"\xFF\xFF\xFF\xFF\0"),
        (0x05, b"\x04\0\0\0\x02\xFF\0\0\0"),
        (0x08, b"\x02"),
        (0x0F, b"\x04\0\0\0"),
        (0x55, b""),
    ] {
        let out = &mut String::new();
        assert!(Writer::new(Form::Relaxed).document(&raw(kind, value), out).is_err(), "{kind}");
    }
    let mut deep = doc! {};
    for _ in 0..150 {
        deep = doc! { "a": [deep] };
    }
    let bytes = deep.to_vec().unwrap();
    let error = Writer::new(Form::Relaxed).document(&bytes, &mut String::new()).unwrap_err();
    assert!(error.to_string().contains("nested too deep"));
}

#[test]
fn any_decimal_is_written() {
    let mut dice = Dice(7);
    for _ in 0..20_000 {
        let bytes = [dice.next().to_le_bytes(), dice.next().to_le_bytes()].concat();
        let mut out = String::new();
        Writer::new(Form::Relaxed).document(&raw(0x13, &bytes), &mut out).unwrap();
        assert!(read(&out).is_ok(), "{out}");
    }
}

#[test]
fn wrappers_are_understood_strictly() {
    for wrong in [
        r#"{"a":{"$oid":"5"}}"#,
        r#"{"a":{"$oid":"+12345678901234567890123"}}"#,
        r#"{"a":{"$oid":"507f1f77bcf86cd799439011","b":1}}"#,
        r#"{"a":{"$numberLong":5}}"#,
        r#"{"a":{"$numberLong":"9223372036854775808"}}"#,
        r#"{"a":{"$numberLong":"+5"}}"#,
        r#"{"a":{"$numberInt":"2147483648"}}"#,
        r#"{"a":{"$numberDouble":"inf"}}"#,
        r#"{"a":{"$numberDouble":"1e999"}}"#,
        r#"{"a":{"$numberDecimal":"1.00000000000000000000000000000000001"}}"#,
        r#"{"a":{"$binary":{"base64":"q6","subType":"04"}}}"#,
        r#"{"a":{"$binary":{"base64":"q6s=","subType":"+4"}}}"#,
        r#"{"a":{"$binary":{"base64":"q6s=","subType":"04","x":1}}}"#,
        r#"{"a":{"$uuid":"+3b6bd0d-4d62-4a1b-8d2e-3c1f0e6f1a2b"}}"#,
        r#"{"a":{"$date":"yesterday"}}"#,
        r#"{"a":{"$date":"2024-05-31T12:00:00"}}"#,
        r#"{"a":{"$date":"2024-05-31T12:00:00.1234Z"}}"#,
        r#"{"a":{"$date":1.5}}"#,
        r#"{"a":{"$timestamp":{"t":1}}}"#,
        r#"{"a":{"$timestamp":{"t":-1,"i":1}}}"#,
        r#"{"a":{"$regularExpression":{"pattern":"a","options":"mi"}}}"#,
        r#"{"a":{"$regularExpression":{"pattern":"a\u0000","options":""}}}"#,
        r#"{"a":{"$minKey":2}}"#,
        r#"{"a":{"$scope":{}}}"#,
        r#"{"a":{"$undefined":false}}"#,
        r#"{"a\u0000b":1}"#,
        r#"{"a":18446744073709551615}"#,
        r#"{"a":123456789012345678901234567890}"#,
        r#"{"$oid":"507f1f77bcf86cd799439011"}"#,
    ] {
        let problem = read(wrong).unwrap_err();
        assert!(
            !problem.contains('.') || wrong.contains('.') || problem.contains('`'),
            "{problem}"
        );
    }
    assert_eq!(
        read(r#"{"a":[{"b":{"$oid":"x"}}]}"#).unwrap_err(),
        "`a.0.b.$oid`: takes 24 hexadecimal digits"
    );
    let operators = r#"{"a":{"$regex":"x","$options":"i"},"b":{"$gt":1.5},"c":{"$nonsense":1}}"#;
    assert_eq!(
        read(operators).unwrap(),
        doc! { "a": { "$regex": "x", "$options": "i" }, "b": { "$gt": 1.5 }, "c": { "$nonsense": 1 } }
    );
    let day = bson::DateTime::from_millis(1_717_113_600_000);
    for date in [r#""2024-05-31""#, "1717113600000", r#""2024-05-31T02:00:00+02:00""#] {
        assert_eq!(read(&format!(r#"{{"a":{{"$date":{date}}}}}"#)).unwrap(), doc! { "a": day });
    }
    let uuid = read(r#"{"a":{"$uuid":"abababab-abab-abab-abab-abababababab"}}"#).unwrap();
    let expected = Binary { subtype: BinarySubtype::Uuid, bytes: vec![0xAB; 16] };
    assert_eq!(uuid.get("a"), Some(&Bson::Binary(expected)));
}

struct Rules;

impl Sight for Rules {
    fn seen(&self, path: &[&str]) -> Seen {
        match path {
            ["secret"] | ["a", "secret"] => Seen::Denied,
            ["email" | "n" | "id" | "doc"] | ["people", "email"] => Seen::Masked(Mask::Last4),
            ["hash"] => Seen::Masked(Mask::Hash),
            ["a" | "people"] => Seen::Partly,
            _ => Seen::Clear,
        }
    }
}

#[test]
fn what_is_hidden_is_not_written() {
    let veil = || Some(Veil::new(Box::new(Rules), Masks::default()));
    let document = doc! {
        "secret": "s1", "x": 1, "a": [{ "secret": { "deep": "s2" }, "b": 1 }, { "secret": 1 }],
        "email": ["ada@example.org", Bson::Null], "people": [{ "email": "bob@example.org" }],
        "n": 4_111_111_111_111_234_i64, "id": bson::oid::ObjectId::from_bytes([7; 12]),
        "doc": { "secret": "s3" }, "hash": "v",
    };
    let mut writer = Writer::new(Form::Relaxed).behind(veil());
    let mut out = String::new();
    writer.document(&document.to_vec().unwrap(), &mut out).unwrap();
    assert_eq!(
        out,
        concat!(
            r#"{"x":1,"a":[{"b":1},{}],"email":["[redacted:masked].org",null],"#,
            r#""people":[{"email":"[redacted:masked].org"}],"n":"[redacted:masked]1234","#,
            r#""id":"[redacted:masked]","doc":"[redacted:masked]","hash":"[redacted:hash_]"}"#
        )
    );
    assert_eq!(writer.hidden(), Hidden { omitted: 3, masked: 6 });
    let mut out = String::new();
    let element = raw(0x02, b"\x03\0\0\0s4\0");
    writer.value(0x02, &element[7..], &["secret"], &mut out).unwrap();
    assert_eq!(out, "null");
}

#[test]
fn names_that_are_data_are_not_remembered_for_ever() {
    let mut writer =
        Writer::new(Form::Relaxed).behind(Some(Veil::new(Box::new(Rules), Masks::default())));
    let mut out = String::new();
    for i in 0..30_000 {
        let name = format!("n{i}");
        let document = doc! { name: 1, "a": { "secret": 1, "b": 2 }, "secret": 3 };
        out.clear();
        writer.document(&document.to_vec().unwrap(), &mut out).unwrap();
        assert_eq!(out, format!(r#"{{"n{i}":1,"a":{{"b":2}}}}"#));
    }
    let mut other = RawDocumentBuf::new();
    for i in 0..30_000 {
        let name = bson::raw::CString::try_from(format!("m{i}")).unwrap();
        other.append(name, rawdoc! { "a": { "secret": 1 } });
    }
    out.clear();
    writer.document(other.as_bytes(), &mut out).unwrap();
    assert!(format!("{writer:?}").contains("20000 paths"));
}
