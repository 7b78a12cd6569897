//! Tables that fit 80 columns. Nothing is cut off: a cell that is too wide goes on in the next line.

use super::plain::plain;
use std::fmt::Write as _;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// A terminal nobody has widened.
const WIDTH: usize = 80;
/// Between two columns.
const GAP: usize = 2;
/// No column gets narrower than this.
const COLUMN_MIN: usize = 6;

/// How a column behaves.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    /// Never wrapped: ids, times, figures.
    Fixed(&'static str),
    /// As [`Column::Fixed`], aligned right.
    Number(&'static str),
    /// Wrapped when space is short.
    Text(&'static str),
}

/// Rows under headings.
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
    /// Columns of the terminal that may be used.
    width: usize,
}

impl Column {
    const fn heading(self) -> &'static str {
        match self {
            Self::Fixed(heading) | Self::Number(heading) | Self::Text(heading) => heading,
        }
    }
}

impl Table {
    pub(crate) fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new(), width: WIDTH }
    }

    /// A table as wide as its cells, for whoever asked for it.
    pub(crate) fn wide(columns: &[Column]) -> Self {
        Self { width: usize::MAX, ..Self::new(columns) }
    }

    /// Adds a row; cells are made plain here, so no caller can forget it.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.iter().map(|cell| plain(cell)).collect());
    }

    /// The text, with a final line feed.
    pub(crate) fn text(&self) -> String {
        let widths = self.widths();
        let mut text = String::new();
        let headings: Vec<String> = self.columns.iter().map(|column| column.heading().to_owned()).collect();
        if headings.iter().any(|heading| !heading.is_empty()) {
            self.print(&mut text, &headings, &widths);
        }
        for row in &self.rows {
            self.print(&mut text, row, &widths);
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let natural = |i: usize, column: &Column| {
            let cells = self.rows.iter().filter_map(|row| row.get(i)).map(|cell| cell.width());
            cells.max().unwrap_or(0).max(column.heading().width())
        };
        let mut widths: Vec<usize> =
            self.columns.iter().enumerate().map(|(i, column)| natural(i, column)).collect();
        let room = self.width.saturating_sub(GAP * widths.len().saturating_sub(1));
        // The widest text column gives way first; fixed ones do only when no text column is left to.
        for may_shrink in [|column: &Column| matches!(column, Column::Text(_)), |_: &Column| true] {
            while widths.iter().sum::<usize>() > room {
                let wide = |i: &usize| may_shrink(&self.columns[*i]) && widths[*i] > COLUMN_MIN;
                let Some(widest) = (0..widths.len()).filter(wide).max_by_key(|i| widths[*i]) else { break };
                widths[widest] -= 1;
            }
        }
        widths
    }

    fn print(&self, text: &mut String, cells: &[String], widths: &[usize]) {
        let wrapped: Vec<Vec<String>> =
            cells.iter().zip(widths).map(|(cell, width)| wrap(cell, *width)).collect();
        let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..height {
            let mut printed = String::new();
            for ((column, parts), width) in self.columns.iter().zip(&wrapped).zip(widths) {
                let part = parts.get(line).map_or("", String::as_str);
                let space = " ".repeat(width.saturating_sub(part.width()));
                match column {
                    Column::Number(_) => printed += &format!("{space}{part}"),
                    Column::Fixed(_) | Column::Text(_) => printed += &format!("{part}{space}"),
                }
                printed += &" ".repeat(GAP);
            }
            // Writing to a String cannot fail.
            writeln!(text, "{}", printed.trim_end()).unwrap_or(());
        }
    }
}

/// Breaks after spaces, hyphens and slashes, and inside words that are too long for a line.
fn wrap(cell: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in cell.split_inclusive([' ', '-', '/']) {
        let last = lines.last().map_or(0, |line| line.width());
        if last > 0 && last + word.trim_end().width() > width {
            lines.push(String::new());
        }
        for c in word.chars() {
            let last = lines.last().map_or(0, |line| line.width());
            if last + c.width().unwrap_or(0) > width && c != ' ' {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                line.push(c);
            }
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long_table() -> Table {
        let mut table = Table::new(&[
            Column::Fixed("ID"),
            Column::Number("PP"),
            Column::Text("CLASS"),
            Column::Text("WHY"),
        ]);
        let id = "01JD9Z6M8Q3V5X7Y9A1B2C3D4E".to_owned();
        let why = "a reason so long that it cannot be told on one line of a terminal, /with/a/path\u{1b}[31m";
        table.row([
            id,
            "10000".to_owned(),
            "prior-authorization-of-something-longer".to_owned(),
            why.to_owned(),
        ]);
        table.row(["李".repeat(13), "1".to_owned(), "x".repeat(200), String::new()]);
        table
    }

    #[test]
    fn a_wide_table_wraps_nothing() {
        let mut table = Table::wide(&[Column::Fixed("ID"), Column::Fixed("ROUTE")]);
        table.row(["x".repeat(70), "y".repeat(70)]);
        assert_eq!(table.text().lines().count(), 2);
    }

    #[test]
    fn no_line_is_wider_than_80_columns_and_nothing_is_lost() {
        let text = long_table().text();
        assert!(text.lines().all(|line| line.width() <= WIDTH), "{text}");
        assert!(text.lines().all(|line| line == line.trim_end()));
        assert_eq!(text.matches('x').count(), 200);
        for word in ["01JD9Z6M8Q3V5X7Y9A1B2C3D4E", "reason", "terminal,", "10000", "authorization-"] {
            assert!(text.contains(word), "{word} is missing in\n{text}");
        }
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn columns_stand_under_their_headings() {
        let mut table = Table::new(&[Column::Fixed("NAME"), Column::Number("N")]);
        table.row(["fax".to_owned(), "7".to_owned()]);
        table.row(["scanner".to_owned(), "42".to_owned()]);
        assert_eq!(table.text(), "NAME      N\nfax       7\nscanner  42\n");
    }
}
