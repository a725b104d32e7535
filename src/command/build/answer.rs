//! Parts that the answers of `--check` and `--call` share: their form in JSON, and errors.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use frontend::LowerError;
use graph::Lines;
use pipeline::{BuildError, BuildRequest, Pipeline};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::{self, Stream};

/// Opens a pipeline if an answer needs one.
pub type OpenPipeline<'a> = &'a dyn Fn() -> Result<Pipeline, Failure>;

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
