//! Values as JSON. What grows with a value is counted, so that a small one can't become much.

use serde_json::{Map, Number, Value};

use super::codec::Codec;
use super::container::{Array, Field};
use super::extension;
use super::wire::{Out, Problem, Reader, deeper};

/// What a value may still become.
pub(super) struct Budget {
    left: usize,
    depth: u8,
    /// There is something of an unknown type in it.
    pub(super) is_unknown: bool,
}

/// What each part costs beside its text.
const PART: usize = 8;

impl Budget {
    /// So many bytes of text. Parts cost too, so short ones come a little earlier to their end.
    pub(super) fn new(left: usize) -> Self {
        Self { left: left.saturating_add(PART), depth: 0, is_unknown: false }
    }

    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), Problem> {
        self.left = self.left.checked_sub(bytes.saturating_add(PART)).ok_or(Problem::Full)?;
        Ok(())
    }

    pub(super) fn text(
        &mut self,
        write: impl FnOnce(&mut Out<'_>) -> Result<(), Problem>,
    ) -> Result<String, Problem> {
        let mut text = String::new();
        let mut out = Out::new(&mut text, self.left);
        write(&mut out)?;
        self.is_unknown |= out.is_unknown;
        self.spend(text.len())?;
        Ok(text)
    }

    pub(super) fn numbers(&mut self, numbers: &[f32]) -> Result<Value, Problem> {
        let number = |n: &f32| {
            self.spend(0)?;
            // The shortest digits, not those of the wider type.
            let wider = n.to_string().parse().ok().and_then(Number::from_f64);
            Ok(wider.map_or_else(|| Value::String(n.to_string()), Value::Number))
        };
        numbers.iter().map(number).collect::<Result<_, _>>().map(Value::Array)
    }

    pub(super) fn hstore(&mut self, reader: &mut Reader<'_>) -> Result<Value, Problem> {
        let mut object = Map::new();
        extension::pairs(reader, |_, key, value| {
            self.spend(key.len() + value.map_or(0, str::len))?;
            object.insert(key.to_owned(), value.map_or(Value::Null, Value::from));
            Ok(())
        })?;
        Ok(Value::Object(object))
    }

    /// An array of what `element` says, or else of what it says itself.
    pub(super) fn array(
        &mut self,
        reader: &mut Reader<'_>,
        whole: &Codec,
        element: Option<&Codec>,
    ) -> Result<Value, Problem> {
        let mut ahead = *reader;
        let array = Array::read(&mut ahead)?;
        let Some(lengths) = array.plain() else {
            // Only the text knows lower bounds.
            return self.text(|out| whole.write(reader, out)).map(Value::String);
        };
        *reader = ahead;
        let own;
        let element = if let Some(element) = element {
            element
        } else {
            own = Codec::of_oid(array.element);
            &own
        };
        if lengths.is_empty() {
            return Ok(Value::Array(Vec::new()));
        }
        self.level(reader, &lengths, element)
    }

    fn level(
        &mut self,
        reader: &mut Reader<'_>,
        lengths: &[usize],
        element: &Codec,
    ) -> Result<Value, Problem> {
        self.spend(0)?;
        let Some((length, inner)) = lengths.split_first() else {
            return self.value(reader, element);
        };
        let items = (0..*length).map(|_| self.level(reader, inner, element));
        items.collect::<Result<_, _>>().map(Value::Array)
    }

    /// A row: an object if all of its fields have names.
    pub(super) fn record(
        &mut self,
        reader: &mut Reader<'_>,
        fields: &[Field],
    ) -> Result<Value, Problem> {
        let count = reader.count(8)?;
        let mut object = Map::new();
        let mut array = Vec::new();
        for place in 0..count {
            let oid = reader.u32()?;
            let known = fields.get(place).filter(|field| field.oid == oid);
            let value = match known {
                Some(field) => self.value(reader, &field.codec)?,
                None => self.value(reader, &Codec::of_oid(oid))?,
            };
            match fields.get(place) {
                Some(field) if fields.len() == count => {
                    self.spend(field.name.len())?;
                    object.insert(field.name.clone(), value);
                }
                _ => array.push(value),
            }
        }
        Ok(if fields.len() == count && count > 0 {
            Value::Object(object)
        } else {
            Value::Array(array)
        })
    }

    fn value(&mut self, reader: &mut Reader<'_>, codec: &Codec) -> Result<Value, Problem> {
        self.spend(0)?;
        let Some(mut value) = reader.value()? else {
            return Ok(Value::Null);
        };
        deeper(&mut self.depth)?;
        let json = codec.json(&mut value, self)?;
        self.depth -= 1;
        value.end()?;
        Ok(json)
    }
}
