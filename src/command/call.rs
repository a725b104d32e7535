//! `build --call METHOD`: questions about a Dockerfile that are answered without building it.
//!
//! Methods and their JSON are those of buildx, so that editors and scripts can ask us, too.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use frontend::LowerError;
use graph::Lines;
use pipeline::BuildError;
use serde_json::{Value, json};

use pipeline::BuildRequest;

use super::build_options;
use super::{build, check_dockerfile, outline, targets};
use crate::args::build::BuildArgs;
use crate::output;
use crate::report::Failure;

/// What is asked, and how the answer is to be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    method: Method,
    json: bool,
    /// Exit with 0 whatever the answer.
    ignore_status: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Check,
    Outline,
    Targets,
}

impl Call {
    /// What the flags ask; `None` if it is to build.
    pub fn of(args: &BuildArgs) -> Result<Option<Self>, Failure> {
        let text = match (&args.call, args.check) {
            (Some(call), _) => call.as_str(),
            (None, true) => "check",
            (None, false) => "build",
        };
        let call = parse(text)?;
        let Some(format) = args.format.as_deref() else { return Ok(call) };
        match call {
            Some(call) => Ok(Some(Self { json: is_json(format)?, ..call })),
            None => Err(Failure::ours("--format goes with --check or --call")),
        }
    }

    /// Answers; returns the exit code.
    pub fn run(self, args: &BuildArgs) -> Result<u8, Failure> {
        let mut request = build_options::request(args)?;
        if request.pending.is_some() {
            build::fetch_context(args, &mut request)?;
        }
        let code = match self.method {
            Method::Check => check_dockerfile::run(args, &request, self.json)?,
            Method::Outline => outline::run(args, &request, self.json)?,
            Method::Targets => targets::run(&request, self.json)?,
        };
        Ok(if self.ignore_status { 0 } else { code })
    }
}

/// `method { "," option }`, options being `format=text|json` and `ignorestatus=BOOL`.
fn parse(text: &str) -> Result<Option<Call>, Failure> {
    let mut words = text.split(',');
    let method = match words.next().unwrap_or_default() {
        "build" | "" => return Ok(None),
        "check" | "lint" => Method::Check,
        "outline" => Method::Outline,
        "targets" => Method::Targets,
        other => {
            return Err(Failure::ours(format!("--call {other:?} is unknown"))
                .hint("use build, check, outline or targets"));
        }
    };
    let mut call = Call { method, json: false, ignore_status: false };
    for word in words {
        match word.split_once('=') {
            Some(("format", format)) => call.json = is_json(format)?,
            Some(("ignorestatus", "true" | "1")) => call.ignore_status = true,
            Some(("ignorestatus", "false" | "0")) => call.ignore_status = false,
            _ => return Err(Failure::ours(format!("--call {text:?}: the option {word:?} is unknown"))),
        }
    }
    Ok(Some(call))
}

fn is_json(format: &str) -> Result<bool, Failure> {
    match format {
        "json" => Ok(true),
        "text" => Ok(false),
        other => Err(Failure::ours(format!("the format {other:?} is unknown")).hint("use text or json")),
    }
}

/// Prints JSON as an answer.
pub fn print(value: &Value) {
    output::line(&format!("{value:#}"));
}

/// A file's bytes as buildx's JSON has them.
pub fn encoded(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Tells why there is no answer: with `json` as part of what is printed, else as a failure.
pub fn refuse(error: &BuildError, request: &BuildRequest, json: bool) -> Result<u8, Failure> {
    if !json {
        return Err(Failure::of_build(error, &request.options.dockerfile_name, &request.dockerfile));
    }
    print(&json!({"error": error_to_json(error), "further": further(error, &request.dockerfile)}));
    Ok(1)
}

/// The first line and the message.
pub fn error_to_json(error: &BuildError) -> Value {
    json!({"line": lines(error).map_or(0, |lines| lines.first), "message": error.to_string()})
}

/// The errors besides, in the same form.
pub fn further(error: &BuildError, text: &[u8]) -> Value {
    let short =
        |line: u32, error: &dyn std::error::Error| json!({"line": line, "message": error.to_string()});
    let further: Vec<Value> = match error {
        BuildError::Parse(first) => {
            let further = parser::further_errors(text, first).errors;
            further.iter().map(|error| short(error.span.start_line, error)).collect()
        }
        BuildError::Lower(first) => {
            let line = |error: &LowerError| error.lines.map_or(0, |lines| lines.first);
            first.further.iter().map(|error| short(line(error), error)).collect()
        }
        _ => Vec::new(),
    };
    Value::Array(further)
}

/// The lines that an error is about.
pub fn lines(error: &BuildError) -> Option<Lines> {
    match error {
        BuildError::Parse(error) => Some(Lines::new(error.span.start_line, error.span.end_line)),
        BuildError::Lower(error) => error.lines,
        _ => None,
    }
}

/// Lines of the file as buildx's JSON has them.
pub fn location(lines: Lines) -> Value {
    json!({"ranges": [{"start": {"line": lines.first}, "end": {"line": lines.last}}]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(Method, bool, bool)>) {
        let expected = expected.map(|(method, json, ignore_status)| Call { method, json, ignore_status });
        assert_eq!(parse(text).expect("a call"), expected, "{text}");
    }

    #[test]
    fn calls_are_those_of_buildx() {
        check("build", None);
        check("check", Some((Method::Check, false, false)));
        check("lint,format=json", Some((Method::Check, true, false)));
        check("targets,format=json,ignorestatus=true", Some((Method::Targets, true, true)));
        check("outline", Some((Method::Outline, false, false)));
        check("targets,format=text", Some((Method::Targets, false, false)));
    }

    #[test]
    fn what_is_unknown_is_refused() {
        for text in
            ["chekc", "check,format=xml", "check,colour=red", "check,json", "check,ignorestatus=maybe"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
