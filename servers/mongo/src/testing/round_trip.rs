//! Every type there and back through the whole server: what `find` shows is what `insert` stores, byte
//! for byte.

use bson::spec::ElementType;
use bson::{Bson, DateTime, Decimal128, Document, JavaScriptCodeWithScope, doc};
use bson::{RawDocumentBuf, Timestamp};
use lockkeeper_testkit::in_process::seen;
use serde_json::json;

use super::Shop;

/// Documents of one round trip.
const DOCUMENTS: usize = 120;

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn word(&mut self) -> u32 {
        (self.next() >> 32) as u32
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.next() % from.len() as u64).unwrap()].clone()
    }

    fn int(&mut self) -> i64 {
        let edges = [0, 1, -1, 1 << 31, 1 << 53, (1 << 53) + 1, -(1 << 53) - 1, i64::MAX, i64::MIN];
        let any = self.next().cast_signed();
        self.pick(&[edges.to_vec(), vec![any]].concat())
    }

    fn text(&mut self) -> String {
        self.pick(&["", "a", "ünï\n\"\\", "🦀", "$where", "a.b", "2026-01-01T00:00:00Z", "\u{1}"])
            .to_owned()
    }

    fn value(&mut self, kind: ElementType, depth: u32) -> Bson {
        match kind {
            ElementType::Double => {
                let any = f64::from_bits(self.next());
                let any = if any.is_finite() { any } else { 0.5 };
                let edges =
                    [0.0, -0.0, 0.1, 1e300, 5e-324, f64::NAN, f64::INFINITY, -f64::INFINITY];
                Bson::Double(self.pick(&[edges.to_vec(), vec![any, any]].concat()))
            }
            ElementType::EmbeddedDocument => Bson::Document(self.document(depth)),
            ElementType::Array => {
                Bson::Array((0..self.next() % 4).map(|_| self.any(depth)).collect())
            }
            ElementType::Binary => {
                let subtype = self.pick(&[0_u8, 1, 3, 4, 5, 6, 8, 0x80, 0xFF]);
                // Some subtypes are of one length.
                let length = if matches!(subtype, 3..=5) { 16 } else { self.next() % 20 };
                let bytes = (0..length).map(|_| self.next().to_le_bytes()[0]).collect();
                Bson::Binary(bson::Binary { subtype: subtype.into(), bytes })
            }
            ElementType::ObjectId => {
                let bytes = [self.next().to_be_bytes(), self.next().to_be_bytes()].concat();
                Bson::ObjectId(bson::oid::ObjectId::from_bytes(bytes[..12].try_into().unwrap()))
            }
            ElementType::Boolean => Bson::Boolean(self.next().is_multiple_of(2)),
            // Those that the deployment of the tests can read; `ejson/tests.rs` has all others.
            ElementType::DateTime => {
                let edges = [0, -1, 1, -62_135_596_800_000, 253_402_300_799_999];
                let any = self.int().rem_euclid(253_402_300_800_000);
                let millis = self.pick(&[edges.to_vec(), vec![any]].concat());
                Bson::DateTime(DateTime::from_millis(millis))
            }
            ElementType::RegularExpression => Bson::RegularExpression(bson::Regex {
                pattern: self.pick(&["^a.*", "", "\"/\\d+"]).try_into().unwrap(),
                options: self.pick(&["", "i", "imsx"]).try_into().unwrap(),
            }),
            ElementType::JavaScriptCode => Bson::JavaScriptCode(self.text()),
            ElementType::JavaScriptCodeWithScope => {
                let scope = self.document(0);
                Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope { code: self.text(), scope })
            }
            ElementType::Int32 => Bson::Int32(self.word().cast_signed()),
            ElementType::Timestamp => {
                Bson::Timestamp(Timestamp { time: self.word(), increment: self.word() })
            }
            ElementType::Int64 => Bson::Int64(self.int()),
            ElementType::Decimal128 => {
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
                Bson::Decimal128(self.pick(&spelled).parse::<Decimal128>().unwrap())
            }
            ElementType::MinKey => Bson::MinKey,
            ElementType::MaxKey => Bson::MaxKey,
            ElementType::Null => Bson::Null,
            _ => Bson::String(self.text()),
        }
    }

    fn any(&mut self, depth: u32) -> Bson {
        let kind = self.pick(&KINDS);
        let flat = depth == 0 && is_deep(kind);
        self.value(if flat { ElementType::String } else { kind }, depth.saturating_sub(1))
    }

    fn document(&mut self, depth: u32) -> Document {
        let names = ["b", "a", "ü", "z_", "0", "A b"];
        names
            .iter()
            .take(usize::try_from(self.next() % 7).unwrap())
            .map(|name| ((*name).to_owned(), self.any(depth)))
            .collect()
    }
}

fn is_deep(kind: ElementType) -> bool {
    use ElementType::{Array, EmbeddedDocument, JavaScriptCodeWithScope as Scoped};
    matches!(kind, Array | EmbeddedDocument | Scoped)
}

/// The types that MongoDB stores today.
const KINDS: [ElementType; 18] = [
    ElementType::Double,
    ElementType::String,
    ElementType::EmbeddedDocument,
    ElementType::Array,
    ElementType::Binary,
    ElementType::ObjectId,
    ElementType::Boolean,
    ElementType::DateTime,
    ElementType::Null,
    ElementType::RegularExpression,
    ElementType::JavaScriptCode,
    ElementType::JavaScriptCodeWithScope,
    ElementType::Int32,
    ElementType::Timestamp,
    ElementType::Int64,
    ElementType::Decimal128,
    ElementType::MinKey,
    ElementType::MaxKey,
];

#[test]
fn every_type_survives_find_and_insert() {
    let Some(shop) = Shop::empty() else { return };
    let mut dice = Dice(0x5EED_0000_1234_5678);
    let documents: Vec<Document> = (0..DOCUMENTS)
        .map(|n| {
            // Each type by itself first, then all kinds of mixtures.
            let id = i32::try_from(n).unwrap();
            let value = match KINDS.get(n % 40) {
                Some(kind) => dice.value(*kind, 2),
                None => Bson::Document(dice.document(3)),
            };
            doc! { "_id": id, "v": value, "w": dice.any(2) }
        })
        .collect();
    shop.run(|database| async move { database.collection("from").insert_many(documents).await });
    let mut client = shop.client("", &["--write", "--max-output", "100kB"]);
    let mut page =
        json!({"collection": "from", "format": "canonical", "sort": {"_id": 1}, "limit": 30});
    loop {
        let text = seen(&client.call("find", page.clone()));
        let (header, lines) = text.split_once('\n').unwrap();
        assert!(header.contains(" documents of "), "{header}");
        let documents = lines.lines().collect::<Vec<_>>().join(",");
        let arguments = format!("{{\"collection\":\"to\",\"documents\":[{documents}]}}");
        let stored = super::call_text(&mut client, "insert", &arguments);
        assert!(!stored.starts_with("error"), "{stored}");
        let Some((_, next)) = header.split_once("next: cursor ") else { break };
        page["cursor"] = next.split([']', ';']).next().unwrap().into();
    }
    let (from, to) = (bytes(&shop, "from"), bytes(&shop, "to"));
    assert_eq!(from.len(), DOCUMENTS);
    for (from, to) in from.iter().zip(&to) {
        assert_eq!(from.as_bytes(), to.as_bytes(), "{from:?}\n{to:?}");
    }
    assert_eq!(to.len(), DOCUMENTS);
}

fn bytes(shop: &Shop, collection: &'static str) -> Vec<RawDocumentBuf> {
    use futures_util::TryStreamExt as _;
    shop.run(|database| async move {
        let collection = database.collection::<RawDocumentBuf>(collection);
        collection.find(doc! {}).sort(doc! { "_id": 1 }).await?.try_collect().await
    })
}
