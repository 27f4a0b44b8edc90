//! Sheets: what tabs a spreadsheet has, and the values of ranges.

use serde_json::{Value, json};

use crate::call::{Answer, Call};
use crate::error::{ApiError, Result};
use crate::formats::shown;
use crate::seed::{NewSheet, mime};
use crate::world::{File, World};

/// The size of a tab as Sheets makes it.
const ROWS: usize = 1000;
const COLUMNS: usize = 26;

pub(super) fn get(world: &mut World, call: &Call) -> Result<Answer> {
    let file = spreadsheet(world, call)?;
    let sheets: Vec<Value> = file
        .sheets
        .iter()
        .enumerate()
        .map(|(index, sheet)| {
            json!({ "properties": {
                "sheetId": index * 1000,
                "title": sheet.title,
                "index": index,
                "sheetType": "GRID",
                "gridProperties": { "rowCount": height(sheet), "columnCount": width(sheet) },
            }})
        })
        .collect();
    Ok(Answer::Json(json!({
        "spreadsheetId": file.id,
        "properties": {
            "title": file.name,
            "locale": "en_GB",
            "autoRecalc": "ON_CHANGE",
            "timeZone": "Etc/GMT",
        },
        "sheets": sheets,
        "spreadsheetUrl": format!("https://docs.google.com/spreadsheets/d/{}/edit", file.id),
    })))
}

pub(super) fn values(world: &mut World, call: &Call) -> Result<Answer> {
    let file = spreadsheet(world, call)?;
    Ok(Answer::Json(range(file, call, call.id("range"))?))
}

pub(super) fn batch(world: &mut World, call: &Call) -> Result<Answer> {
    let file = spreadsheet(world, call)?;
    let ranges = call.parameters("ranges").into_iter();
    let ranges: Vec<Value> = ranges.map(|one| range(file, call, one)).collect::<Result<_>>()?;
    Ok(Answer::Json(json!({ "spreadsheetId": file.id, "valueRanges": ranges })))
}

fn spreadsheet<'a>(world: &'a World, call: &Call) -> Result<&'a File> {
    let missing = || ApiError::worded(404, "NOT_FOUND", "Requested entity was not found.");
    let file = call.named(world, call.id("spreadsheetId")).map_err(|_| missing())?;
    if file.mime_type != mime::SPREADSHEET {
        let message = "This operation is not supported for this document";
        return Err(ApiError::worded(400, "FAILED_PRECONDITION", message));
    }
    Ok(file)
}

fn height(sheet: &NewSheet) -> usize {
    sheet.rows.len().max(ROWS)
}

fn width(sheet: &NewSheet) -> usize {
    sheet.rows.iter().map(Vec::len).max().unwrap_or_default().max(COLUMNS)
}

/// Rows and columns, from 0, the ends excluded.
struct Area {
    rows: (usize, usize),
    columns: (usize, usize),
}

fn range(file: &File, call: &Call, text: &str) -> Result<Value> {
    let unparsed = || {
        let message = format!("Unable to parse range: {text}");
        ApiError::worded(400, "INVALID_ARGUMENT", &message)
    };
    let (sheet, cells) = sheet_of(file, text).ok_or_else(unparsed)?;
    let all = Area { rows: (0, height(sheet)), columns: (0, width(sheet)) };
    let area = match cells {
        Some(cells) => area(cells, &all).ok_or_else(unparsed)?,
        None => all,
    };
    if area.rows.0 >= height(sheet) || area.columns.0 >= width(sheet) {
        let message = format!(
            "Range ({}!{}) exceeds grid limits. Max rows: {}, max columns: {}",
            sheet.title,
            cells.unwrap_or_default(),
            height(sheet),
            width(sheet)
        );
        return Err(ApiError::worded(400, "INVALID_ARGUMENT", &message));
    }
    let formatted = call.parameter("valueRenderOption").unwrap_or("FORMATTED_VALUE");
    let mut rows: Vec<Vec<Value>> = Vec::new();
    for row in sheet.rows.iter().skip(area.rows.0).take(area.rows.1.saturating_sub(area.rows.0)) {
        let cells = row.iter().skip(area.columns.0);
        let cells = cells.take(area.columns.1.saturating_sub(area.columns.0));
        let mut cells: Vec<Value> = cells
            .map(|cell| match cell {
                Value::Null => json!(""),
                cell if formatted == "FORMATTED_VALUE" => json!(shown(cell)),
                cell => cell.clone(),
            })
            .collect();
        // What is empty at the end is left out.
        while cells.last().is_some_and(|cell| cell == "") {
            cells.pop();
        }
        rows.push(cells);
    }
    while rows.last().is_some_and(Vec::is_empty) {
        rows.pop();
    }
    let by_columns = call.parameter("majorDimension") == Some("COLUMNS");
    let mut value = json!({
        "range": format!("{}!{}", quoted(&sheet.title), written(&area, sheet)),
        "majorDimension": if by_columns { "COLUMNS" } else { "ROWS" },
    });
    if !rows.is_empty() {
        value["values"] = json!(if by_columns { turned(&rows) } else { rows });
    }
    Ok(value)
}

/// The tab that a range names, and the cells. Cells alone are of the first tab, a title alone is all of
/// its tab.
fn sheet_of<'a, 'b>(file: &'a File, text: &'b str) -> Option<(&'a NewSheet, Option<&'b str>)> {
    let titled = |title: &str| {
        let title = title.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')).unwrap_or(title);
        let title = title.replace("''", "'");
        file.sheets.iter().find(|sheet| sheet.title.to_lowercase() == title.to_lowercase())
    };
    if let Some((title, cells)) = text.rsplit_once('!') {
        return titled(title).map(|sheet| (sheet, Some(cells)));
    }
    match titled(text) {
        Some(sheet) => Some((sheet, None)),
        None => file.sheets.first().map(|sheet| (sheet, Some(text))),
    }
}

/// `A1:B2`, `A:B`, `2:3`, `A5:B`, `A1`.
fn area(text: &str, all: &Area) -> Option<Area> {
    let (from, to) = text.split_once(':').unwrap_or((text, text));
    let (from, to) = (corner(from)?, corner(to)?);
    let is_one = !text.contains(':');
    if is_one && (from.0.is_none() || from.1.is_none()) {
        return None;
    }
    let end =
        |number: Option<usize>, most: usize| number.map_or(most, |number| (number + 1).min(most));
    Some(Area {
        rows: (from.1.unwrap_or(0), end(to.1, all.rows.1)),
        columns: (from.0.unwrap_or(0), end(to.0, all.columns.1)),
    })
}

/// Column and row, from 0.
fn corner(text: &str) -> Option<(Option<usize>, Option<usize>)> {
    let text = text.replace('$', "").to_uppercase();
    let split = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
    let (letters, digits) = text.split_at(split);
    if text.is_empty() || letters.len() > 3 || !letters.bytes().all(|c| c.is_ascii_uppercase()) {
        return None;
    }
    let column = letters.bytes().fold(0, |sum, c| sum * 26 + usize::from(c - b'A') + 1);
    let row: Option<usize> = if digits.is_empty() { None } else { Some(digits.parse().ok()?) };
    let row = row.map(|row| row.checked_sub(1)).map_or(Some(None), |row| row.map(Some))?;
    Some((column.checked_sub(1), row))
}

fn quoted(title: &str) -> String {
    let is_plain = title.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain { title.to_owned() } else { format!("'{}'", title.replace('\'', "''")) }
}

fn written(area: &Area, sheet: &NewSheet) -> String {
    let end_row = area.rows.1.min(height(sheet));
    let end_column = area.columns.1.min(width(sheet));
    let from = format!("{}{}", letters(area.columns.0), area.rows.0 + 1);
    let to = format!("{}{}", letters(end_column.saturating_sub(1)), end_row);
    if from == to { from } else { format!("{from}:{to}") }
}

fn letters(column: usize) -> String {
    let (mut left, mut text) = (column + 1, String::new());
    while left > 0 {
        left -= 1;
        let letter = u8::try_from(left % 26).unwrap_or_default();
        text.insert(0, char::from(b'A' + letter));
        left /= 26;
    }
    text
}

fn turned(rows: &[Vec<Value>]) -> Vec<Vec<Value>> {
    let width = rows.iter().map(Vec::len).max().unwrap_or_default();
    let column = |at: usize| {
        let cells = rows.iter().map(|row| row.get(at).cloned().unwrap_or_else(|| json!("")));
        cells.collect()
    };
    (0..width).map(column).collect()
}
