//! Tables on stdout, with columns as wide as their widest cell, as docker's are.

use unicode_width::UnicodeWidthStr;

use super::{lines, sanitized};

/// Blank columns between two cells.
const GAP: usize = 3;

/// Least width of a column, its gap included.
const MIN_WIDTH: usize = 10;

/// Prints a header and rows. Cells may hold any text: each is sanitized and printed as one line.
pub fn print<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    print_rows(std::iter::once(header.map(str::to_owned)).chain(rows).map(Vec::from));
}

/// Prints rows, the first of which is the header.
pub fn print_rows(rows: impl Iterator<Item = Vec<String>>) {
    let clean = |row: Vec<String>| row.iter().map(|cell| sanitized(cell)).collect();
    let rows: Vec<Vec<String>> = rows.map(clean).collect();
    lines(&render(&rows));
}

/// Returns rows as text. The last cell of a row is not padded.
fn render(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), MIN_WIDTH);
        for (cell, width) in row.iter().zip(&mut widths) {
            *width = (cell.width() + GAP).max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
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
        assert_eq!(render(&rows), "NAME          TAG       SIZE\na-long-name   1         5B\nb\n");
    }
}
