//! `build --check` and `build --call METHOD`: questions about a Dockerfile that are answered without building it.
//!
//! Methods and their JSON are those of buildx, so that editors and scripts can use either program.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use frontend::LowerError;
use graph::Lines;
use pipeline::{BuildError, BuildRequest, Pipeline};
use serde_json::{Value, json};

use super::{check, outline, targets};
use crate::args::build::BuildArgs;
use crate::args::values::switch;
use crate::failure::Failure;
use crate::output::{self, Stream};

/// Opens a pipeline if an answer needs one.
pub type OpenPipeline<'a> = &'a dyn Fn() -> Result<Pipeline, Failure>;

/// Question, and form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    method: Method,
    is_json: bool,
    /// The exit code is 0 whatever the answer.
    ignores_status: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Check,
    Outline,
    Targets,
}

impl Call {
    /// Returns the question of the flags, or `None` if they ask for a build.
    pub fn of(args: &BuildArgs) -> Result<Option<Self>, Failure> {
        let text = match &args.call {
            Some(call) => call.as_str(),
            None if args.check => "check",
            None => "build",
        };
        let call = parse(text)?;
        let Some(format) = args.format.as_deref() else { return Ok(call) };
        match call {
            Some(call) => Ok(Some(Self { is_json: is_json(format)?, ..call })),
            None => Err(Failure::usage("--format needs --check or --call")),
        }
    }

    /// Prints the answer and returns the exit code.
    pub fn answer(self, request: &BuildRequest, pipeline: OpenPipeline<'_>) -> Result<u8, Failure> {
        let code = match self.method {
            Method::Check => check::run(request, pipeline, self.is_json)?,
            Method::Outline => outline::run(request, pipeline, self.is_json)?,
            Method::Targets => targets::run(request, self.is_json)?,
        };
        Ok(if self.ignores_status { 0 } else { code })
    }
}

/// Reads `method { "," option }` with the options `format=text|json` and `ignorestatus=BOOL`.
fn parse(text: &str) -> Result<Option<Call>, Failure> {
    let mut words = text.split(',');
    let method = match words.next().unwrap_or_default() {
        "build" | "" => return Ok(None),
        "check" | "lint" => Method::Check,
        "outline" => Method::Outline,
        "targets" => Method::Targets,
        other => {
            return Err(Failure::usage(format!("unknown method {other:?} of --call"))
                .hint("use build, check, outline or targets"));
        }
    };
    let mut call = Call { method, is_json: false, ignores_status: false };
    for word in words {
        match word.split_once('=').map(|(name, value)| (name, value, switch(value))) {
            Some(("format", format, _)) => call.is_json = is_json(format)?,
            Some(("ignorestatus", _, Ok(value))) => call.ignores_status = value,
            _ => return Err(Failure::usage(format!("--call {text:?}: unknown option {word:?}"))),
        }
    }
    Ok(Some(call))
}

fn is_json(format: &str) -> Result<bool, Failure> {
    match format {
        "json" => Ok(true),
        "text" => Ok(false),
        other => Err(Failure::usage(format!("unknown format {other:?}")).hint("use text or json")),
    }
}

/// Prints an answer in JSON.
pub fn print(value: &Value) {
    output::json(Stream::Stdout, value, true);
}

/// Returns the bytes of a file as buildx's JSON contains them.
pub fn encoded(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Reports that there is no answer: in JSON, or as a failure.
pub fn refuse(error: &BuildError, request: &BuildRequest, is_json: bool) -> Result<u8, Failure> {
    if !is_json {
        return Err(Failure::of_build(error, &request.options.dockerfile_name, &request.dockerfile));
    }
    print(&json!({"error": error_to_json(error), "further": further(error, &request.dockerfile)}));
    Ok(1)
}

/// Returns the first line and the message of an error.
pub fn error_to_json(error: &BuildError) -> Value {
    json!({"line": lines(error).map_or(0, |lines| lines.first), "message": error.to_string()})
}

/// Returns the further errors of a Dockerfile, in the form of [`error_to_json`].
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

/// Returns the lines of the Dockerfile that an error is about.
pub fn lines(error: &BuildError) -> Option<Lines> {
    match error {
        BuildError::Parse(error) => Some(Lines::new(error.span.start_line, error.span.end_line)),
        BuildError::Lower(error) => error.lines,
        _ => None,
    }
}

/// Returns lines of a file as buildx's JSON contains them.
pub fn location(lines: Lines) -> Value {
    json!({"ranges": [{"start": {"line": lines.first}, "end": {"line": lines.last}}]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(Method, bool, bool)>) {
        let expected =
            expected.map(|(method, is_json, ignores_status)| Call { method, is_json, ignores_status });
        assert_eq!(parse(text).expect("a call"), expected, "{text}");
    }

    #[test]
    fn a_call_is_read_as_buildx_does() {
        check("build", None);
        check("check", Some((Method::Check, false, false)));
        check("lint,format=json", Some((Method::Check, true, false)));
        check("targets,format=json,ignorestatus=true", Some((Method::Targets, true, true)));
        check("outline", Some((Method::Outline, false, false)));
        check("targets,format=text", Some((Method::Targets, false, false)));
    }

    #[test]
    fn an_unknown_method_or_option_is_refused() {
        for text in
            ["chekc", "check,format=xml", "check,colour=red", "check,json", "check,ignorestatus=maybe"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
