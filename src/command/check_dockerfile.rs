//! `build --check`: what a Dockerfile is warned about, without building it.

use frontend::check::{self, CheckReport};
use frontend::plan::Warning;
use graph::Lines;
use pipeline::BuildError;
use serde_json::{Value, json};
use std::sync::Arc;

use super::{build, call, parse};
use crate::args::build::BuildArgs;
use crate::output;
use crate::report::Failure;
use pipeline::input;
use pipeline::{BuildRequest, ShownResolver};
use progress::{NoSink, Progress};

/// The place of the ignore file among the sources, where a warning is about it.
const IGNORE_FILE_SOURCE: usize = 1;

/// What the checks came to, a text that is no Dockerfile included.
struct Outcome {
    warnings: Vec<Warning>,
    error: Option<BuildError>,
}

/// Checks and prints; 1 if there is anything to complain about.
pub fn run(args: &BuildArgs, request: &BuildRequest, json: bool) -> Result<u8, Failure> {
    let outcome = outcome(args, request)?;
    match json {
        true => call::print(&to_json(&outcome, request)),
        false => print(&outcome, request),
    }
    Ok(u8::from(!outcome.warnings.is_empty() || outcome.error.is_some()))
}

fn outcome(args: &BuildArgs, request: &BuildRequest) -> Result<Outcome, Failure> {
    let dockerfile = match parser::parse(&request.dockerfile) {
        Ok(dockerfile) => dockerfile,
        Err(error) => return Ok(Outcome { warnings: Vec::new(), error: Some(error.into()) }),
    };
    let pipeline = build::hasty_pipeline(args)?;
    let progress = Progress::new(Arc::new(NoSink));
    let resolver = ShownResolver { sources: pipeline.sources(), progress: &progress };
    let CheckReport { warnings, error } = pipeline::check(&dockerfile, &request.options, &resolver);
    Ok(Outcome { warnings, error: error.map(BuildError::from) })
}

/// buildx's form; `rule`, `line`, `message` and `error` say the same in short.
fn to_json(outcome: &Outcome, request: &BuildRequest) -> Value {
    let warnings: Vec<Value> = outcome.warnings.iter().map(warning_to_json).collect();
    let source = json!({
        "filename": request.options.dockerfile_name,
        "language": "Dockerfile",
        "data": call::encoded(&request.dockerfile),
    });
    let mut sources = vec![source];
    if let Some(path) = outcome.warnings.iter().find_map(|warning| warning.ignore_file.as_deref()) {
        // The second: IGNORE_FILE_SOURCE.
        sources.push(json!({
            "filename": input::name_of(path),
            "language": "Ignore List",
            "data": call::encoded(&parse::read(path).unwrap_or_default()),
        }));
    }
    let mut report = json!({"warnings": warnings, "sources": sources});
    if let Some(error) = &outcome.error {
        let location = call::lines(error).map(call::location);
        report["buildError"] = json!({"message": error.to_string(), "location": location});
        report["error"] = call::error_to_json(error);
        // buildx has one error; ours are besides.
        report["further"] = call::further(error, &request.dockerfile);
    }
    report
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
        "fix": rule.map(|rule| rule.fix),
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
    // "No warnings" would read as if all were well.
    let heading =
        (outcome.error.is_none() || !outcome.warnings.is_empty()).then(|| format!("Check complete, {found}"));
    let shown = outcome.warnings.iter().map(|warning| match &warning.ignore_file {
        Some(path) => {
            // It was read a moment ago; if it is gone, the message has to do.
            let text = parse::read(path).unwrap_or_default();
            shown(warning, &String::from_utf8_lossy(&text), &input::name_of(path))
        }
        None => shown(warning, &text, &request.options.dockerfile_name),
    });
    let blocks: Vec<String> = heading.into_iter().chain(shown).collect();
    if !blocks.is_empty() {
        output::line(&blocks.join("\n\n"));
    }
    if let Some(error) = &outcome.error {
        let failure = Failure::of_build(error, &request.options.dockerfile_name, &request.dockerfile);
        output::error(&failure.report());
    }
}

/// The rule and where it is explained, what was found, and the lines.
fn shown(warning: &Warning, text: &str, file: &str) -> String {
    let rule = warning.rule;
    let fix = check::rule(rule).map(|rule| format!("\nhint: {}", rule.fix)).unwrap_or_default();
    let heading = match check::rule(rule).map(|rule| rule.url).filter(|url| !url.is_empty()) {
        Some(url) => format!("WARNING: {rule} - {url}"),
        None => format!("WARNING: {rule}"),
    };
    let message = output::sanitized(&warning.message);
    format!("{heading}\n{message}{fix}\n{}", frame(text, file, warning.lines))
}

/// The lines with those around them, as buildx draws them.
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
    fn a_frame_shows_the_lines_and_those_around_them() {
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
