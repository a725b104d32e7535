//! The end of a build: files with IDs and digests, warnings, the ID in quiet mode.

use std::path::Path;

use export::Exported;
use frontend::plan::{UnusedArg, Warning};
use pipeline::Built;

use crate::failure::Failure;
use crate::output;
use cli::build::{BuildArgs, ProgressMode};

/// Writes `--iidfile` and `--metadata-file`, and prints warnings, or the image ID in quiet mode.
pub fn report(args: &BuildArgs, built: &Built, exported: &[Exported]) -> Result<(), Failure> {
    let image = exported.iter().find_map(Exported::image_id);
    if let (Some(file), Some(id)) = (&args.iidfile, image) {
        write(file, &id.to_string())?;
    }
    if let Some(file) = &args.metadata_file {
        let mut metadata = serde_json::Map::new();
        exported.iter().for_each(|one| metadata.extend(one.metadata()));
        write(file, &format!("{:#}\n", serde_json::Value::Object(metadata)))?;
    }
    let quiet = args.quiet || args.progress == ProgressMode::Quiet;
    if !quiet {
        built.warnings.iter().for_each(print_warning);
        print_unused(&built.unused_args);
    }
    if let (true, Some(id)) = (quiet, image) {
        output::line(&id.to_string());
    }
    Ok(())
}

fn print_warning(warning: &Warning) {
    output::note(&format!(" - {}: {} (line {})", warning.rule, warning.message, warning.lines.first));
}

/// Prints BuildKit's words about unused build arguments, and similar names.
fn print_unused(args: &[UnusedArg]) {
    if args.is_empty() {
        return;
    }
    let names: Vec<&str> = args.iter().map(|arg| arg.name.as_str()).collect();
    let meant = |arg: &UnusedArg| match (&arg.meant, args.len()) {
        (Some(meant), 1) => Some(meant.clone()),
        (Some(meant), _) => Some(format!("{meant} for {}", arg.name)),
        (None, _) => None,
    };
    let similar: Vec<String> = args.iter().filter_map(meant).collect();
    let question =
        if similar.is_empty() { String::new() } else { format!(" (did you mean {}?)", similar.join(", ")) };
    let names = names.join(" ");
    output::note(&format!("[Warning] One or more build-args [{names}] were not consumed{question}"));
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    Ok(export::write_file(file, text.as_bytes())?)
}
