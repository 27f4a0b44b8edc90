//! From a type to how its values are read. Told by OID where PostgreSQL has fixed it, by name for
//! types of extensions.

use serde_json::Value;
use tokio_postgres::types::{Kind, Type};

use super::container::{self, Field};
use super::json::Budget;
use super::wire::{Out, Problem, Reader};
use super::{extension, number, postgis, scalar, search, time};

pub(super) type Write = fn(&mut Reader<'_>, &mut Out<'_>) -> Result<(), Problem>;

/// How the values of a type are read.
#[derive(Debug)]
pub(super) enum Codec {
    /// Text, in JSON a string.
    Text(Write),
    /// Text that is a number in JSON too, if it can be one.
    Number(Write),
    Bool,
    /// timestamptz
    Moment,
    Hstore,
    Vector(fn(&mut Reader<'_>) -> Result<Vec<f32>, Problem>),
    Array {
        element: Box<Self>,
        delimiter: char,
    },
    /// Says itself what its elements are.
    AnyArray,
    Range(Box<Self>),
    Multirange(Box<Self>),
    Composite(Box<[Field]>),
    /// Says itself what its fields are.
    Record,
    Unknown,
}

impl Codec {
    pub(super) fn of(type_: &Type) -> Self {
        if let Some(codec) = Self::built_in(type_.oid()) {
            return codec;
        }
        match type_.kind() {
            Kind::Array(element) => {
                Self::Array { delimiter: delimiter(element), element: Box::new(Self::of(element)) }
            }
            Kind::Range(bound) => Self::Range(Box::new(Self::of(bound))),
            Kind::Multirange(bound) => Self::Multirange(Box::new(Self::of(bound))),
            Kind::Domain(base) => Self::of(base),
            Kind::Enum(_) => Self::Text(scalar::text),
            Kind::Composite(fields) => {
                let field = |field: &tokio_postgres::types::Field| Field {
                    name: field.name().to_owned(),
                    oid: field.type_().oid(),
                    codec: Self::of(field.type_()),
                };
                Self::Composite(fields.iter().map(field).collect())
            }
            Kind::Simple => Self::named(type_.name()),
            _ => Self::Unknown,
        }
    }

    /// Of a type that PostgreSQL brings with it, by its OID.
    pub(super) fn of_oid(oid: u32) -> Self {
        Type::from_oid(oid).map_or(Self::Unknown, |type_| Self::of(&type_))
    }

    /// <https://github.com/postgres/postgres/blob/master/src/include/catalog/pg_type.dat>
    fn built_in(oid: u32) -> Option<Self> {
        Some(match oid {
            16 => Self::Bool,
            17 => Self::Text(scalar::bytea),
            18 => Self::Text(scalar::char),
            // name, text, pg_node_tree, xml, unknown, bpchar, varchar, refcursor, cstring
            19 | 25 | 194 | 142 | 705 | 1042 | 1043 | 1790 | 2275 | 114 => Self::Text(scalar::text),
            20 => Self::Text(number::int8),
            21 => Self::Number(number::int2),
            23 => Self::Number(number::int4),
            // oid, xid, cid, and what is an oid with a name
            26 | 28 | 29 | 24 | 2202..=2206 | 3734 | 3769 | 4089 | 4096 | 4191 => {
                Self::Number(number::oid)
            }
            22 | 30 => Self::Text(scalar::vector_of_numbers),
            27 => Self::Text(scalar::tid),
            600 => Self::Text(scalar::point),
            601 => Self::Text(scalar::segment),
            602 => Self::Text(scalar::path),
            603 => Self::Text(scalar::rectangle),
            604 => Self::Text(scalar::polygon),
            628 => Self::Text(scalar::line),
            718 => Self::Text(scalar::circle),
            700 => Self::Number(number::real),
            701 => Self::Number(number::double),
            790 => Self::Text(number::money),
            1700 => Self::Text(number::numeric),
            650 | 869 => Self::Text(scalar::network),
            774 | 829 => Self::Text(scalar::macaddr),
            1082 => Self::Text(time::date),
            1083 => Self::Text(time::time),
            1114 => Self::Text(time::timestamp),
            1184 => Self::Moment,
            1186 => Self::Text(time::interval),
            1266 => Self::Text(time::timetz),
            1560 | 1562 => Self::Text(scalar::bits),
            2249 => Self::Record,
            2287 => Self::Array { element: Box::new(Self::Record), delimiter: ',' },
            2277 => Self::AnyArray,
            2278 => Self::Text(scalar::void),
            2950 => Self::Text(scalar::uuid),
            // txid_snapshot, pg_snapshot
            2970 | 5038 => Self::Text(scalar::snapshot),
            3220 => Self::Text(scalar::lsn),
            3614 => Self::Text(search::document),
            3615 => Self::Text(search::query),
            // jsonb, jsonpath
            3802 | 4072 => Self::Text(scalar::versioned),
            5069 => Self::Text(scalar::unsigned8),
            _ => return None,
        })
    }

    fn named(name: &str) -> Self {
        match name {
            "citext" => Self::Text(scalar::text),
            "ltree" | "lquery" | "ltxtquery" => Self::Text(scalar::versioned),
            "hstore" => Self::Hstore,
            "vector" => Self::Vector(extension::vector),
            "halfvec" => Self::Vector(extension::halfvec),
            "sparsevec" => Self::Text(extension::sparsevec),
            "geometry" | "geography" => Self::Text(postgis::geometry),
            _ => Self::Unknown,
        }
    }

    /// Whether there is a type in it that we don't know.
    pub(super) fn is_unknown(&self) -> bool {
        match self {
            Self::Unknown => true,
            Self::Array { element: inner, .. } | Self::Range(inner) | Self::Multirange(inner) => {
                inner.is_unknown()
            }
            Self::Composite(fields) => fields.iter().any(|field| field.codec.is_unknown()),
            _ => false,
        }
    }

    /// Writes a value as text.
    pub(super) fn write(&self, reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
        match self {
            Self::Text(write) | Self::Number(write) => write(reader, out),
            Self::Bool => {
                out.push_str(match (reader.u8()? != 0, out.is_within()) {
                    (true, false) => "true",
                    (false, false) => "false",
                    (true, true) => "t",
                    (false, true) => "f",
                });
                Ok(())
            }
            Self::Moment => time::timestamptz(reader, out),
            Self::Hstore => extension::hstore(reader, out),
            Self::Vector(numbers) => extension::numbers(out, &numbers(reader)?),
            Self::Array { element, delimiter } => {
                let array = container::Array::read(reader)?;
                array.write(reader, out, element, *delimiter)
            }
            Self::AnyArray => {
                let array = container::Array::read(reader)?;
                let element = Type::from_oid(array.element);
                let delimiter = element.as_ref().map_or(',', delimiter);
                array.write(reader, out, &Self::of_oid(array.element), delimiter)
            }
            Self::Range(bound) => container::range(reader, out, bound),
            Self::Multirange(bound) => container::multirange(reader, out, bound),
            Self::Composite(fields) => container::record(reader, out, fields),
            Self::Record => container::record(reader, out, &[]),
            Self::Unknown => {
                out.is_unknown = true;
                scalar::bytea(reader, out)
            }
        }
    }

    /// A value as JSON.
    pub(super) fn json(
        &self,
        reader: &mut Reader<'_>,
        budget: &mut Budget,
    ) -> Result<Value, Problem> {
        match self {
            Self::Bool => {
                budget.spend(0)?;
                Ok(Value::Bool(reader.u8()? != 0))
            }
            Self::Number(_) => {
                let text = budget.text(|out| self.write(reader, out))?;
                // NaN and the infinities are none of JSON's.
                Ok(text.parse().map_or(Value::String(text), Value::Number))
            }
            Self::Moment => budget.text(|out| time::rfc3339(reader, out)).map(Value::String),
            Self::Hstore => budget.hstore(reader),
            Self::Vector(numbers) => budget.numbers(&numbers(reader)?),
            Self::Array { element, .. } => budget.array(reader, self, Some(element)),
            Self::AnyArray => budget.array(reader, self, None),
            Self::Composite(fields) => budget.record(reader, fields),
            Self::Record => budget.record(reader, &[]),
            Self::Text(_) | Self::Range(_) | Self::Multirange(_) | Self::Unknown => {
                budget.text(|out| self.write(reader, out)).map(Value::String)
            }
        }
    }

    /// How large a value is that is shown in part.
    pub(super) fn size(&self, bytes: &[u8]) -> (usize, &'static str) {
        match self {
            Self::Vector(_) => (Reader::new(bytes).u16().map_or(0, usize::from), "dimensions"),
            _ => (bytes.len(), "bytes"),
        }
    }
}

/// What stands between the elements of an array: a comma but for types that have commas in them.
pub(super) fn delimiter(element: &Type) -> char {
    match (element.oid(), element.kind(), element.name()) {
        (603, ..) => ';',
        (_, Kind::Simple, "geometry" | "geography") => ':',
        _ => ',',
    }
}
