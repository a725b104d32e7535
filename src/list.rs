//! Printing a list in the format of its flags.

use cli::list::ListArgs;
use listing::{List, Row};

use crate::failure::Failure;
use crate::output;

/// Prints rows in the format that the user asks for. Mistakes in the format are found even without rows.
pub fn print(list: &List<'_>, args: &ListArgs, rows: &[Row]) -> Result<(), Failure> {
    output::lines(&list.render(args.format.as_deref(), args.quiet, rows)?);
    Ok(())
}
