//! The form of a table of system calls: runs of consecutive numbers with their names.

/// Runs of consecutive system calls: the number of the first call of a run, and the names in order, separated by blanks.
///
/// The numbers rise from run to run. Names are the kernel's.
pub(super) type Table = &'static [(u32, &'static str)];

/// Returns the number and the name of every call in `table`, by number.
pub(super) fn calls(table: Table) -> impl Iterator<Item = (u32, &'static str)> {
    table.iter().flat_map(|(first, names)| (*first..).zip(names.split(' ')))
}
