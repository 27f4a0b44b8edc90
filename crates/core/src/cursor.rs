//! Where a paged answer goes on. A cursor is a position sealed to the call that it came from:
//! stateless, so a restarted server or a sibling understands it, and useless for another call.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::error::ToolError;

/// Bytes of the MAC that a cursor carries.
const MAC: usize = 10;

/// Seals `position` for a call of `tool` with arguments of this hash.
///
/// At most 48 characters for any two numbers.
pub(crate) fn seal(key: &[u8], tool: &str, arguments: &[u8], position: &[u64]) -> String {
    let mut bytes = Vec::with_capacity(24);
    for number in position {
        push_varint(&mut bytes, *number);
    }
    let mac = mac(key, tool, arguments, &bytes);
    bytes.extend_from_slice(&mac);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The position in a cursor that [`seal`] made for the same tool and arguments.
pub(crate) fn open(
    key: &[u8],
    tool: &str,
    arguments: &[u8],
    cursor: &str,
) -> Result<Vec<u64>, ToolError> {
    let bad = || {
        ToolError::new("bad_cursor", "this cursor doesn't belong to this call")
            .hint("repeat the call that returned it with the same other arguments, or start again without cursor")
    };
    let bytes = URL_SAFE_NO_PAD.decode(cursor.trim()).map_err(|_| bad())?;
    let (position, sealed) =
        bytes.split_at_checked(bytes.len().wrapping_sub(MAC)).ok_or_else(bad)?;
    let expected = mac(key, tool, arguments, position);
    // A position is checked against the scope again, so a forged one would gain nothing: the MAC
    // catches invented and misplaced cursors, and comparing it need not take constant time.
    if sealed != expected {
        return Err(bad());
    }
    read_varints(position).ok_or_else(bad)
}

fn mac(key: &[u8], tool: &str, arguments: &[u8], position: &[u8]) -> [u8; MAC] {
    let mut out = [0; MAC];
    // A key of any length is accepted (RFC 2104).
    let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(key) else { return out };
    for part in [tool.as_bytes(), arguments, position] {
        hmac.update(&(part.len() as u64).to_le_bytes());
        hmac.update(part);
    }
    for (to, from) in out.iter_mut().zip(hmac.finalize().into_bytes()) {
        *to = from;
    }
    out
}

/// LEB128.
fn push_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f).to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

fn read_varints(bytes: &[u8]) -> Option<Vec<u64>> {
    let mut numbers = Vec::new();
    let (mut number, mut shift) = (0u64, 0u32);
    for byte in bytes {
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
        if byte & 0x80 == 0 {
            numbers.push(number);
            (number, shift) = (0, 0);
        }
    }
    (shift == 0).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_its_call() {
        let cursor = seal(b"key", "read_file", b"args", &[u64::MAX, u64::MAX]);
        assert!(cursor.len() <= 48, "{}", cursor.len());
        let open = |key: &[u8], tool, args: &[u8], cursor: &str| open(key, tool, args, cursor);
        assert_eq!(open(b"key", "read_file", b"args", &cursor).unwrap(), [u64::MAX, u64::MAX]);
        assert!(open(b"other", "read_file", b"args", &cursor).is_err());
        assert!(open(b"key", "find_files", b"args", &cursor).is_err());
        assert!(open(b"key", "read_file", b"other", &cursor).is_err());
        for bad in ["", "x", "AAAA", cursor.split_at(1).1, "äöü", &"A".repeat(500)] {
            let error = open(b"key", "read_file", b"args", bad).unwrap_err();
            assert_eq!(error.code(), "bad_cursor");
        }
    }
}
