//! What goes to the terminal: lines, tables, JSON. A reader that has gone away is no error.

use std::io::{IsTerminal, Write};

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use serde::Serialize;

/// For whom a command writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    People,
    Machines,
}

pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

pub(crate) fn error_line(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// One JSON value on one line.
pub(crate) fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => line(&text),
        Err(error) => error_line(&error.to_string()),
    }
}

/// Lines above, below and under the head only: rows of figures are read down, not across.
const STYLE: TableStyle = TableStyle::new()
    .top_border(LineStyle::none().fill('─').junction('─'))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));

/// A table with a head; as wide as the terminal lets it be, figures to the right.
pub(crate) fn table(head: &[&str], rows: Vec<Vec<String>>) {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic).set_header(head);
    for nth in (0..head.len()).filter(|nth| is_figures(&rows, *nth)) {
        if let Some(column) = table.column_mut(nth) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.add_rows(rows);
    line(&table.to_string());
}

/// Whether everything in the column is a number, with or without a per cent sign, or nothing.
fn is_figures(rows: &[Vec<String>], nth: usize) -> bool {
    let figure = |cell: &String| cell.is_empty() || cell.trim_end_matches(" %").parse::<f64>().is_ok();
    !rows.is_empty() && rows.iter().filter_map(|row| row.get(nth)).all(figure)
}

/// Whether a person is looking: progress is shown only then.
pub(crate) fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_figures_is_told_from_one_of_words() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [row(["a", "12", "94.0 %"]), row(["3", "5", ""])];

        assert!(!is_figures(&rows, 0) && is_figures(&rows, 1) && is_figures(&rows, 2));
        assert!(!is_figures(&[], 0));
    }
}
