//! `--included` and `--ignored`: one path a line, sorted.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ::context::survey::Survey;
use patterns::IgnoreFile;

use super::shown;
use crate::output::{self, Stream};
use cli::context::ContextArgs;

/// Prints the list that the flags ask for.
pub fn print(args: &ContextArgs, ignore: &IgnoreFile, survey: &Survey) {
    let mut out = Vec::new();
    survey.visit(&mut |path, node| {
        if args.included && node.is_in {
            entry(&mut out, args.null, None, path, node.is_folder());
        } else if let (true, false, Some(decision)) = (args.ignored, node.is_in, node.decision) {
            let place = place(ignore, Some(decision.pattern));
            entry(&mut out, args.null, Some(&place), path, node.is_folder());
        }
    });
    output::data(Stream::Stdout, &out);
}

/// Returns `FILE:LINE:PATTERN` for a line of the ignore file, or `::` for none.
pub(super) fn place(ignore: &IgnoreFile, line: Option<usize>) -> String {
    match line.map(|line| &ignore.lines[line]) {
        Some(line) => format!("{}:{}:{}", ignore.name(), line.number, output::sanitized(&line.written)),
        None => "::".to_owned(),
    }
}

/// Appends an entry: a line, or with `null` exact bytes that NUL ends.
pub(super) fn entry(out: &mut Vec<u8>, null: bool, place: Option<&str>, path: &Path, is_folder: bool) {
    let (between, end) = if null { (b'\0', b'\0') } else { (b'\t', b'\n') };
    if let Some(place) = place {
        out.extend(place.bytes());
        out.push(between);
    }
    if null {
        out.extend(path.as_os_str().as_bytes());
        out.extend(is_folder.then_some(b'/'));
    } else {
        out.extend(shown(path, is_folder).bytes());
    }
    out.push(end);
}
