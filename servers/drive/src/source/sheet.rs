//! Spreadsheets as lines: Google's by the values of its spreadsheet service, every tab of them, or, where
//! that service isn't switched on, by their export; XLSX files by what is in them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Source;
use super::archive::Archive;
use super::content::{Extracted, Wanted, XLSX};
use super::error::SourceError;
use super::extract::LONGEST_TEXT;
use super::gate::Found;
use super::office::{Part, attribute, walk};

impl Source {
    /// The tabs of a spreadsheet of Google's: names, rows, columns.
    pub(crate) async fn tabs(&self, found: &Found) -> Result<Vec<(String, u64, u64)>, SourceError> {
        let fields = "sheets(properties(title,sheetType,gridProperties(rowCount,columnCount)))";
        let answer = self.api.sheets(found.id(), "", &[("fields", fields)]).await?;
        let sheets = answer.get("sheets").and_then(Value::as_array);
        let tab = |sheet: &Value| {
            let title = sheet.pointer("/properties/title")?.as_str()?.to_owned();
            let grid = |key: &str| {
                let count =
                    sheet.pointer("/properties/gridProperties").and_then(|grid| grid.get(key));
                count.and_then(Value::as_u64).unwrap_or(0)
            };
            Some((title, grid("rowCount"), grid("columnCount")))
        };
        Ok(sheets.into_iter().flatten().filter_map(tab).collect())
    }

    pub(super) async fn spreadsheet(
        &self,
        found: &Found,
        wanted: &Wanted,
    ) -> Result<Extracted, SourceError> {
        match self.values(found, wanted).await {
            // The spreadsheet service has to be switched on by itself; Drive's export doesn't.
            Err(SourceError::ServiceDisabled { .. }) => {
                let bytes = self.exported(found, XLSX).await?;
                let mut extracted = self.extracted(bytes, XLSX, wanted).await?;
                let said = "by export, as the Sheets API is not enabled in the project";
                extracted.note = Some(match extracted.note {
                    Some(note) => format!("{note}; {said}"),
                    None => said.to_owned(),
                });
                Ok(extracted)
            }
            values => values,
        }
    }

    async fn values(&self, found: &Found, wanted: &Wanted) -> Result<Extracted, SourceError> {
        let tabs = self.tabs(found).await?;
        let names: Vec<&str> = tabs.iter().map(|(name, ..)| name.as_str()).collect();
        let chosen = chosen(&names, wanted)?;
        let mut parameters: Vec<(&str, &str)> = vec![("majorDimension", "ROWS")];
        let ranges: Vec<String> = chosen
            .iter()
            .map(|name| {
                let name = format!("'{}'", name.replace('\'', "''"));
                wanted.range.as_ref().map_or(name.clone(), |range| format!("{name}!{range}"))
            })
            .collect();
        parameters.extend(ranges.iter().map(|range| ("ranges", range.as_str())));
        let answer = self.api.sheets(found.id(), "/values:batchGet", &parameters).await?;
        let given = answer.get("valueRanges").and_then(Value::as_array);
        let mut text = String::new();
        for (name, values) in chosen.iter().zip(given.into_iter().flatten()) {
            let rows = values.get("values").and_then(Value::as_array);
            let rows: Vec<Vec<String>> = rows
                .into_iter()
                .flatten()
                .map(|row| row.as_array().into_iter().flatten().map(shown).collect())
                .collect();
            let range = values.get("range").and_then(Value::as_str).unwrap_or_default();
            let range = range.rsplit_once('!').map_or(range, |(_, range)| range);
            push_tab(&mut text, name, range, &rows);
        }
        Ok(Extracted { text, note: None })
    }
}

/// The tabs that are wanted.
fn chosen<'n>(names: &[&'n str], wanted: &Wanted) -> Result<Vec<&'n str>, SourceError> {
    if let Some(range) = &wanted.range {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == ':' || c == '$';
        if range.is_empty() || range.len() > 32 || !range.chars().all(is_part) {
            return Err(SourceError::argument("`range` is like A1:D20; `tab` names the tab"));
        }
    }
    match &wanted.tab {
        None if wanted.range.is_some() => Ok(names.iter().take(1).copied().collect()),
        None => Ok(names.to_vec()),
        Some(tab) => match names.iter().find(|name| *name == tab) {
            Some(name) => Ok(vec![name]),
            None => Err(SourceError::Unsuited {
                problem: format!("there is no tab `{tab}`, but {}", names.join(", ")),
                hint: "name one of these tabs",
            }),
        },
    }
}

fn push_tab(text: &mut String, name: &str, range: &str, rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let range = if range.is_empty() { String::new() } else { format!(" {range}") };
    text.push_str(&format!("## {name}{range} ({} rows, {columns} columns)\n", rows.len()));
    for row in rows {
        text.push_str(&row.join("\t"));
        text.push('\n');
        if text.len() > LONGEST_TEXT {
            return;
        }
    }
    text.push('\n');
}

/// A cell in a line.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => cell(text),
        Value::Null => String::new(),
        value => value.to_string(),
    }
}

/// What would end the cell or the line is written as in JSON.
fn cell(text: &str) -> String {
    if text.contains(['\t', '\n', '\r']) {
        return Value::from(text).to_string();
    }
    text.to_owned()
}

/// The tabs of an XLSX.
pub(crate) fn workbook(bytes: &[u8], wanted: &Wanted) -> Option<Extracted> {
    let mut archive = Archive::open(bytes)?;
    let strings = archive.read("xl/sharedStrings.xml").map_or_else(Vec::new, |xml| shared(&xml));
    let dates = archive.read("xl/styles.xml").map_or_else(Vec::new, |xml| date_styles(&xml));
    let mut targets = BTreeMap::new();
    walk(&archive.read("xl/_rels/workbook.xml.rels")?, |part| {
        if let Part::Begin(b"Relationship", element) = part
            && let (Some(id), Some(target)) =
                (attribute(element, b"Id"), attribute(element, b"Target"))
        {
            let target = target.trim_start_matches('/').trim_start_matches("xl/").to_owned();
            targets.insert(id, target);
        }
        true
    })?;
    let mut sheets = Vec::new();
    walk(&archive.read("xl/workbook.xml")?, |part| {
        if let Part::Begin(b"sheet", element) = part
            && let (Some(name), Some(id)) = (attribute(element, b"name"), attribute(element, b"id"))
        {
            sheets.push((name, id));
        }
        true
    })?;
    let names: Vec<&str> = sheets.iter().map(|(name, _)| name.as_str()).collect();
    let known = names.join(", ");
    let Ok(chosen) = chosen(&names, wanted) else {
        let note = Some(format!("there is no such tab or range; the tabs are {known}"));
        return Some(Extracted { text: String::new(), note });
    };
    let bounds = wanted.range.as_deref().map(bounds);
    let mut text = String::new();
    for name in chosen {
        let (_, id) = sheets.iter().find(|(known, _)| known == name)?;
        let xml = archive.read(&format!("xl/{}", targets.get(id)?))?;
        let rows = rows(&xml, (&strings, &dates), bounds)?;
        push_tab(&mut text, name, wanted.range.as_deref().unwrap_or_default(), &rows);
        if text.len() > LONGEST_TEXT {
            break;
        }
    }
    Some(Extracted { text, note: None })
}

/// First and last column and row, from 0.
type Bounds = [(usize, usize); 2];

fn bounds(range: &str) -> Bounds {
    let (from, to) = range.split_once(':').unwrap_or((range, range));
    let (from, to) = (place(&from.replace('$', "")), place(&to.replace('$', "")));
    let last = |place: Option<usize>| place.unwrap_or(usize::MAX);
    [(from.0.unwrap_or(0), last(to.0)), (from.1.unwrap_or(0), last(to.1))]
}

/// Column and row of `AB12`, from 0.
fn place(text: &str) -> (Option<usize>, Option<usize>) {
    let letters = text.chars().take_while(char::is_ascii_alphabetic).count();
    let (column, row) = text.split_at_checked(letters).unwrap_or((text, ""));
    let column = column.bytes().try_fold(0_usize, |sum, letter| {
        sum.checked_mul(26)?.checked_add(usize::from(letter.to_ascii_uppercase() - b'A') + 1)
    });
    let row: Option<usize> = row.parse().ok();
    (column.and_then(|column| column.checked_sub(1)), row.and_then(|row| row.checked_sub(1)))
}

fn shared(xml: &[u8]) -> Vec<String> {
    let (mut strings, mut one, mut is_phonetic) = (Vec::new(), String::new(), false);
    let read = walk(xml, |part| {
        match part {
            Part::Begin(b"rPh", _) => is_phonetic = true,
            Part::End(b"rPh") => is_phonetic = false,
            Part::Text(text, b"t") if !is_phonetic => one.push_str(&text),
            Part::End(b"si") => strings.push(std::mem::take(&mut one)),
            _ => {}
        }
        strings.len() < 2_000_000
    });
    if read.is_none() {
        tracing::debug!("strings of a workbook end early");
    }
    strings
}

/// Which styles show numbers as dates.
fn date_styles(xml: &[u8]) -> Vec<bool> {
    let (mut custom, mut styles, mut is_cells) = (BTreeMap::new(), Vec::new(), false);
    let read = walk(xml, |part| {
        match part {
            Part::Begin(b"numFmt", element) => {
                if let (Some(id), Some(code)) =
                    (attribute(element, b"numFmtId"), attribute(element, b"formatCode"))
                {
                    let code = code.to_ascii_lowercase();
                    custom.insert(
                        id,
                        code.contains("yy") || code.contains("mmm") || code.contains('d'),
                    );
                }
            }
            Part::Begin(b"cellXfs", _) => is_cells = true,
            Part::End(b"cellXfs") => is_cells = false,
            Part::Begin(b"xf", element) if is_cells => {
                let id = attribute(element, b"numFmtId").unwrap_or_default();
                let is_builtin = matches!(id.parse(), Ok(14..=17_u32 | 22));
                styles.push(is_builtin || custom.get(&id).copied().unwrap_or(false));
            }
            _ => {}
        }
        styles.len() < 100_000
    });
    if read.is_none() {
        tracing::debug!("styles of a workbook end early");
    }
    styles
}

fn rows(
    xml: &[u8],
    (strings, dates): (&[String], &[bool]),
    bounds: Option<Bounds>,
) -> Option<Vec<Vec<String>>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let (mut at, mut kind, mut value, mut is_date) = ((0, 0), String::new(), String::new(), false);
    let mut weight = 0;
    walk(xml, |part| {
        match part {
            Part::Begin(b"row", element) => {
                let row = attribute(element, b"r").and_then(|row| row.parse::<usize>().ok());
                at = (0, row.and_then(|row| row.checked_sub(1)).unwrap_or(at.1 + 1));
            }
            Part::Begin(b"c", element) => {
                let named = attribute(element, b"r").map(|name| place(&name));
                if let Some((Some(column), Some(row))) = named {
                    at = (column, row);
                }
                kind = attribute(element, b"t").unwrap_or_default();
                let style = attribute(element, b"s").and_then(|style| style.parse::<usize>().ok());
                is_date = style.and_then(|style| dates.get(style)).copied().unwrap_or(false);
                value.clear();
            }
            Part::Text(text, b"v" | b"t") => value.push_str(&text),
            Part::End(b"c") => {
                let (columns, lines) =
                    bounds.map_or(((0, usize::MAX), (0, usize::MAX)), |b| (b[0], b[1]));
                let is_in = (columns.0..=columns.1).contains(&at.0)
                    && (lines.0..=lines.1).contains(&at.1)
                    && at.0 < 16_384
                    && at.1 < 1_048_576;
                if is_in && !value.is_empty() {
                    let text = match (kind.as_str(), value.parse::<usize>()) {
                        ("s", Ok(n)) => strings.get(n).cloned().unwrap_or_default(),
                        ("b", _) => if value == "1" { "TRUE" } else { "FALSE" }.to_owned(),
                        ("" | "n", _) if is_date => date(&value).unwrap_or_else(|| value.clone()),
                        _ => value.clone(),
                    };
                    let (column, row) = (at.0 - columns.0, at.1 - lines.0);
                    // Empty rows and cells before it: counted, as a file can name far ones.
                    weight += text.len() + 1 + row.saturating_sub(rows.len());
                    if weight > LONGEST_TEXT {
                        return false;
                    }
                    if rows.len() <= row {
                        rows.resize(row + 1, Vec::new());
                    }
                    if let Some(cells) = rows.get_mut(row) {
                        weight += column.saturating_sub(cells.len());
                        if cells.len() <= column {
                            cells.resize(column + 1, String::new());
                        }
                        if let Some(place) = cells.get_mut(column) {
                            *place = cell(&text);
                        }
                    }
                }
                at.0 += 1;
            }
            _ => {}
        }
        true
    })?;
    Some(rows)
}

/// A date from its days since 1899-12-30.
fn date(value: &str) -> Option<String> {
    let days: f64 = value.parse().ok().filter(|days| (0.0..2_958_466.0).contains(days))?;
    #[expect(clippy::cast_possible_truncation, reason = "it is within a few millions")]
    let seconds = (days * 86_400.0).round() as i64;
    let begin = chrono::NaiveDate::from_ymd_opt(1899, 12, 30)?.and_hms_opt(0, 0, 0)?;
    let time = begin.checked_add_signed(chrono::Duration::seconds(seconds))?;
    let format = if seconds % 86_400 == 0 { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M:%S" };
    Some(time.format(format).to_string())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::office::tests::zipped;
    use super::*;

    /// A workbook with two tabs.
    pub(crate) fn workbook_of_two() -> Vec<u8> {
        zipped(&[
            (
                "xl/workbook.xml",
                r#"<workbook xmlns:r="r"><sheets><sheet name="Costs" r:id="rId1"/><sheet name="Notes" r:id="rId2"/></sheets></workbook>"#,
            ),
            (
                "xl/_rels/workbook.xml.rels",
                r#"<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Target="/xl/worksheets/sheet2.xml"/></Relationships>"#,
            ),
            (
                "xl/sharedStrings.xml",
                "<sst><si><t>Item</t></si><si><r><t>Pa</t></r><r><t>per</t></r></si></sst>",
            ),
            (
                "xl/styles.xml",
                r#"<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>"#,
            ),
            (
                "xl/worksheets/sheet1.xml",
                r#"<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="inlineStr"><is><t>When</t></is></c></row><row r="2"><c r="A2" t="s"><v>1</v></c><c r="B2"><v>12.5</v></c><c r="C2" s="1"><v>46000</v></c></row></sheetData></worksheet>"#,
            ),
            (
                "xl/worksheets/sheet2.xml",
                r#"<worksheet><sheetData><row r="1"><c r="A1" t="b"><v>1</v></c></row></sheetData></worksheet>"#,
            ),
        ])
    }

    fn text(wanted: &Wanted) -> String {
        workbook(&workbook_of_two(), wanted).unwrap().text
    }

    #[test]
    fn workbooks_are_lines_of_every_tab() {
        assert_eq!(
            text(&Wanted::default()),
            "## Costs (2 rows, 3 columns)\nItem\t\tWhen\nPaper\t12.5\t2025-12-09\n\n\
             ## Notes (1 rows, 1 columns)\nTRUE\n\n"
        );
        let notes = Wanted { tab: Some("Notes".into()), ..Wanted::default() };
        assert_eq!(text(&notes), "## Notes (1 rows, 1 columns)\nTRUE\n\n");
        let range = Wanted { range: Some("B2:C2".into()), ..Wanted::default() };
        assert_eq!(text(&range), "## Costs B2:C2 (1 rows, 2 columns)\n12.5\t2025-12-09\n\n");
    }

    #[test]
    fn a_far_cell_takes_no_room() {
        let far = zipped(&[
            ("xl/workbook.xml", r#"<w xmlns:r="r"><sheet name="S" r:id="1"/></w>"#),
            ("xl/_rels/workbook.xml.rels", r#"<R><Relationship Id="1" Target="s.xml"/></R>"#),
            (
                "xl/s.xml",
                &format!(
                    "<w><row><c r=\"A1048576\"><v>1</v></c></row>{}</w>",
                    (1..2000)
                        .map(|n| format!("<c r=\"XFD{n}\"><v>1</v></c>"))
                        .collect::<Vec<_>>()
                        .concat()
                ),
            ),
        ]);
        let extracted = workbook(&far, &Wanted::default()).unwrap();
        assert!(extracted.text.len() < 10 * LONGEST_TEXT, "{}", extracted.text.len());
    }

    #[test]
    fn places_are_numbers() {
        assert_eq!(place("A1"), (Some(0), Some(0)));
        assert_eq!(place("AB12"), (Some(27), Some(11)));
        assert_eq!(place("C"), (Some(2), None));
        assert_eq!(place(&"Z".repeat(60)).0, None);
    }
}
