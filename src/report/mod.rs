//! Failures: the place, the cause, the way out.
//!
//! ```text
//! snippet   lines of a file with carets and labels     step   what the end of a failed step tells
//! origin    where the variables come from
//! ```

mod origin;
mod snippet;
mod step;

use std::any::Any;
use std::error::Error;

use frontend::LowerError;
use parser::ParseError;
use parser::diagnose::Further;
use pipeline::BuildError;
use pipeline::input::InputError;
use sources::FetchError;

use crate::args::meant_command;
use crate::command::interrupt;
use crate::output;
use snippet::{File, Place};
pub use step::NETWORK_HINT;

/// A command that failed, ready to be told.
#[derive(Debug, Default)]
pub struct Failure {
    code: u8,
    /// The end of a step's output.
    tail: Option<String>,
    trouble: Trouble,
    /// What is wrong besides.
    further: Vec<Trouble>,
    /// How much more there is that is not told.
    left_out: usize,
}

/// One thing that is wrong.
#[derive(Debug, Default)]
struct Trouble {
    title: String,
    causes: Vec<String>,
    place: Option<Place>,
    notes: Vec<String>,
    hint: Option<String>,
}

impl Failure {
    /// The user's build, input or container failed.
    pub fn user(title: impl Into<String>) -> Self {
        Self { code: 1, trouble: Trouble::new(title), ..Self::default() }
    }

    /// We failed, or the command line is wrong.
    pub fn ours(title: impl Into<String>) -> Self {
        Self { code: 2, trouble: Trouble::new(title), ..Self::default() }
    }

    /// A signal ended it.
    pub fn canceled() -> Self {
        Self::user("canceled").code(interrupt::exit_code())
    }

    /// A panic of the thread that runs the command.
    pub fn of_panic(panic: &dyn Any) -> Self {
        let message = message_of(panic);
        Self::ours(format!("internal error: {message}")).hint(step::internal(message))
    }

    /// With another exit code.
    pub fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// With a way out.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.trouble.hint = Some(hint.into());
        self
    }

    /// With what led to it.
    pub fn caused_by(mut self, error: &dyn Error) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            self.trouble.causes.push(error.to_string());
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

    /// A context or a Dockerfile that cannot be read.
    pub fn of_input(error: &InputError) -> Self {
        let failure = Self::of(error);
        match error {
            InputError::Fetch(FetchError::Canceled) => Self::canceled(),
            InputError::NoContext { context, .. } => match meant_command(context) {
                Some(command) => failure.code(1).hint(format!("did you mean `dsbuild {command}`?")),
                None => failure.code(1),
            },
            InputError::Dockerfile { is_named: true, .. } => failure
                .code(1)
                .hint("the path of --file is seen from the current folder, not from the context"),
            InputError::Dockerfile { is_named: false, .. } => failure
                .code(1)
                .hint("name the Dockerfile with --file, or let it come from stdin with --file -"),
            InputError::StdinTwice | InputError::FileBesideStdin | InputError::Ignore(_) => failure,
            _ => failure.code(1),
        }
    }

    /// A build that failed; `file` and `text` are the Dockerfile's.
    pub fn of_build(error: &BuildError, file: &str, text: &[u8]) -> Self {
        let dockerfile = File::new(file, text);
        match error {
            BuildError::Parse(first) => {
                let Further { errors, left_out } = parser::further_errors(text, first);
                let further = errors.iter().map(|error| Trouble::of_parse(error, &dockerfile)).collect();
                let trouble = Trouble::of_parse(first, &dockerfile);
                Self { code: 1, trouble, further, left_out, tail: None }
            }
            BuildError::Lower(first) => {
                let further =
                    first.further.iter().map(|error| Trouble::of_lower(error, &dockerfile)).collect();
                let trouble = Trouble::of_lower(first, &dockerfile);
                Self { code: 1, trouble, further, left_out: first.left_out, tail: None }
            }
            BuildError::Step { name, lines, origins, cause } => {
                let failure = Self::of(&**cause).code(if step::is_ours(cause) { 2 } else { 1 });
                let place = lines.and_then(|lines| dockerfile.place_of(lines, cause.culprit(), origins));
                let notes = step::note(cause).into_iter().collect();
                let mut trouble = Trouble { place, notes, hint: step::hint(cause), ..failure.trouble };
                origin::explain(&mut trouble, origins, &dockerfile);
                Self { tail: step::tail(name, cause), trouble, ..failure }
            }
            BuildError::Canceled => Self::canceled(),
            error => Self::of(error),
        }
    }

    /// What the process exits with.
    pub fn exit_code(&self) -> u8 {
        self.code
    }

    /// The text for stderr.
    pub fn report(&self) -> String {
        let mut report = self.tail.clone().unwrap_or_default();
        let troubles = std::iter::once(&self.trouble).chain(&self.further);
        report.push_str(&troubles.map(Trouble::report).collect::<Vec<_>>().join("\n\n"));
        if !self.further.is_empty() {
            let told = 1 + self.further.len();
            let more = match self.left_out {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            report.push_str(&format!("\n\n{}", snippet::title_only(&format!("{told} errors{more}"))));
        }
        report
    }
}

fn message_of(panic: &dyn Any) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it has no message")
}

/// Keeps a panic about threads that cannot be started from printing a backtrace: its error follows.
pub fn install_panic_hook() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !step::is_thread_limit(message_of(info.payload())) {
            default(info);
        }
    }));
}

impl Trouble {
    fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    fn of_parse(error: &ParseError, dockerfile: &File) -> Self {
        let lines = graph::Lines::new(error.span.start_line, error.span.end_line);
        let words: Vec<&str> = error.culprit.as_deref().into_iter().collect();
        Self {
            place: dockerfile.place(lines, &words),
            hint: error.hint.clone(),
            ..Self::new(error.to_string())
        }
    }

    fn of_lower(error: &LowerError, dockerfile: &File) -> Self {
        let place = |lines| dockerfile.place_of(lines, error.culprit(), &error.origins);
        let mut trouble =
            Self { place: error.lines.and_then(place), hint: error.hint(), ..Self::new(error.to_string()) };
        origin::explain(&mut trouble, &error.origins, dockerfile);
        trouble
    }

    fn report(&self) -> String {
        let title = output::sanitized(&self.title.replace('\n', " "));
        let mut report = match &self.place {
            Some(place) => place.render(&title),
            None => snippet::title_only(&title),
        };
        // Some messages have their cause in them.
        for cause in self.causes.iter().filter(|cause| !self.title.contains(cause.as_str())) {
            report.push_str(&format!("\n  caused by: {}", output::sanitized(cause)));
        }
        for note in &self.notes {
            report.push_str(&format!("\nnote: {}", output::sanitized(note)));
        }
        if let Some(hint) = &self.hint {
            report.push_str(&format!("\nhint: {}", output::sanitized(hint)));
        }
        report
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::of(&error)
    }
}
