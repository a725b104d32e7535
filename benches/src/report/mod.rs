//! Results for people: a table, curves, a chart, a comparison with earlier results.

pub mod compare;
pub mod curve;
pub mod svg;
pub mod table;

use std::fmt::Write as _;

/// Aligns columns, as wide as their widest cell; the first to the left, the others to the right.
fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            let _ = match column {
                0 => write!(line, "{cell:<width$}"),
                _ => write!(line, "  {cell:>width$}"),
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_are_as_wide_as_their_cells() {
        let rows = [["a", "1", "22"], ["bbb", "333", "4"]].map(|row| row.map(ToOwned::to_owned).to_vec());
        assert_eq!(super::columns(&rows), "a      1  22\nbbb  333   4\n");
    }
}
