//! Text of documents that came from outside, which may have been made to break whoever reads them: a
//! panic, a bomb or a loop ends the one extraction and nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::content::{DOCX, Extracted, PPTX, Wanted, XLSX};
use super::{office, sheet};

/// How long one may take.
pub(crate) const LONGEST: Duration = Duration::from_secs(15);

/// The longest text that is made of a file.
pub(crate) const LONGEST_TEXT: usize = 8 * 1024 * 1024;

/// The text of a document; none if it can't be had.
pub(crate) fn text(bytes: &[u8], mime: &str, wanted: &Wanted) -> Option<Extracted> {
    let extracted = catch_unwind(AssertUnwindSafe(|| match mime {
        DOCX => office::document(bytes),
        PPTX => office::slides(bytes),
        XLSX => sheet::workbook(bytes, wanted),
        _ => pdf(bytes),
    }));
    let mut extracted = extracted.ok()??;
    if extracted.text.len() > LONGEST_TEXT {
        let end = (0..=LONGEST_TEXT).rev().find(|end| extracted.text.is_char_boundary(*end));
        extracted.text.truncate(end.unwrap_or(0));
        extracted.note = Some(format!("cut at {LONGEST_TEXT} bytes: there is more in the file"));
    }
    Some(extracted)
}

fn pdf(bytes: &[u8]) -> Option<Extracted> {
    let pages = pdf_extract::extract_text_from_mem_by_pages(bytes).ok()?;
    let mut text = String::new();
    for (n, page) in pages.iter().enumerate() {
        if text.len() > LONGEST_TEXT {
            break;
        }
        text.push_str(&format!("## Page {}\n{}\n\n", n + 1, page.trim()));
    }
    let is_empty = pages.iter().all(|page| page.trim().is_empty());
    let note = is_empty.then(|| "no page has text: it may be scanned".to_owned());
    Some(Extracted { text, note })
}
