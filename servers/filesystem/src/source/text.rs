//! What bytes are: text in some encoding, an image, a sound or other binary; and their decoding.
//! Guesses are made from a sample at the head of a file, and are never silently lossy.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{EncoderResult, UTF_8, UTF_16BE, UTF_16LE};
use infer::MatcherType;

use super::error::FsError;
use super::locate::Located;
use super::{beneath, names};

/// As much of a file's head as guesses look at.
pub(super) const SAMPLE: usize = 64 * 1024;

/// As much of it as an encoding is guessed from.
const GUESSED: usize = 16 * 1024;

/// A character encoding, by its name in the WHATWG standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding(&'static encoding_rs::Encoding);

impl Encoding {
    /// UTF-8.
    pub const UTF_8: Self = Self(UTF_8);

    /// `UTF-8`, `UTF-16LE`, `GBK`, `Shift_JIS`, `windows-1252` …
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Whether it is UTF-8.
    pub fn is_utf8(self) -> bool {
        self.0 == UTF_8
    }

    /// Bytes of one unit in which a line feed is written.
    pub(super) fn unit(self) -> usize {
        if self.0 == UTF_16LE || self.0 == UTF_16BE { 2 } else { 1 }
    }

    pub(super) fn is_big_endian(self) -> bool {
        self.0 == UTF_16BE
    }

    /// Decodes a piece for showing it; what fits no character becomes U+FFFD.
    pub(super) fn decode_lossy(self, bytes: &[u8]) -> String {
        self.0.decode_without_bom_handling(bytes).0.into_owned()
    }

    /// The bytes of `text`; the first character that this encoding doesn't have otherwise.
    pub(super) fn encode(self, text: &str) -> Result<Vec<u8>, char> {
        if self.is_utf8() {
            return Ok(text.as_bytes().to_vec());
        }
        // The standard's encoder makes UTF-8 of UTF-16.
        if self.unit() == 2 {
            let bytes: fn(u16) -> [u8; 2] =
                if self.is_big_endian() { u16::to_be_bytes } else { u16::to_le_bytes };
            return Ok(text.encode_utf16().flat_map(bytes).collect());
        }
        let mut encoder = self.0.new_encoder();
        let most = encoder.max_buffer_length_from_utf8_without_replacement(text.len());
        let mut bytes = Vec::with_capacity(most.unwrap_or(0));
        match encoder.encode_from_utf8_to_vec_without_replacement(text, &mut bytes, true) {
            (EncoderResult::Unmappable(character), _) => Err(character),
            (EncoderResult::InputEmpty | EncoderResult::OutputFull, _) => Ok(bytes),
        }
    }

    /// The text of `bytes`, if every one of them belongs to a character and comes back from it.
    pub(super) fn decode_exactly(self, bytes: &[u8]) -> Option<String> {
        let text = self.0.decode_without_bom_handling_and_without_replacement(bytes)?.into_owned();
        (self.is_utf8() || self.encode(&text).is_ok_and(|back| back == bytes)).then_some(text)
    }

    /// The byte order mark.
    pub(super) fn bom(self) -> &'static [u8] {
        match (self.unit(), self.is_big_endian()) {
            (2, true) => &[0xFE, 0xFF],
            (2, false) => &[0xFF, 0xFE],
            _ => &[0xEF, 0xBB, 0xBF],
        }
    }

    pub(super) fn decoder(self) -> encoding_rs::Decoder {
        self.0.new_decoder_without_bom_handling()
    }
}

/// How lines end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eol {
    /// There is no line end.
    None,
    /// `\n`
    Lf,
    /// `\r\n`
    CrLf,
    /// Both.
    Mixed,
}

impl Eol {
    /// What the line ends of `text` are.
    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let (mut lf, mut crlf) = (false, false);
        for end in memchr::memchr_iter(b'\n', bytes) {
            if end > 0 && bytes.get(end - 1) == Some(&b'\r') {
                crlf = true;
            } else {
                lf = true;
            }
            if lf && crlf {
                return Self::Mixed;
            }
        }
        match (lf, crlf) {
            (false, false) => Self::None,
            (true, false) => Self::Lf,
            (false, true) => Self::CrLf,
            (true, true) => Self::Mixed,
        }
    }

    /// `LF`, `CRLF`, `mixed` or `none`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lf => "LF",
            Self::CrLf => "CRLF",
            Self::Mixed => "mixed",
        }
    }
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Text that can be decoded.
    Text {
        /// How.
        encoding: Encoding,
        /// Whether a byte order mark says so.
        bom: bool,
    },
    /// An image.
    Image {
        /// Its media type.
        mime: &'static str,
    },
    /// Sound.
    Audio {
        /// Its media type.
        mime: &'static str,
    },
    /// Anything else.
    Binary {
        /// Its media type.
        mime: &'static str,
        /// A few words for a person.
        description: String,
    },
}

impl Kind {
    /// The media type; of text by the ending of `name`.
    pub fn mime(&self, name: &str) -> &'static str {
        match self {
            Self::Image { mime } | Self::Audio { mime } | Self::Binary { mime, .. } => mime,
            Self::Text { .. } => match name.rsplit('.').next().unwrap_or_default() {
                "css" => "text/css",
                "csv" => "text/csv",
                "htm" | "html" => "text/html",
                "js" | "mjs" => "text/javascript",
                "json" => "application/json",
                "md" | "markdown" => "text/markdown",
                "svg" => "image/svg+xml",
                "tsv" => "text/tab-separated-values",
                "xml" => "application/xml",
                "yaml" | "yml" => "application/yaml",
                _ => "text/plain",
            },
        }
    }
}

impl Located {
    /// What kind of content a regular file has, from its first 64 kB and its name.
    pub fn sniff(&self) -> Result<Kind, FsError> {
        let mut sample = vec![0; usize::try_from(self.stat.size).map_or(SAMPLE, |n| n.min(SAMPLE))];
        let n = beneath::read_at(self.file()?, &mut sample, 0)
            .map_err(|error| self.io("read", error))?;
        sample.truncate(n);
        Ok(kind(&sample, n as u64 >= self.stat.size, names::name(&self.path)))
    }
}

/// What `sample`, the head of a file called `name`, is.
pub(super) fn kind(sample: &[u8], whole: bool, name: &[u8]) -> Kind {
    match detect(sample, whole) {
        Ok((encoding, bom)) => Kind::Text { encoding, bom },
        Err(what) => binary(sample, name, what),
    }
}

/// The encoding of text and the length of its byte order mark, or what the bytes are instead.
pub(super) fn detect(sample: &[u8], whole: bool) -> Result<(Encoding, bool), &'static str> {
    match sample {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => {
            return Err("UTF-32 text, which is not supported");
        }
        [b'%', b'P', b'D', b'F', b'-', ..] => return Err("a PDF document"),
        [0xEF, 0xBB, 0xBF, ..] => return Ok((Encoding::UTF_8, true)),
        [0xFF, 0xFE, ..] => return Ok((Encoding(UTF_16LE), true)),
        [0xFE, 0xFF, ..] => return Ok((Encoding(UTF_16BE), true)),
        _ => {}
    }
    if memchr::memchr(0, sample).is_some() {
        return utf16_by_zeros(sample).map(|encoding| (encoding, false)).ok_or("binary data");
    }
    let controls = controls(sample);
    if is_utf8(sample, whole) {
        // Escape codes and form feeds occur in texts; a tenth of controls does not.
        return if controls * 10 > sample.len() {
            Err("binary data")
        } else {
            Ok((Encoding::UTF_8, false))
        };
    }
    if controls * 50 > sample.len() {
        return Err("binary data");
    }
    Ok((guess(sample, whole), false))
}

/// The likeliest encoding of bytes that are no UTF-8, from a piece that starts near the first byte
/// that is not ASCII: the detector is slow, and the rest adds nothing.
pub(super) fn guess(sample: &[u8], whole: bool) -> Encoding {
    let first = sample.iter().position(|byte| !byte.is_ascii()).unwrap_or(0);
    let sample = sample.get(first.saturating_sub(64)..).unwrap_or(sample);
    let piece = sample.get(..GUESSED).unwrap_or(sample);
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(piece, whole && piece.len() == sample.len());
    Encoding(detector.guess(None, Utf8Detection::Deny))
}

/// Whether the bytes are UTF-8, apart from a character that the end of a sample cuts.
fn is_utf8(sample: &[u8], whole: bool) -> bool {
    match simdutf8::compat::from_utf8(sample) {
        Ok(_) => true,
        Err(error) => !whole && error.error_len().is_none(),
    }
}

/// How many bytes are controls that do not occur in texts. Without a branch, so that the compiler
/// makes it work on many bytes at once: every file that is read passes here.
fn controls(sample: &[u8]) -> usize {
    // Backspace, tab, line feed, form feed, carriage return, escape.
    const COMMON: u32 = 1 << 8 | 1 << 9 | 1 << 10 | 1 << 12 | 1 << 13 | 1 << 27;
    let count = |chunk: &[u8]| {
        let odd = |byte: u8| u8::from(byte < 0x20) & !u8::from(COMMON >> (byte & 31) & 1 == 1) & 1;
        chunk.iter().map(|&byte| u32::from(odd(byte) | u8::from(byte == 0x7F))).sum::<u32>()
    };
    sample.chunks(1 << 16).map(|chunk| count(chunk) as usize).sum()
}

/// Latin text in UTF-16 has its zeros on one side of each pair, and nearly everywhere.
fn utf16_by_zeros(sample: &[u8]) -> Option<Encoding> {
    let pairs = sample.len() / 2;
    if pairs < 4 {
        return None;
    }
    let zeros =
        |side: usize| sample.iter().skip(side).step_by(2).filter(|&&byte| byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let encoding = if odd * 10 >= pairs * 4 && even * 50 <= pairs {
        UTF_16LE
    } else if even * 10 >= pairs * 4 && odd * 50 <= pairs {
        UTF_16BE
    } else {
        return None;
    };
    // It must also decode, to characters that occur in texts.
    let (text, _, wrong) = encoding.decode(sample.get(..pairs * 2)?);
    let odd_ones = text.chars().filter(|c| c.is_control() && !c.is_whitespace()).count();
    (!wrong && odd_ones * 50 <= pairs).then_some(Encoding(encoding))
}

fn binary(sample: &[u8], name: &[u8], what: &'static str) -> Kind {
    let Some(known) = infer::get(sample) else {
        return Kind::Binary { mime: "application/octet-stream", description: what.to_owned() };
    };
    let mime = match known.mime_type() {
        "audio/x-wav" => "audio/wav",
        mime => mime,
    };
    match known.matcher_type() {
        MatcherType::Image => Kind::Image { mime },
        MatcherType::Audio => Kind::Audio { mime },
        _ => {
            let extension = memchr::memrchr(b'.', name).and_then(|dot| name.get(dot + 1..));
            let description = match (mime, extension) {
                // Office formats and packages are archives by their content alone.
                ("application/zip", Some(extension)) if extension != b"zip" => {
                    format!("{} file (a zip archive inside)", names::show(extension))
                }
                _ => format!("{} file", known.extension()),
            };
            Kind::Binary { mime, description }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoding_of(bytes: &[u8]) -> &'static str {
        detect(bytes, true).map_or_else(|what| what, |(encoding, _)| encoding.name())
    }

    #[test]
    fn encodings_are_recognised() {
        let german = "Die Straße führt über die Brücke, schöne Grüße aus Köln.";
        let chinese = "这是一个简体中文的文本文件,用来测试编码检测的功能。";
        let japanese = "これは文字コードを調べるための日本語の文章です。カタカナもあります。";
        assert_eq!(encoding_of(german.as_bytes()), "UTF-8");
        assert_eq!(encoding_of(&encoding_rs::WINDOWS_1252.encode(german).0), "windows-1252");
        assert_eq!(encoding_of(&encoding_rs::GBK.encode(chinese).0), "GBK");
        assert_eq!(encoding_of(&encoding_rs::SHIFT_JIS.encode(japanese).0), "Shift_JIS");
        let le: Vec<u8> = german.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = german.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(encoding_of(&le), "UTF-16LE");
        assert_eq!(encoding_of(&be), "UTF-16BE");
        assert_eq!(encoding_of(&[&[0xFF, 0xFE], &le[..]].concat()), "UTF-16LE");
    }

    #[test]
    fn binary_is_told_from_text() {
        assert_eq!(encoding_of(b"\x7fELF\x02\x01\x01\0\0\0\0\0"), "binary data");
        assert!(encoding_of(&[0xFF, 0xFE, 0, 0, 65, 0, 0, 0]).starts_with("UTF-32"));
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        assert_eq!(kind(png, true, b"a.png"), Kind::Image { mime: "image/png" });
        // The magic number of a bitmap is plain letters.
        assert!(matches!(kind(b"BMW is a car", true, b"a.txt"), Kind::Text { .. }));
    }

    #[test]
    fn a_character_cut_by_the_sample_is_still_utf8() {
        assert_eq!(detect("aé".as_bytes().split_at(2).0, false), Ok((Encoding::UTF_8, false)));
    }
}
