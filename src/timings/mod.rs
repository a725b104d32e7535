//! Where the time of a build went: `--timings`.
//!
//! ```text
//! recorder  a sink between the builder and the screen: events -> report
//! report    what is known of each step; plain data
//! critical  which steps the end of the build waited for
//! group     phases by what they have in common, each with a colour
//! text      times, sizes, names; HTML that no name can break out of
//! page      the report as one HTML file: summary, waterfall (page.css and page.js go into it)
//! trace     the report for chrome://tracing and Perfetto
//! ```
//!
//! A page loads nothing from anywhere, and shows everything without its script. What a step is called comes from a
//! Dockerfile: it is escaped, and the page's policy lets no other script than its own run. Steps are called as progress
//! calls them, secrets masked; logs, build arguments and the environment are not in a report at all.

mod critical;
mod group;
mod page;
mod recorder;
mod report;
mod text;
mod trace;

use std::path::{Path, PathBuf};

use export::ExportError;

pub use recorder::Recorder;
pub use report::{About, Report};

/// The default of `--timings`.
pub const DEFAULT_FILE: &str = "dsbuild-timings.html";

/// Writes `report` to `file`: a trace if its name ends in `.json`, else a page.
pub fn write(report: &Report, file: &Path) -> Result<(), ExportError> {
    let is_trace = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let text = if is_trace { trace::render(report) } else { page::render(report) };
    export::write_file(file, text.as_bytes())
}

/// The folder of `file`, if it is not there: better told before a build than after.
pub fn missing_folder(file: &Path) -> Option<PathBuf> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty())?;
    (!folder.is_dir()).then(|| folder.to_owned())
}
