//! Failures: the place, the cause, the way out.

use std::error::Error;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use builder::engine::BuildError;
use builder::step::StepError;

use crate::output;

/// Lines of a failed step's output that are shown.
const TAIL_LINES: usize = 10;

/// A command that failed, ready to be told.
#[derive(Debug, Default)]
pub struct Failure {
    code: u8,
    title: String,
    causes: Vec<String>,
    place: Option<Place>,
    tail: Option<Tail>,
    hint: Option<String>,
}

/// Lines of a file.
#[derive(Debug)]
struct Place {
    file: String,
    text: String,
    lines: (u32, u32),
}

/// The end of a step's output.
#[derive(Debug)]
struct Tail {
    name: String,
    text: String,
}

impl Failure {
    /// The user's build, input or container failed.
    pub fn user(title: impl Into<String>) -> Self {
        Self { code: 1, title: title.into(), ..Self::default() }
    }

    /// We failed, or the command line is wrong.
    pub fn ours(title: impl Into<String>) -> Self {
        Self { code: 2, title: title.into(), ..Self::default() }
    }

    /// With another exit code.
    pub fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// With a way out.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With what led to it.
    pub fn caused_by(mut self, error: &dyn Error) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            self.causes.push(error.to_string());
            next = error.source();
        }
        self
    }

    /// An error and what led to it.
    pub fn of(error: &dyn Error) -> Self {
        let failure = Self::ours(error.to_string());
        match error.source() {
            Some(source) => failure.caused_by(source),
            None => failure,
        }
    }

    /// A build that failed; `file` and `text` are the Dockerfile's.
    pub fn of_build(error: &BuildError, file: &str, text: &[u8]) -> Self {
        let place = |lines| {
            Some(Place { file: file.to_owned(), text: String::from_utf8_lossy(text).into_owned(), lines })
        };
        match error {
            BuildError::Parse(parse) => Self {
                place: place((parse.span.start_line, parse.span.end_line)),
                hint: parse.hint.clone(),
                ..Self::user(parse.to_string())
            },
            BuildError::Lower(lower) => {
                let hint = lower.hint().map(str::to_owned);
                Self { place: lower.lines.and_then(place), hint, ..Self::user(lower.to_string()) }
            }
            BuildError::Step { name, lines, cause } => Self {
                place: lines.and_then(place),
                tail: tail(name, cause),
                hint: hint(cause),
                ..Self::of(&**cause).code(1)
            },
            BuildError::Canceled => Self::user("canceled").code(130),
            error => Self::of(error),
        }
    }

    /// What the process exits with.
    pub fn exit_code(&self) -> u8 {
        self.code
    }

    /// The text for stderr.
    pub fn report(&self) -> String {
        let mut report = self.tail.as_ref().map(Tail::shown).unwrap_or_default();
        report.push_str(&self.snippet());
        for cause in &self.causes {
            report.push_str(&format!("\n  caused by: {}", output::sanitized(cause)));
        }
        if let Some(hint) = &self.hint {
            report.push_str(&format!("\nhint: {hint}"));
        }
        report
    }

    /// The title, and the lines with a caret below where there are any.
    fn snippet(&self) -> String {
        let renderer = if output::styled() { Renderer::styled() } else { Renderer::plain() };
        let title = output::sanitized(&self.title.replace('\n', " "));
        let heading = Level::ERROR.primary_title(title.as_str());
        match &self.place {
            Some(place) if place.byte_range().is_some() => {
                let range = place.byte_range().unwrap_or_default();
                let snippet = Snippet::source(place.text.as_str())
                    .path(place.file.as_str())
                    .annotation(AnnotationKind::Primary.span(range));
                renderer.render(&[heading.element(snippet)])
            }
            _ => renderer.render(&[annotate_snippets::Group::with_title(heading)]),
        }
    }
}

impl Place {
    /// The bytes of the lines, without blanks around them; `None` if the file has no such lines.
    fn byte_range(&self) -> Option<std::ops::Range<usize>> {
        let (first, last) = (self.lines.0.checked_sub(1)? as usize, self.lines.1.checked_sub(1)? as usize);
        let mut start = 0;
        let mut range = None::<std::ops::Range<usize>>;
        for (index, line) in self.text.split_inclusive('\n').enumerate() {
            if (first..=last).contains(&index) {
                let indent = line.len() - line.trim_start().len();
                let end = start + line.trim_end().len();
                range = Some(range.map_or(start + indent, |range| range.start)..end);
            }
            start += line.len();
        }
        range.filter(|range| !range.is_empty())
    }
}

impl Tail {
    fn shown(&self) -> String {
        let lines: Vec<&str> = self.text.lines().collect();
        let last = lines[lines.len().saturating_sub(TAIL_LINES)..].iter();
        let last: String = last.map(|line| format!("{}\n", output::sanitized(line))).collect();
        let rule = "------";
        format!("{rule}\n > {}:\n{last}{rule}\n", self.name)
    }
}

fn tail(name: &str, cause: &StepError) -> Option<Tail> {
    match cause {
        StepError::Process { tail, .. } => Some(Tail { name: name.to_owned(), text: tail.clone() }),
        _ => None,
    }
}

/// The way out of the usual failures.
fn hint(cause: &StepError) -> Option<String> {
    let hint = match cause {
        StepError::Process { exit: sandbox::Exit::Code(127), .. } => {
            "status 127: the shell did not find a command; is it installed in this stage, and on the PATH?"
        }
        StepError::Process { exit: sandbox::Exit::Code(126), .. } => {
            "status 126: a file could not be executed; does it have its x bits (COPY --chmod=755), and an interpreter \
             that exists?"
        }
        StepError::Process { exit: sandbox::Exit::Code(137) | sandbox::Exit::Signal(9), .. } => {
            "the process was killed; often because memory ran out"
        }
        StepError::Process { tail, .. } => return network_hint(tail),
        StepError::NoSecret { id } => return Some(format!("give it with --secret id={id},src=FILE")),
        StepError::NoSshAgent { id } => return Some(format!("give it with --ssh {id}")),
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Programs that found no network say so in a few ways.
fn network_hint(tail: &str) -> Option<String> {
    let signs = [
        "Temporary failure in name resolution",
        "Temporary failure resolving",
        "Could not resolve host",
        "Network is unreachable",
    ];
    signs.iter().any(|sign| tail.contains(sign)).then(|| {
        "the step found no network; try `RUN --network=host` with `--allow network.host`, or check /etc/resolv.conf"
            .to_owned()
    })
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::of(&error)
    }
}
