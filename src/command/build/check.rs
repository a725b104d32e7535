//! `build --check`: warnings about a Dockerfile, without building it. (`dsbuild check` is in `command/check.rs`.)

use frontend::plan::Warning;
use frontend::{CheckNote, CheckReport, check};
use graph::Lines;
use pipeline::input;
use pipeline::{BuildError, BuildRequest, ShownResolver};
use progress::{NoSink, Progress};
use serde_json::{Value, json};
use std::sync::Arc;

use super::call::{self, OpenPipeline};
use crate::command::parse;
use crate::failure::Failure;
use crate::output::{self, Stream};

/// Position of the ignore file in the list `sources` of the JSON, if a warning is about it.
const IGNORE_FILE_SOURCE: usize = 1;

/// Result of the checks, also for a text that is not a Dockerfile.
struct Outcome {
    warnings: Vec<Warning>,
    /// Error because of which the file cannot be built, or is not a Dockerfile.
    error: Option<BuildError>,
    notes: Vec<CheckNote>,
}

impl Outcome {
    /// Reports whether a build would fail.
    fn fails(&self) -> bool {
        self.error.is_some() || self.notes.iter().any(|note| note.is_failure)
    }
}

/// Checks and prints. Returns 1 if there is a warning or a build would fail.
pub fn run(request: &BuildRequest, pipeline: OpenPipeline<'_>, is_json: bool) -> Result<u8, Failure> {
    let outcome = outcome(request, pipeline)?;
    if is_json {
        call::print(&to_json(&outcome, request));
    } else {
        print(&outcome, request);
    }
    Ok(u8::from(!outcome.warnings.is_empty() || outcome.fails()))
}

fn outcome(request: &BuildRequest, pipeline: OpenPipeline<'_>) -> Result<Outcome, Failure> {
    let (dockerfile, error) = parser::parse_partially(&request.dockerfile);
    if let Some(error) = error {
        let warnings = frontend::check_unfinished(&dockerfile, &request.options);
        return Ok(Outcome { warnings, error: Some(error.into()), notes: Vec::new() });
    }
    let pipeline = pipeline()?;
    let progress = Progress::new(Arc::new(NoSink));
    let resolver = ShownResolver { sources: pipeline.sources(), progress: &progress };
    let CheckReport { warnings, error, notes, .. } =
        pipeline::check(&dockerfile, &request.options, &resolver);
    Ok(Outcome { warnings, error: error.map(BuildError::from), notes })
}

/// Returns the report in buildx's form, with `rule`, `line`, `message` and `error` as shorter names of ours.
fn to_json(outcome: &Outcome, request: &BuildRequest) -> Value {
    let warnings: Vec<Value> = outcome.warnings.iter().map(warning_to_json).collect();
    let source = json!({
        "filename": request.options.dockerfile_name,
        "language": "Dockerfile",
        "data": call::encoded(&request.dockerfile),
    });
    let mut sources = vec![source];
    if let Some(path) = outcome.warnings.iter().find_map(|warning| warning.ignore_file.as_deref()) {
        // At position IGNORE_FILE_SOURCE.
        sources.push(json!({
            "filename": input::name_of(path),
            "language": "Ignore List",
            "data": call::encoded(&parse::read(path).unwrap_or_default()),
        }));
    }
    let mut report = json!({"warnings": warnings, "sources": sources});
    if !outcome.notes.is_empty() {
        // Remarks of dsbuild, which buildx does not have.
        report["notes"] = outcome.notes.iter().map(note_to_json).collect();
    }
    if let Some(error) = &outcome.error {
        let location = call::lines(error).map(call::location);
        report["buildError"] = json!({"message": error.to_string(), "location": location});
        report["error"] = call::error_to_json(error);
        // buildx reports one error; the others are ours.
        report["further"] = call::further(error, &request.dockerfile);
    }
    report
}

fn note_to_json(note: &CheckNote) -> Value {
    json!({
        "line": note.lines.map_or(0, |lines| lines.first),
        "message": note.message,
        "hint": note.hint,
        "isFailure": note.is_failure,
    })
}

fn warning_to_json(warning: &Warning) -> Value {
    let rule = check::rule(warning.rule);
    let mut location = call::location(warning.lines);
    if warning.ignore_file.is_some() {
        location["sourceIndex"] = json!(IGNORE_FILE_SOURCE);
    }
    json!({
        "rule": warning.rule,
        "line": warning.lines.first,
        "message": warning.message,
        "ruleName": warning.rule,
        "description": rule.map(|rule| rule.description),
        "url": rule.map(|rule| rule.url),
        "detail": warning.message,
        "fix": warning.hint.as_deref().or(rule.map(|rule| rule.fix)),
        "location": location,
    })
}

fn print(outcome: &Outcome, request: &BuildRequest) {
    let found = match outcome.warnings.len() {
        0 => "no warnings found.".to_owned(),
        1 => "1 warning has been found!".to_owned(),
        number => format!("{number} warnings have been found!"),
    };
    let text = String::from_utf8_lossy(&request.dockerfile);
    // "No warnings" would suggest that the Dockerfile builds.
    let heading =
        (!outcome.fails() || !outcome.warnings.is_empty()).then(|| format!("Check complete, {found}"));
    let shown = outcome.warnings.iter().map(|warning| match &warning.ignore_file {
        Some(path) => {
            // Without the file the message has no lines below it.
            let text = parse::read(path).unwrap_or_default();
            shown(warning, &String::from_utf8_lossy(&text), &input::name_of(path))
        }
        None => shown(warning, &text, &request.options.dockerfile_name),
    });
    let notes = outcome.notes.iter().map(|note| shown_note(note, &text, &request.options.dockerfile_name));
    let blocks: Vec<String> = heading.into_iter().chain(shown).chain(notes).collect();
    if !blocks.is_empty() {
        output::line(&blocks.join("\n\n"));
    }
    if let Some(error) = &outcome.error {
        let failure = Failure::of_build(error, &request.options.dockerfile_name, &request.dockerfile);
        output::colored(Stream::Stderr, &failure.report());
    }
}

/// Returns a warning: its rule and the address that explains it, the message, and the lines.
fn shown(warning: &Warning, text: &str, file: &str) -> String {
    let rule = warning.rule;
    let hint = warning.hint.as_deref().or(check::rule(rule).map(|rule| rule.fix));
    let fix = hint.map(|hint| format!("\nhint: {}", output::sanitized(hint))).unwrap_or_default();
    let heading = match check::rule(rule).map(|rule| rule.url).filter(|url| !url.is_empty()) {
        Some(url) => format!("WARNING: {rule} - {url}"),
        None => format!("WARNING: {rule}"),
    };
    let message = output::sanitized(&warning.message);
    format!("{heading}\n{message}{fix}\n{}", frame(text, file, warning.lines))
}

/// Returns a remark with its hint and its lines.
fn shown_note(note: &CheckNote, text: &str, file: &str) -> String {
    let label = if note.is_failure { "ERROR" } else { "NOTE" };
    let mut shown = format!("{label}: {}", output::sanitized(&note.message));
    if let Some(hint) = &note.hint {
        shown.push_str(&format!("\nhint: {}", output::sanitized(hint)));
    }
    if let Some(lines) = note.lines {
        shown.push_str(&format!("\n{}", frame(text, file, lines)));
    }
    shown
}

/// Returns lines and their neighbors in a frame, as buildx draws it.
fn frame(text: &str, file: &str, Lines { first, last }: Lines) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    let (first, last) = (first.max(1) as usize, (last as usize).min(lines.len()));
    let margin = if first == last { 2 } else { 1 };
    let (from, to) = (first.saturating_sub(margin).max(1), (last + margin).min(lines.len()));
    let rule = "-".repeat(20);
    let mut frame = format!("{file}:{first}\n{rule}\n");
    for (number, line) in (from..=to).zip(lines.iter().skip(from - 1)) {
        let mark = if (first..=last).contains(&number) { ">>>" } else { "   " };
        frame.push_str(format!(" {number:>3} | {mark} {}", output::sanitized(line)).trim_end());
        frame.push('\n');
    }
    frame + &rule
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_shows_lines_and_their_neighbors() {
        let text = "a\nb\nc\nd\ne\nf";
        let rule = "--------------------";
        let single = format!(
            "F:3\n{rule}\n   1 |     a\n   2 |     b\n   3 | >>> c\n   4 |     d\n   5 |     e\n{rule}"
        );
        assert_eq!(frame(text, "F", Lines::new(3, 3)), single);
        let several = format!("F:1\n{rule}\n   1 | >>> a\n   2 | >>> b\n   3 |     c\n{rule}");
        assert_eq!(frame(text, "F", Lines::new(1, 2)), several);
        assert_eq!(frame("a", "F", Lines::new(9, 9)), format!("F:9\n{rule}\n{rule}"));
        assert_eq!(frame("", "F", Lines::new(0, 0)), format!("F:1\n{rule}\n   1 |\n{rule}"));
    }
}
