use std::time::Instant;

use lockkeeper_core::Masks;
use tokio_postgres::types::{Field, Kind, Type};

use super::*;

/// Numbers that look random and are the same in every run.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut n = self.0;
        n = (n ^ n >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        n = (n ^ n >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        n ^ n >> 31
    }

    pub(super) fn below(&mut self, end: u64) -> usize {
        usize::try_from(self.next() % end).unwrap()
    }

    pub(super) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

pub(super) fn new_type(name: &str, kind: Kind) -> Type {
    Type::new(name.to_owned(), 100_000, kind, "public".to_owned())
}

pub(super) fn cell(type_: &Type, bytes: &[u8], longest: usize) -> (String, Tally) {
    let masks = Masks::default();
    let (mut text, mut tally) = (String::new(), Tally::default());
    let show = Show { masks: &masks, longest };
    Shown::new(type_, None).write(Some(bytes), show, &mut text, &mut tally);
    (text, tally)
}

pub(super) fn json(type_: &Type, bytes: &[u8], longest: usize) -> Value {
    let masks = Masks::default();
    let show = Show { masks: &masks, longest };
    Shown::new(type_, None).json(Some(bytes), show, &mut Tally::default())
}

fn array(element: u32, dimensions: &[(i32, i32)], elements: &[Option<&[u8]>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(i32::try_from(dimensions.len()).unwrap().to_be_bytes());
    bytes.extend(0_i32.to_be_bytes());
    bytes.extend(element.to_be_bytes());
    for (length, lower) in dimensions {
        bytes.extend(length.to_be_bytes());
        bytes.extend(lower.to_be_bytes());
    }
    for element in elements {
        bytes.extend(element.map_or(-1, |e| i32::try_from(e.len()).unwrap()).to_be_bytes());
        bytes.extend(element.unwrap_or_default());
    }
    bytes
}

fn record(fields: &[(u32, &[u8])]) -> Vec<u8> {
    let mut bytes = i32::try_from(fields.len()).unwrap().to_be_bytes().to_vec();
    for (oid, value) in fields {
        bytes.extend(oid.to_be_bytes());
        bytes.extend(i32::try_from(value.len()).unwrap().to_be_bytes());
        bytes.extend(*value);
    }
    bytes
}

#[test]
fn a_cell_is_a_field_of_copy() {
    let (text, tally) = cell(&Type::TEXT, b"a\tb\nc\\N\r\x08\x0b\x0c", 100);
    assert_eq!(text, "a\\tb\\nc\\\\N\\r\\b\\v\\f");
    assert_eq!(tally, Tally::default());
    let masks = Masks::default();
    let show = Show { masks: &masks, longest: 100 };
    let mut text = String::new();
    Shown::new(&Type::TEXT, None).write(None, show, &mut text, &mut Tally::default());
    assert_eq!(text, "\\N");
}

#[test]
fn what_is_cut_says_so() {
    let (text, tally) = cell(&Type::TEXT, "größe".repeat(10).as_bytes(), 12);
    assert_eq!(text, "größegrö…[cut: 70 bytes]");
    assert_eq!(tally.cut, 1);
    let (text, _) = cell(&Type::BYTEA, &[0xAB; 1_000], 10);
    assert_eq!(text, "\\\\xabababab…[cut: 1000 bytes]");
    let vector = new_type("vector", Kind::Simple);
    let mut bytes = vec![0x06, 0, 0, 0];
    (0..1536).for_each(|_| bytes.extend(0.5_f32.to_be_bytes()));
    assert_eq!(cell(&vector, &bytes, 10).0, "[0.5,0.5…[cut: 1536 dimensions]");
    assert_eq!(json(&vector, &bytes, 10), "[0.5,0.5…[cut: 1536 dimensions]");
    assert_eq!(json(&vector, &bytes, 100_000).as_array().map(Vec::len), Some(1536));
}

#[test]
fn what_is_no_value_says_so() {
    let (text, tally) = cell(&Type::INT4, &[0, 0, 1], 100);
    assert_eq!((text.as_str(), tally.unreadable), ("[unreadable: it ends too early]", 1));
    assert_eq!(cell(&Type::TEXT, b"\xff", 100).0, "[unreadable: it isn't UTF-8]");
    assert_eq!(cell(&Type::INT2, &[0; 4], 100).0, "[unreadable: it goes on after its end]");
    assert_eq!(json(&Type::INT2, &[0; 4], 100), "[unreadable: it goes on after its end]");
    let (text, tally) = cell(&new_type("box2d", Kind::Simple), &[1, 2], 100);
    assert_eq!((text.as_str(), tally.unknown), ("\\\\x0102", 1));
}

#[test]
fn json_of_values() {
    let one = 1_i32.to_be_bytes();
    for (type_, bytes, expected) in [
        (Type::INT4, one.to_vec(), serde_json::json!(1)),
        (Type::INT8, i64::MAX.to_be_bytes().to_vec(), "9223372036854775807".into()),
        (Type::FLOAT4, 0.1_f32.to_be_bytes().to_vec(), serde_json::json!(0.1)),
        (Type::FLOAT8, 1e300_f64.to_be_bytes().to_vec(), serde_json::json!(1e300)),
        (Type::FLOAT8, f64::INFINITY.to_be_bytes().to_vec(), "Infinity".into()),
        (Type::BOOL, vec![1], true.into()),
        (Type::TIMESTAMPTZ, vec![0; 8], "2000-01-01T00:00:00Z".into()),
        (Type::TIMESTAMP, vec![0; 8], "2000-01-01 00:00:00".into()),
        (Type::JSONB, b"\x01{\"a\": 1.50}".to_vec(), r#"{"a": 1.50}"#.into()),
        (
            Type::INT4_ARRAY,
            array(23, &[(2, 1), (1, 1)], &[Some(&one), None]),
            serde_json::json!([[1], [null]]),
        ),
        (Type::INT4_ARRAY, array(23, &[(1, 0)], &[Some(&one)]), "[0:0]={1}".into()),
        (Type::INT4_ARRAY, array(23, &[], &[]), serde_json::json!([])),
        (Type::RECORD, record(&[(23, &one), (25, b"x")]), serde_json::json!([1, "x"])),
        (
            new_type(
                "pair",
                Kind::Composite(vec![
                    Field::new("n".into(), Type::INT4),
                    Field::new("t".into(), Type::TEXT),
                ]),
            ),
            record(&[(23, &one), (25, b"x")]),
            serde_json::json!({"n": 1, "t": "x"}),
        ),
        (
            new_type("hstore", Kind::Simple),
            b"\0\0\0\x02\0\0\0\x01a\0\0\0\x011\0\0\0\x01b\xff\xff\xff\xff".to_vec(),
            serde_json::json!({"a": "1", "b": null}),
        ),
    ] {
        assert_eq!(json(&type_, &bytes, 1_000), expected, "{type_}");
    }
}

#[test]
fn masked_values_are_not_decoded_for_anyone() {
    let masks = Masks::default();
    let show = Show { masks: &masks, longest: 100 };
    for (mask, type_, bytes, expected) in [
        (Mask::Redact, Type::TEXT, b"4111111111111234".as_slice(), "[redacted:masked]"),
        (Mask::Last4, Type::TEXT, b"4111111111111234", "[redacted:masked]1234"),
        (Mask::Last4, Type::INT8, &[0, 0, 0, 0xE8, 0xD4, 0xA5, 0x10, 1], "[redacted:masked]0001"),
        // What can't be read may hold it all the same.
        (Mask::Last4, Type::JSONB, b"\x074111111111111234", "[redacted:masked]"),
    ] {
        let shown = Shown::new(&type_, Some(mask));
        let (mut text, mut tally) = (String::new(), Tally::default());
        shown.write(Some(bytes), show, &mut text, &mut tally);
        assert_eq!((text.as_str(), tally.masked), (expected, 1));
        assert_eq!(shown.json(Some(bytes), show, &mut tally), expected);
    }
}

/// A quote within rows within rows is doubled at each level: 60 bytes would become 2⁴⁰.
#[test]
fn quotes_do_not_multiply_beyond_the_limit() {
    let mut bytes = record(&[(25, b"\"")]);
    for _ in 0..40 {
        bytes = record(&[(2249, &bytes)]);
    }
    let (text, tally) = cell(&Type::RECORD, &bytes, 10_000);
    assert!(text.len() < 50_000, "{}", text.len());
    assert_eq!(tally.cut, 1);
    for _ in 0..100_000 {
        bytes = record(&[(2249, &bytes)]);
        if bytes.len() > 100_000 {
            break;
        }
    }
    let expected = "[unreadable: it is nested too deep]";
    assert_eq!(cell(&Type::RECORD, &bytes, 10_000).0, expected);
    assert_eq!(json(&Type::RECORD, &bytes, 10_000), expected);
}

#[test]
fn a_query_of_many_operators_is_no_deep_recursion() {
    let mut bytes = 200_001_i32.to_be_bytes().to_vec();
    bytes.extend([2, 1].repeat(200_000));
    bytes.extend(b"\x01\0\0a\0");
    let (text, _) = cell(&Type::TSQUERY, &bytes, 1_000_000);
    assert_eq!(text.len(), 200_003);
}

/// All types by their OIDs, and some that have none.
pub(super) fn all_types() -> Vec<Type> {
    let mut types: Vec<Type> = (0..10_000).filter_map(Type::from_oid).collect();
    let simple = ["citext", "ltree", "hstore", "vector", "halfvec", "sparsevec", "geometry", "x"];
    types.extend(simple.map(|name| new_type(name, Kind::Simple)));
    types.extend(simple.map(|name| new_type("_", Kind::Array(new_type(name, Kind::Simple)))));
    let fields = vec![Field::new("a".into(), Type::INT4), Field::new("b".into(), Type::TEXT_ARRAY)];
    let composite = new_type("pair", Kind::Composite(fields));
    types.push(new_type("_pair", Kind::Array(composite.clone())));
    types.push(new_type("domain", Kind::Domain(composite)));
    types.push(new_type("range", Kind::Range(Type::TEXT)));
    types
}

/// Whatever the bytes: no panic, no text longer than asked for but for a little, no long time.
pub(super) fn survives(type_: &Type, bytes: &[u8]) {
    const LONGEST: usize = 4_096;
    let started = Instant::now();
    let (text, _) = cell(type_, bytes, LONGEST);
    let json = json(type_, bytes, LONGEST).to_string();
    assert!(started.elapsed().as_millis() < 500, "{type_}: {bytes:?}");
    // Each byte may be escaped.
    assert!(text.len() < 2 * LONGEST + 200, "{type_}: {}", text.len());
    assert!(json.len() < 8 * LONGEST + 200, "{type_}: {}", json.len());
}

#[test]
fn hostile_bytes_do_no_harm() {
    let mut random = Random(6);
    let types = all_types();
    let numbers: [i32; 12] = [0, 1, 2, 3, 4, 6, 23, 25, -1, 2_249, i32::MAX, i32::MIN];
    for type_ in &types {
        for round in 0..120 {
            // Half of them is random, half looks like counts and lengths.
            let mut bytes = Vec::new();
            while bytes.len() < round {
                match random.below(3) {
                    0 => bytes.extend(numbers[random.below(12)].to_be_bytes()),
                    1 => bytes.extend([0, 0, 0, u8::try_from(random.below(20)).unwrap()]),
                    _ => {
                        let count = random.below(6);
                        bytes.extend(random.bytes(count));
                    }
                }
            }
            survives(type_, &bytes);
        }
    }
}

#[test]
fn announced_sizes_are_not_believed() {
    let huge = i32::MAX.to_be_bytes();
    for (type_, bytes) in [
        (
            Type::INT4_ARRAY,
            [1_i32.to_be_bytes(), [0; 4], 23_i32.to_be_bytes(), huge, [0; 4]].concat(),
        ),
        (Type::INT4_ARRAY, [6_i32.to_be_bytes(), [0; 4], huge, huge, huge].concat()),
        (Type::RECORD, huge.to_vec()),
        (Type::POLYGON, huge.to_vec()),
        (Type::VARBIT, huge.to_vec()),
        (Type::TS_VECTOR, huge.to_vec()),
        (Type::TSQUERY, huge.to_vec()),
        (Type::INT4MULTI_RANGE, huge.to_vec()),
        (new_type("hstore", Kind::Simple), huge.to_vec()),
        (new_type("vector", Kind::Simple), vec![0x7F, 0xFF, 0, 0]),
        (new_type("sparsevec", Kind::Simple), [huge, huge, [0; 4]].concat()),
    ] {
        assert_eq!(cell(&type_, &bytes, 100).1.unreadable, 1, "{type_}");
    }
}
