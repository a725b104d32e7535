//! Tables with columns as wide as their widest cell, as docker's are.

use unicode_width::UnicodeWidthStr;

use crate::sanitized;

/// Blank columns between two cells.
const GAP: usize = 3;

/// Least width of a column, its gap included.
const MIN_WIDTH: usize = 10;

/// Returns rows as lines of text, the first of which is the header.
///
/// Cells may hold any text: each is sanitized and stays on its line. The last cell of a row is not padded.
pub fn render(rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let clean = |row: Vec<String>| row.iter().map(|cell| sanitized(cell)).collect();
    let rows: Vec<Vec<String>> = rows.into_iter().map(clean).collect();
    let mut widths: Vec<usize> = Vec::new();
    for row in &rows {
        widths.resize(widths.len().max(row.len()), MIN_WIDTH);
        for (cell, width) in row.iter().zip(&mut widths) {
            *width = (cell.width() + GAP).max(*width);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let start = text.len();
        for (cell, width) in row.iter().zip(&widths) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width - cell.width()));
        }
        text.truncate(start + text[start..].trim_end().len());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_in_docker() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [row(["NAME", "TAG", "SIZE"]), row(["a-long-name", "1", "5B"]), row(["b", "", ""])];
        assert_eq!(render(rows), "NAME          TAG       SIZE\na-long-name   1         5B\nb\n");
    }
}
