//! Tables on stdout.

use super::lines;

/// Prints a header and rows. Cells may hold any text.
pub fn print<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    let header = std::iter::once(header.map(str::to_owned));
    lines(&printable::table::render(header.chain(rows).map(Vec::from)));
}
