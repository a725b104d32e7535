//! Tables on stdout, with columns as wide as their widest cell.

use unicode_width::UnicodeWidthStr;

use super::{line, sanitized};

/// Blank columns between two cells.
const GAP: usize = 3;

/// Prints a header and rows. Cells may hold any text: each is sanitized and printed as one line.
pub fn print<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    let header = header.map(str::to_owned);
    let rows: Vec<[String; N]> =
        std::iter::once(header).chain(rows.map(|row| row.map(|cell| sanitized(&cell)))).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    for row in &rows {
        let mut text = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width + GAP - cell.width()));
        }
        line(text.trim_end());
    }
}
