//! The text of documents and presentations in Office Open XML, and of Markdown that Google exports.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::archive::Archive;
use super::content::Extracted;
use super::extract::LONGEST_TEXT;

/// Markdown with placeholders for images that are written into it.
pub(crate) fn without_images(bytes: &[u8]) -> Extracted {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len().min(1024 * 1024));
    let (mut images, mut left_out) = (0, 0);
    let mut rest = text.as_ref();
    // `data:` stands in `[image1]: <data:image/png;base64,…>` and in `![](data:…)`.
    while let Some(at) = rest.find("data:image/") {
        let (before, found) = rest.split_at(at);
        let end = found.find(['>', ')', '"', '\n', ' ']).unwrap_or(found.len());
        let (image, after) = found.split_at(end);
        let kind = image.split([';', ',']).next().unwrap_or_default().trim_start_matches("data:");
        out.push_str(before);
        out.push_str(&format!("image:{kind},{}-bytes", image.len() * 3 / 4));
        images += 1;
        left_out += image.len();
        rest = after;
    }
    out.push_str(rest);
    let note = (images > 0).then(|| format!("{images} images left out ({left_out} bytes)"));
    Extracted { text: out, note }
}

/// The text of a DOCX.
pub(crate) fn document(bytes: &[u8]) -> Option<Extracted> {
    let mut archive = Archive::open(bytes)?;
    let xml = archive.read("word/document.xml")?;
    let mut text = String::new();
    let mut heading = 0;
    let (mut in_cell, mut line) = (0_usize, String::new());
    walk(&xml, |part| {
        match part {
            Part::Begin(name, element) => match name {
                b"pStyle" => heading = attribute(element, b"val").map_or(0, |style| level(&style)),
                b"tab" => line.push('\t'),
                b"br" | b"cr" => line.push('\n'),
                b"tc" => in_cell += 1,
                _ => {}
            },
            Part::Text(piece, b"t") => line.push_str(&piece),
            Part::Text(..) => {}
            Part::End(b"p") if in_cell > 0 => line.push(' '),
            Part::End(b"p") => {
                text.push_str(&"#".repeat(heading));
                text.push_str(if heading > 0 { " " } else { "" });
                text.push_str(line.trim_end());
                text.push('\n');
                line.clear();
                heading = 0;
            }
            Part::End(b"tc") => {
                in_cell = in_cell.saturating_sub(1);
                let cell = std::mem::take(&mut line);
                text.push_str(cell.trim());
                text.push('\t');
            }
            Part::End(b"tr") => {
                text.truncate(text.trim_end_matches('\t').len());
                text.push('\n');
            }
            Part::End(_) => {}
        }
        text.len() <= LONGEST_TEXT
    })?;
    Some(Extracted { text, note: None })
}

/// The level that a style of a heading says.
fn level(style: &str) -> usize {
    let number = style.strip_prefix("Heading").or_else(|| style.strip_prefix("heading "));
    match (style, number.and_then(|number| number.trim().parse().ok())) {
        ("Title", _) => 1,
        (_, Some(level @ 1..=6)) => level,
        _ => 0,
    }
}

/// The text of a PPTX, slide by slide.
pub(crate) fn slides(bytes: &[u8]) -> Option<Extracted> {
    let mut archive = Archive::open(bytes)?;
    let number = |name: &str| -> Option<u32> {
        name.strip_prefix("ppt/slides/slide")?.strip_suffix(".xml")?.parse().ok()
    };
    let mut numbers: Vec<u32> = archive.names().filter_map(number).collect();
    numbers.sort_unstable();
    let mut text = String::new();
    for n in numbers {
        text.push_str(&format!("## Slide {n}\n"));
        let slide = archive.read(&format!("ppt/slides/slide{n}.xml"))?;
        paragraphs(&slide, &mut text)?;
        if let Some(notes) = archive.read(&format!("ppt/notesSlides/notesSlide{n}.xml")) {
            let mut said = String::new();
            paragraphs(&notes, &mut said)?;
            if !said.trim().is_empty() {
                text.push_str(&format!("Notes: {}\n", said.trim()));
            }
        }
        text.push('\n');
        if text.len() > LONGEST_TEXT {
            break;
        }
    }
    Some(Extracted { text, note: None })
}

fn paragraphs(xml: &[u8], text: &mut String) -> Option<()> {
    let mut line = String::new();
    walk(xml, |part| {
        match part {
            Part::Begin(b"br", _) => line.push('\n'),
            Part::Text(piece, b"t") => line.push_str(&piece),
            Part::End(b"p") if !line.trim().is_empty() => {
                text.push_str(line.trim_end());
                text.push('\n');
                line.clear();
            }
            _ => {}
        }
        text.len() <= LONGEST_TEXT
    })
}

/// A part of an XML document; names are without their prefix.
pub(crate) enum Part<'a> {
    Begin(&'a [u8], &'a BytesStart<'a>),
    Text(String, &'a [u8]),
    End(&'a [u8]),
}

/// Goes through a document as long as `each` says so. References to entities of the document's own
/// are not followed: only the five of XML and numbers are known.
pub(crate) fn walk(xml: &[u8], mut each: impl FnMut(Part<'_>) -> bool) -> Option<()> {
    let mut reader = Reader::from_reader(xml);
    let mut within: Vec<Vec<u8>> = Vec::new();
    loop {
        let goes_on = match reader.read_event().ok()? {
            Event::Start(element) => {
                let name = element.local_name().as_ref().to_vec();
                let goes_on = each(Part::Begin(&name, &element));
                within.push(name);
                goes_on
            }
            Event::Empty(element) => {
                let name = element.local_name();
                each(Part::Begin(name.as_ref(), &element)) && each(Part::End(name.as_ref()))
            }
            Event::End(element) => {
                within.pop();
                each(Part::End(element.local_name().as_ref()))
            }
            Event::Text(text) => {
                let text = text.decode().ok()?.into_owned();
                each(Part::Text(text, within.last().map_or(b"".as_slice(), Vec::as_slice)))
            }
            Event::CData(text) => {
                let text = text.decode().ok()?.into_owned();
                each(Part::Text(text, within.last().map_or(b"".as_slice(), Vec::as_slice)))
            }
            Event::GeneralRef(reference) => {
                let text = match reference.resolve_char_ref().ok()? {
                    Some(c) => c.to_string(),
                    None => match reference.decode().ok()?.as_ref() {
                        "amp" => "&".to_owned(),
                        "lt" => "<".to_owned(),
                        "gt" => ">".to_owned(),
                        "quot" => "\"".to_owned(),
                        "apos" => "'".to_owned(),
                        _ => String::new(),
                    },
                };
                each(Part::Text(text, within.last().map_or(b"".as_slice(), Vec::as_slice)))
            }
            Event::Eof => return Some(()),
            _ => true,
        };
        if !goes_on || within.len() > 256 {
            return Some(());
        }
    }
}

/// An attribute of an element, whatever its prefix.
pub(crate) fn attribute(element: &BytesStart<'_>, name: &[u8]) -> Option<String> {
    let found = element.attributes().flatten().find(|a| a.key.local_name().as_ref() == name)?;
    Some(found.unescape_value().ok()?.into_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write as _;

    use super::*;

    /// An archive of these files, the way office programs write it.
    pub(crate) fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
        let (mut out, mut table) = (Vec::new(), Vec::new());
        for (name, text) in files {
            let mut packer =
                flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all(text.as_bytes()).unwrap();
            let packed = packer.finish().unwrap();
            let at = u32::try_from(out.len()).unwrap();
            let sizes = [u32::try_from(packed.len()).unwrap(), u32::try_from(text.len()).unwrap()];
            let mut head = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            head.extend(sizes.iter().flat_map(|size| size.to_le_bytes()));
            head.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            head.extend([0, 0]);
            out.extend(b"PK\x03\x04");
            out.extend(&head);
            out.extend(name.as_bytes());
            out.extend(&packed);
            table.extend(b"PK\x01\x02\x14\x00");
            table.extend(&head);
            table.extend([0; 10]);
            table.extend(at.to_le_bytes());
            table.extend(name.as_bytes());
        }
        let at = u32::try_from(out.len()).unwrap();
        let count = u16::try_from(files.len()).unwrap().to_le_bytes();
        out.extend(&table);
        out.extend(b"PK\x05\x06\0\0\0\0");
        out.extend(count);
        out.extend(count);
        out.extend(u32::try_from(table.len()).unwrap().to_le_bytes());
        out.extend(at.to_le_bytes());
        out.extend([0, 0]);
        out
    }

    #[test]
    fn documents_have_headings_lines_and_cells() {
        let xml = r#"<w:document xmlns:w="w"><w:body>
            <w:p><w:pPr><w:pStyle w:val="Heading2"/></w:pPr><w:r><w:t>Plan &amp; aim</w:t></w:r></w:p>
            <w:p><w:r><w:t>One</w:t><w:tab/><w:t>two</w:t></w:r></w:p>
            <w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc>
            <w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:body></w:document>"#;
        let document = document(&zipped(&[("word/document.xml", xml)])).unwrap();
        assert_eq!(document.text, "## Plan & aim\nOne\ttwo\na\tb\n");
    }

    /// A presentation of two slides.
    pub(crate) fn slides_of_two() -> Vec<u8> {
        let slide = |text: &str| {
            format!(
                r#"<p:sld xmlns:p="p" xmlns:a="a"><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:sld>"#
            )
        };
        let (one, two) = (slide("One"), slide("Two"));
        zipped(&[("ppt/slides/slide1.xml", one.as_str()), ("ppt/slides/slide2.xml", two.as_str())])
    }

    #[test]
    fn slides_come_in_order_with_their_notes() {
        let slide = |text: &str| {
            format!(
                r#"<p:sld xmlns:p="p" xmlns:a="a"><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:sld>"#
            )
        };
        let (first, tenth, notes) = (slide("First"), slide("Tenth"), slide("Say hello"));
        let files = [
            ("ppt/slides/slide10.xml", tenth.as_str()),
            ("ppt/slides/slide2.xml", first.as_str()),
            ("ppt/notesSlides/notesSlide2.xml", notes.as_str()),
        ];
        let slides = slides(&zipped(&files)).unwrap();
        assert_eq!(slides.text, "## Slide 2\nFirst\nNotes: Say hello\n\n## Slide 10\nTenth\n\n");
    }

    #[test]
    fn what_was_made_to_break_readers_breaks_nothing() {
        for bytes in [&b""[..], b"PK\x05\x06", b"PK\x03\x04 no archive", &[0xff; 4096]] {
            assert!(document(bytes).is_none());
        }
        // A bomb: it claims little and unpacks to much.
        let bomb = zipped(&[("word/document.xml", &" ".repeat(70 * 1024 * 1024))]);
        assert!(document(&bomb).is_none());
        let laughs = r#"<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><w:document xmlns:w="w"><w:p><w:t>&b;.</w:t></w:p></w:document>"#;
        assert_eq!(document(&zipped(&[("word/document.xml", laughs)])).unwrap().text, ".\n");
        let mut cut = zipped(&[("word/document.xml", "<a>")]);
        for end in 0..cut.len() {
            drop(document(&cut[..end]));
        }
        for at in 0..cut.len() {
            cut[at] ^= 0xff;
            drop(document(&cut));
            cut[at] ^= 0xff;
        }
    }

    #[test]
    fn images_in_markdown_leave_a_placeholder() {
        let text = "a\n![][image1]\n\n[image1]: <data:image/png;base64,AAAABBBB>\nb";
        let extracted = without_images(text.as_bytes());
        assert_eq!(extracted.text, "a\n![][image1]\n\n[image1]: <image:image/png,22-bytes>\nb");
        assert_eq!(extracted.note.unwrap(), "1 images left out (30 bytes)");
    }
}
