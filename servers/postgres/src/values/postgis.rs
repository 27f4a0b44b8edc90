//! Geometries of `PostGIS`: EWKB, the form in which they travel, as EWKT. Digits as PostgreSQL's own
//! floats, so that none is lost (`ST_AsEWKT` rounds to 15).

use super::number::{float8, integer};
use super::wire::{Out, Problem, Reader};

/// <https://libgeos.org/specifications/wkb/>
pub(super) fn geometry(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    let head = Head::read(reader)?;
    if let Some(srid) = head.srid {
        out.push_str("SRID=");
        integer(out, i64::from(srid));
        out.push(';');
    }
    out.push_str(head.kind.name()?);
    if head.has_m && !head.has_z {
        out.push('M');
    }
    body(reader, out, &head, true)
}

struct Head {
    is_little: bool,
    kind: Kind,
    has_z: bool,
    has_m: bool,
    srid: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Kind(u32);

impl Kind {
    fn name(self) -> Result<&'static str, Problem> {
        Ok(match self.0 {
            1 => "POINT",
            2 => "LINESTRING",
            3 => "POLYGON",
            4 => "MULTIPOINT",
            5 => "MULTILINESTRING",
            6 => "MULTIPOLYGON",
            7 => "GEOMETRYCOLLECTION",
            8 => "CIRCULARSTRING",
            9 => "COMPOUNDCURVE",
            10 => "CURVEPOLYGON",
            11 => "MULTICURVE",
            12 => "MULTISURFACE",
            15 => "POLYHEDRALSURFACE",
            16 => "TIN",
            17 => "TRIANGLE",
            _ => return Err(Problem::Corrupt("its kind of geometry is unknown")),
        })
    }

    /// Whether a part of this kind is written without its name.
    fn is_plain(self, part: Self) -> bool {
        match self.0 {
            4 => part.0 == 1,
            5 | 9..=11 => part.0 == 2,
            6 | 12 | 15 => part.0 == 3,
            16 => part.0 == 17,
            _ => false,
        }
    }
}

impl Head {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Problem> {
        let is_little = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(Problem::Corrupt("its byte order is unknown")),
        };
        let code = number(reader, is_little)?;
        // ISO says with thousands what EWKB says with flags.
        let plain = code & 0x0FFF_FFFF;
        let dimensions = plain / 1000;
        if dimensions > 3 {
            return Err(Problem::Corrupt("its kind of geometry is unknown"));
        }
        let srid = if code & 0x2000_0000 != 0 { Some(number(reader, is_little)?) } else { None };
        Ok(Self {
            is_little,
            kind: Kind(plain % 1000),
            has_z: code & 0x8000_0000 != 0 || dimensions & 1 == 1,
            has_m: code & 0x4000_0000 != 0 || dimensions & 2 == 2,
            srid,
        })
    }

    fn dimensions(&self) -> usize {
        2 + usize::from(self.has_z) + usize::from(self.has_m)
    }
}

/// What stands after the name. `is_named`: there is one, from which EMPTY is set apart.
fn body(
    reader: &mut Reader<'_>,
    out: &mut Out<'_>,
    head: &Head,
    is_named: bool,
) -> Result<(), Problem> {
    let empty = |out: &mut Out<'_>| out.push_str(if is_named { " EMPTY" } else { "EMPTY" });
    if head.kind.0 == 1 {
        // An empty point is one of NaN.
        let all = reader.clone().bytes(head.dimensions() * 8)?;
        let (numbers, _) = all.as_chunks::<8>();
        let float = |bytes: &[u8; 8]| {
            if head.is_little { f64::from_le_bytes(*bytes) } else { f64::from_be_bytes(*bytes) }
        };
        if numbers.iter().all(|bytes| float(bytes).is_nan()) {
            reader.bytes(all.len())?;
            empty(out);
            return Ok(());
        }
        out.push('(');
        position(reader, out, head)?;
        out.push(')');
        return Ok(());
    }
    let least = match head.kind.0 {
        2 | 8 => head.dimensions() * 8,
        3 | 17 => 4,
        _ => 5,
    };
    let count = number(reader, head.is_little)?;
    let count = i32::try_from(count).map_err(|_| Problem::Corrupt("a count is too large"))?;
    let count = reader.fits(count, least)?;
    if count == 0 {
        empty(out);
        return Ok(());
    }
    out.push('(');
    for n in 0..count {
        out.room(8)?;
        if n > 0 {
            out.push(',');
        }
        match head.kind.0 {
            2 | 8 => position(reader, out, head)?,
            3 | 17 => ring(reader, out, head)?,
            _ => out.within(|out| part(reader, out, head))?,
        }
    }
    out.push(')');
    Ok(())
}

fn part(reader: &mut Reader<'_>, out: &mut Out<'_>, whole: &Head) -> Result<(), Problem> {
    let head = Head::read(reader)?;
    let is_named = !whole.kind.is_plain(head.kind);
    if is_named {
        out.push_str(head.kind.name()?);
        if head.has_m && !head.has_z {
            out.push('M');
        }
    }
    body(reader, out, &head, is_named)
}

fn ring(reader: &mut Reader<'_>, out: &mut Out<'_>, head: &Head) -> Result<(), Problem> {
    let count = number(reader, head.is_little)?;
    let count = i32::try_from(count).map_err(|_| Problem::Corrupt("a count is too large"))?;
    let count = reader.fits(count, head.dimensions() * 8)?;
    out.push('(');
    for n in 0..count {
        out.room(8)?;
        if n > 0 {
            out.push(',');
        }
        position(reader, out, head)?;
    }
    out.push(')');
    Ok(())
}

fn position(reader: &mut Reader<'_>, out: &mut Out<'_>, head: &Head) -> Result<(), Problem> {
    for n in 0..head.dimensions() {
        if n > 0 {
            out.push(' ');
        }
        let bytes = reader.array()?;
        float8(
            out,
            if head.is_little { f64::from_le_bytes(bytes) } else { f64::from_be_bytes(bytes) },
        );
    }
    Ok(())
}

fn number(reader: &mut Reader<'_>, is_little: bool) -> Result<u32, Problem> {
    let bytes = reader.array()?;
    Ok(if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ewkt(hex: &str) -> Result<String, Problem> {
        let digit = |digit: u8| char::from(digit).to_digit(16).unwrap();
        let (pairs, _) = hex.as_bytes().as_chunks::<2>();
        let bytes: Vec<u8> =
            pairs.iter().map(|[a, b]| u8::try_from(digit(*a) * 16 + digit(*b)).unwrap()).collect();
        let mut text = String::new();
        let mut reader = Reader::new(&bytes);
        geometry(&mut reader, &mut Out::new(&mut text, 10_000))?;
        reader.end()?;
        Ok(text)
    }

    /// The text of a position, little endian.
    fn at(numbers: &[f64]) -> String {
        let mut text = String::new();
        let mut out = Out::new(&mut text, 1_000);
        for n in numbers {
            out.hex(&n.to_le_bytes()).unwrap();
        }
        text
    }

    #[test]
    fn geometries_are_written_as_ewkt() {
        let p = |x: f64, y: f64| format!("0101000000{}", at(&[x, y]));
        let line =
            |points: &[f64]| format!("0102000000{:02x}000000{}", points.len() / 2, at(points));
        let square = at(&[0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
        let polygon = format!("01030000000100000004000000{square}");
        for (hex, expected) in [
            // As `PostGIS` documents it: SELECT ST_SetSRID(ST_MakePoint(-71.1043443253471, 42.3150676015829), 4326)
            (
                "0101000020e6100000".to_owned()
                    + &at(&[-71.104_344_325_347_1, 42.315_067_601_582_9]),
                "SRID=4326;POINT(-71.1043443253471 42.3150676015829)",
            ),
            (p(1.0, 2.5), "POINT(1 2.5)"),
            (format!("0101000080{}", at(&[1.0, 2.0, 3.0])), "POINT(1 2 3)"),
            (format!("0101000040{}", at(&[1.0, 2.0, 3.0])), "POINTM(1 2 3)"),
            (format!("01010000c0{}", at(&[1.0, 2.0, 3.0, 4.0])), "POINT(1 2 3 4)"),
            (format!("01e9030000{}", at(&[1.0, 2.0, 3.0])), "POINT(1 2 3)"),
            (p(f64::NAN, f64::NAN), "POINT EMPTY"),
            ("000000000140000000000000004010000000000000".to_owned(), "POINT(2 4)"),
            (line(&[0.0, 1.0, 2.0, 3.0]), "LINESTRING(0 1,2 3)"),
            (line(&[]), "LINESTRING EMPTY"),
            (polygon.clone(), "POLYGON((0 0,0 1,1 1,0 0))"),
            (
                format!("010400000002000000{}{}", p(1.0, 2.0), p(3.0, 4.0)),
                "MULTIPOINT((1 2),(3 4))",
            ),
            (format!("010600000001000000{polygon}"), "MULTIPOLYGON(((0 0,0 1,1 1,0 0)))"),
            (
                format!(
                    "010700000003000000{}{}{}",
                    p(1.0, 2.0),
                    line(&[0.0, 1.0, 2.0, 3.0]),
                    line(&[])
                ),
                "GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 1,2 3),LINESTRING EMPTY)",
            ),
            ("010700000000000000".to_owned(), "GEOMETRYCOLLECTION EMPTY"),
        ] {
            assert_eq!(ewkt(&hex).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn hostile_geometries_are_refused() {
        let nested = "010700000001000000".repeat(100);
        assert_eq!(ewkt(&nested), Err(Problem::Corrupt("it is nested too deep")));
        for hex in
            ["", "02", "0101000000", "0102000000ffffffff", "0103000000ffffff7f", "0163000000"]
        {
            assert!(ewkt(hex).is_err(), "{hex}");
        }
    }
}
