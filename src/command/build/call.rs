//! `build --check` and `build --call METHOD`: questions about a Dockerfile that are answered without building it.
//!
//! Methods and their JSON are those of buildx, so that editors and scripts can use either program.

use pipeline::BuildRequest;

use super::answer::OpenPipeline;
use super::{check, outline, targets};
use crate::failure::Failure;
use cli::build::BuildArgs;
use cli::values::switch;

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
