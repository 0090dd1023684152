//! CSV as people have it: RFC 4180, comma or tab or semicolon, in UTF-8 with or without a mark, or in GBK.

use std::borrow::Cow;

use hongyan_domain::{FieldCode, FieldError, says};

use crate::answer::problem::{Code, Problem};

/// Columns of one table: touser, client_msg_id, occurred_at, appid and as many params as a scenario has.
const COLUMNS_MAX: usize = 80;

/// A table: its first line names the columns.
pub(crate) struct Table {
    pub(crate) columns: Vec<String>,
    /// Each as long as `columns`; a short line has empty cells at its end.
    pub(crate) rows: Vec<Vec<String>>,
}

/// The text of a body that may be UTF-8 with or without a mark, or GBK.
pub(crate) fn decoded(bytes: &[u8]) -> Result<Cow<'_, str>, Problem> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(Cow::Borrowed(text));
    }
    // GB18030 holds GBK and GB2312.
    let (text, has_errors) = encoding_rs::GB18030.decode_without_bom_handling(bytes);
    if has_errors {
        return Err(Problem::new(Code::InvalidUtf8, "neither UTF-8 nor GBK: save the table as UTF-8"));
    }
    Ok(text)
}

/// Reads a table of at most `rows_max` lines besides the first; blank lines are skipped.
pub(crate) fn read(bytes: &[u8], rows_max: usize) -> Result<Table, Problem> {
    let text = decoded(bytes)?;
    let mut lines = Lines { rest: &text, separator: separator(&text) };
    let columns: Vec<_> = lines.next().unwrap_or_default();
    let columns: Vec<_> = columns.iter().map(|name| name.trim().to_owned()).collect();
    check_columns(&columns)?;
    let mut rows = Vec::new();
    for (nth, mut cells) in lines.enumerate() {
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if rows.len() == rows_max {
            return Err(wrong(
                "body",
                FieldCode::TooMany,
                says!("has more than {allowed} lines: split them", allowed = rows_max),
            ));
        }
        if cells.len() > columns.len() {
            let message = says!(
                "line {line} has more cells than the first line: put cells with commas into quotation marks",
                line = nth + 2
            );
            return Err(wrong("body", FieldCode::BadFormat, message));
        }
        cells.resize(columns.len(), String::new());
        rows.push(cells);
    }
    if rows.is_empty() {
        return Err(wrong("body", FieldCode::Empty, "holds no line besides the names of its columns"));
    }
    Ok(Table { columns, rows })
}

fn wrong(field: &'static str, code: FieldCode, message: impl Into<hongyan_domain::Sentence>) -> Problem {
    Problem::invalid(vec![FieldError::new(field, code, message)])
}

fn check_columns(columns: &[String]) -> Result<(), Problem> {
    if columns.len() > COLUMNS_MAX {
        return Err(wrong("body", FieldCode::TooMany, "has too many columns: at most 80 are taken"));
    }
    let doubled = columns.iter().enumerate().find(|(at, name)| columns[..*at].contains(name));
    match doubled {
        Some(_) => Err(wrong("body", FieldCode::Doubled, "names a column twice: name it once")),
        None if columns.iter().any(String::is_empty) => Err(wrong(
            "body",
            FieldCode::Empty,
            "has a column without a name: the first line names all columns",
        )),
        None => Ok(()),
    }
}

/// What stands most often between the names of the columns.
fn separator(text: &str) -> char {
    let head = text.lines().next().unwrap_or_default();
    let count = |separator: &char| head.matches(*separator).count();
    [';', '\t', ','].into_iter().max_by_key(count).unwrap_or(',')
}

/// The lines of a table, cell by cell: in quotation marks a cell may hold separators, line ends and doubled marks.
struct Lines<'a> {
    rest: &'a str,
    separator: char,
}

impl Iterator for Lines<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        if self.rest.is_empty() {
            return None;
        }
        let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
        let mut chars = self.rest.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' if quoted && chars.peek().is_some_and(|(_, next)| *next == '"') => {
                    cell.push('"');
                    chars.next();
                }
                '"' if quoted || cell.is_empty() => quoted = !quoted,
                '\n' if !quoted => {
                    self.rest = &self.rest[at + 1..];
                    cells.push(without_return(cell));
                    return Some(cells);
                }
                c if c == self.separator && !quoted => cells.push(std::mem::take(&mut cell)),
                c => cell.push(c),
            }
        }
        self.rest = "";
        cells.push(without_return(cell));
        Some(cells)
    }
}

fn without_return(mut cell: String) -> String {
    if cell.ends_with('\r') {
        cell.pop();
    }
    cell
}

/// What a spreadsheet takes for a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// `text` as a cell. What a spreadsheet would take for a formula gets a mark in front, so that it stays text;
/// [`unmarked`] takes it away.
pub(crate) fn cell(text: &str) -> Cow<'_, str> {
    let text = if text.starts_with(FORMULA) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) };
    if text.contains([',', '"', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
    } else {
        text
    }
}

/// A cell's text without the mark that [`cell`] put in front.
pub(crate) fn unmarked(text: &str) -> &str {
    text.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &[u8]) -> Vec<Vec<String>> {
        read(text, 10).unwrap_or_else(|_| panic!("a table: {text:?}")).rows
    }

    #[test]
    fn cells_are_read_as_spreadsheets_write_them() {
        let cases: [(&[u8], &[&[&str]]); 6] = [
            (b"a,b\n1,2\n", &[&["1", "2"]]),
            (b"\xef\xbb\xbfa,b\r\n1,2\r\n\r\n3,4", &[&["1", "2"], &["3", "4"]]),
            (b"a;b\n1;2,5\n", &[&["1", "2,5"]]),
            (b"a\tb\n1\n", &[&["1", ""]]),
            (b"a,b\n\"x, \"\"y\"\"\nz\",2\n", &[&["x, \"y\"\nz", "2"]]),
            (b"a,b\n\xc4\xc3\xcc\xfa,2\n", &[&["\u{62ff}\u{94c1}", "2"]]),
        ];

        for (text, expected) in cases {
            assert_eq!(rows(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let long = format!("a\n{}", "1\n".repeat(11));
        for text in ["", "a,b\n", "a,a\n1,2", "a,\n1,2", "a\n1,2", &long] {
            assert!(read(text.as_bytes(), 10).is_err(), "{text:?}");
        }
        assert!(read(b"a\n\xff\xff\xff", 10).is_err());
    }

    #[test]
    fn a_cell_stays_one_cell_and_text() {
        assert_eq!(cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        for text in ["=1+1", "-A1oB", "+x", "@x", "-2+3"] {
            assert_eq!(cell(text), format!("'{text}"));
            assert_eq!(unmarked(&cell(text)), text);
        }
        assert_eq!(unmarked("'s"), "'s");
        assert_eq!(cell("oA-_1"), "oA-_1");
    }
}
