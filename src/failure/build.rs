//! Reports of builds that failed.

use builder::StepError;
use frontend::LowerError;
use parser::ParseError;
use parser::diagnose::Further;
use pipeline::BuildError;

use super::blame::Blame;
use super::problem::Problem;
use super::snippet::File;
use super::{Failure, origin, step};

impl Failure {
    /// Creates the failure of a build. `file` and `text` are the name and the content of its Dockerfile.
    pub fn of_build(error: &BuildError, file: &str, text: &[u8]) -> Self {
        let dockerfile = File::new(file, text);
        let fault = error.fault();
        match error {
            BuildError::Parse(first) => {
                let Further { errors, left_out } = parser::further_errors(text, first);
                let further = errors.iter().map(|error| of_parse(error, &dockerfile)).collect();
                let problem = of_parse(first, &dockerfile);
                Self { fault, tail: None, problem, further, left_out }
            }
            BuildError::Lower(first) => {
                let further = first.further.iter().map(|error| of_lower(error, &dockerfile)).collect();
                let problem = of_lower(first, &dockerfile);
                Self { fault, tail: None, problem, further, left_out: first.left_out }
            }
            BuildError::Step { name, lines, origins, cause } => {
                let failure = match &**cause {
                    StepError::Internal { message } => Self::of_panic_with(message).blamed_on(fault),
                    cause => Self::of(fault, cause),
                };
                let snippet = lines.and_then(|lines| dockerfile.snippet_of(lines, cause.culprit(), origins));
                let notes = step::note(cause).into_iter().collect();
                let mut problem = Problem { snippet, notes, hint: step::hint(cause), ..failure.problem };
                origin::explain(&mut problem, origins, &dockerfile);
                Self { tail: step::tail(name, cause), problem, ..failure }
            }
            BuildError::Canceled => Self::canceled(),
            error => Self::of(fault, error),
        }
    }
}

/// Returns the problem of a text that is not a Dockerfile.
fn of_parse(error: &ParseError, dockerfile: &File) -> Problem {
    let lines = graph::Lines::new(error.span.start_line, error.span.end_line);
    let words: Vec<&str> = error.culprit.as_deref().into_iter().collect();
    let snippet = dockerfile.snippet(lines, &words);
    Problem { snippet, hint: error.hint.clone(), ..Problem::new(error.to_string()) }
}

/// Returns the problem of an instruction that cannot be carried out.
fn of_lower(error: &LowerError, dockerfile: &File) -> Problem {
    let snippet = |lines| dockerfile.snippet_of(lines, error.culprit(), &error.origins);
    let snippet = error.lines.and_then(snippet);
    let mut problem = Problem { snippet, hint: error.hint(), ..Problem::new(error.to_string()) };
    origin::explain(&mut problem, &error.origins, dockerfile);
    problem
}
