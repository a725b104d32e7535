//! `dsbuild load`: imports the images of an archive that `save` wrote.

use std::path::Path;

use super::import::import_from;
use crate::failure::Failure;
use crate::output::Stream;
use cli::image::LoadArgs;

/// Imports images, and prints the names or the ID of each.
pub fn run(args: &LoadArgs) -> Result<u8, Failure> {
    let file = args.input.as_deref().or(args.file.as_deref());
    if file.is_none() && Stream::is_stdin_terminal() {
        return Err(Failure::usage("requested load from stdin, but stdin is empty")
            .hint("name the archive: dsbuild load --input FILE"));
    }
    import_from(file.unwrap_or(Path::new("-")), &args.tags)
}
