//! Aligned columns; a Chinese character takes two.

use unicode_width::UnicodeWidthStr;

/// Rows under headings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new(headings: &[&str]) -> Self {
        Self {
            headings: headings.iter().map(|h| (*h).to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; line breaks become spaces, so that a row stays one line.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        let flat = |cell: String| cell.replace(['\n', '\r', '\t'], " ");
        self.rows.push(cells.into_iter().map(flat).collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as lines without trailing spaces or a last line break.
    pub(crate) fn render(&self) -> String {
        let all = || std::iter::once(&self.headings).chain(&self.rows);
        let columns = all().map(Vec::len).max().unwrap_or(0);
        let width_of = |column: usize| {
            all()
                .filter_map(|row| row.get(column))
                .map(|c| c.width())
                .max()
        };
        let widths: Vec<usize> = (0..columns).map(|c| width_of(c).unwrap_or(0)).collect();
        let line = |row: &Vec<String>| {
            let cells = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| pad(cell, *width));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        all().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// `text` filled with spaces to `width` columns.
pub(crate) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_takes_two_columns() {
        let mut table = Table::new(&["状态", "at"]);
        table.row(vec!["ok".into(), "1".into()]);
        table.row(vec!["短信核验".into(), "2\n3".into()]);
        assert_eq!(table.render(), "状态      at\nok        1\n短信核验  2 3");
    }
}
