//! CSV (RFC 4180) as spreadsheets read and write it: the little that a list of complaints and a report need.

/// One line of `cells`. What a spreadsheet would take for a formula gets an apostrophe in front.
pub(super) fn write_line<'a>(out: &mut String, cells: impl IntoIterator<Item = &'a str>) {
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_cell(out, cell);
    }
    out.push_str("\r\n");
}

fn write_cell(out: &mut String, cell: &str) {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t']) { "'" } else { "" };
    if cell.contains(['"', ',', '\n', '\r']) {
        out.push('"');
        out.push_str(guard);
        out.push_str(&cell.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(guard);
        out.push_str(cell);
    }
}

/// The lines of `text`, each as its cells; blank lines are left out. A quotation mark that is never closed reaches to the
/// end. With or without a byte order mark.
pub(super) fn lines(text: &str) -> Vec<Vec<String>> {
    let (mut lines, mut line, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quoted) {
            ('"', true) if chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            ('"', _) => quoted = !quoted,
            (',', false) => line.push(std::mem::take(&mut cell)),
            ('\r', false) => {}
            ('\n', false) => {
                line.push(std::mem::take(&mut cell));
                lines.push(std::mem::take(&mut line));
            }
            (c, _) => cell.push(c),
        }
    }
    line.push(cell);
    lines.push(line);
    lines.retain(|line| line.iter().any(|cell| !cell.trim().is_empty()));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut text = String::new();
        write_line(&mut text, ["a", "b,c", "say \"no\"", "two\nlines", ""]);
        write_line(&mut text, ["=1+1", "-x"]);

        let read = lines(&text);

        assert_eq!(read[0], ["a", "b,c", "say \"no\"", "two\nlines", ""]);
        assert_eq!(read[1], ["'=1+1", "'-x"]);
    }

    #[test]
    fn marks_blank_lines_and_other_line_ends_are_taken_as_they_come() {
        assert_eq!(lines("\u{feff}a,b\n\r\n 1 ,2"), [["a", "b"], [" 1 ", "2"]]);
        assert_eq!(lines(""), Vec::<Vec<String>>::new());
        assert_eq!(lines("\"open,\n"), [["open,\n"]]);
    }
}
