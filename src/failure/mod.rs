//! A failed command as people read it: the error, its place, its cause, and the way out.
//!
//! ```text
//! blame    the fault of each error type, which decides the exit code
//! input    a context or a Dockerfile that cannot be read
//! build    a build that failed
//! problem  one error: title, place, causes, notes, hint
//! snippet  lines of a file with carets and labels
//! panic    a panic of the thread that runs the command
//! origin   the origin of the variables in an instruction
//! network  signs of a network that failed, in the output of a step
//! step     the output of a failed step, and hints about it
//! ```
//!
//! The form of a report is that of `docs/style.md`:
//!
//! ```text
//! error: cannot read /srv/app/requirements.txt: Permission denied
//!   --> Dockerfile:7
//! hint: make the file readable, or exclude it in .dockerignore
//! ```

mod blame;
mod build;
mod input;
mod network;
mod origin;
mod panic;
mod problem;
pub mod single_id;
mod snippet;
mod step;

use std::error::Error;

pub use blame::Blame;
pub use panic::install_hook as install_panic_hook;
use problem::Problem;
pub use step::{PRIVATE_NETWORK_HINT, SHM_HINT};

use crate::exit::Fault;

/// Failed command: everything that its report and its exit code need.
#[derive(Debug)]
pub struct Failure {
    fault: Fault,
    /// End of a failed step's output, printed above the report.
    tail: Option<String>,
    problem: Problem,
    /// Further errors of the same Dockerfile.
    further: Vec<Problem>,
    /// Number of further errors that are not shown.
    left_out: usize,
}

impl Failure {
    /// Creates a failure with a fault and a title.
    pub fn new(fault: Fault, title: impl Into<String>) -> Self {
        Self { fault, tail: None, problem: Problem::new(title), further: Vec::new(), left_out: 0 }
    }

    /// Creates a failure of the user's Dockerfile, image or container.
    pub fn input(title: impl Into<String>) -> Self {
        Self::new(Fault::Input, title)
    }

    /// Creates a failure of the command line.
    pub fn usage(title: impl Into<String>) -> Self {
        Self::new(Fault::Usage, title)
    }

    /// Creates a failure of dsbuild or of this machine.
    pub fn system(title: impl Into<String>) -> Self {
        Self::new(Fault::System, title)
    }

    /// Creates the failure of a command that a signal canceled.
    pub fn canceled() -> Self {
        Self::new(Fault::canceled(), "canceled")
    }

    /// Creates a failure from an error and its causes, with a fault that the caller knows better than [`Blame`].
    pub fn of(fault: Fault, error: &dyn Error) -> Self {
        let failure = Self::new(fault, error.to_string());
        match error.source() {
            Some(source) => failure.caused_by(source),
            None => failure,
        }
    }

    /// Replaces the fault, and with it the exit code.
    pub fn blamed_on(mut self, fault: Fault) -> Self {
        self.fault = fault;
        self
    }

    /// Adds the way out.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.problem.hint = Some(hint.into());
        self
    }

    /// Adds an error that led to this one, and the causes of that error.
    pub fn caused_by(mut self, error: &dyn Error) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            self.problem.causes.push(error.to_string());
            next = error.source();
        }
        self
    }

    /// Returns the fault that decides the exit code.
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// Returns the report for stderr, in colors if stderr shows them.
    pub fn report(&self) -> String {
        let mut report = self.tail.clone().unwrap_or_default();
        let problems = std::iter::once(&self.problem).chain(&self.further);
        report.push_str(&problems.map(Problem::report).collect::<Vec<_>>().join("\n\n"));
        if !self.further.is_empty() {
            let shown = 1 + self.further.len();
            let more =
                if self.left_out > 0 { format!(", and {} more", self.left_out) } else { String::new() };
            report.push_str(&format!("\n\n{}", snippet::title_only(&format!("{shown} errors{more}"))));
        }
        report
    }
}

impl<E: Blame> From<E> for Failure {
    fn from(error: E) -> Self {
        let failure = Self::of(error.fault(), &error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
