//! The times of a build as plain data, collected from events.
//!
//! Times count from the beginning of the build. The phases of a step follow each other without gaps up to its end, so that
//! they never add up to more than the time of the step.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use progress::KeyKind;
use progress::MissReason;
use progress::Usage;
use progress::{EventKind, Phase, StepLocation, VertexId};

use super::critical::{self, Link, Node};
use super::text::duration;

/// Description of a build, besides its steps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Name of the Dockerfile, without its directory.
    pub dockerfile: String,
    /// Names of the image, as given with `--tag`.
    pub names: Vec<String>,
    /// Time of the end, such as `2006-01-02 15:04:05 UTC`.
    pub ended: String,
    /// Largest number of steps that ran at once.
    pub jobs: usize,
    /// True if the build and its exports succeeded.
    pub succeeded: bool,
}

/// Build with the times of its steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Description of the build.
    pub about: About,
    /// Duration of the build.
    pub total: Duration,
    /// Steps, and other work that took time, indexed by [`VertexId`].
    pub steps: Vec<Step>,
    /// Critical path: the steps that the end of the build waited for.
    pub critical: Vec<Link>,
}

/// Step, or other work that takes time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Name in progress, such as `[build 2/5] RUN make`.
    pub name: String,
    /// Inputs, as positions in [`Report::steps`].
    pub inputs: Vec<VertexId>,
    /// Stage and lines of the instruction, or `None` if this is not a step.
    pub location: Option<StepLocation>,
    /// End of the step, or the lack of it.
    pub state: State,
    /// Start and end, or `None` if the step never ran.
    pub time: Option<(Duration, Duration)>,
    /// Phases in order of time.
    pub phases: Vec<Span>,
    /// Transfers in order of their start.
    pub transfers: Vec<Transfer>,
    /// Result of the cache lookup.
    pub verdict: Verdict,
    /// Resources that the process used, or `None` if the step ran no process.
    pub usage: Option<Usage>,
    /// Warnings of the step for the user.
    pub warnings: Vec<String>,
}

/// State of a step at the end of the build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The step was not run, because another one failed before.
    NotRun,
    /// The step was still running at the end of the build.
    Running,
    /// The step succeeded, or was cached.
    Done,
    /// The step failed with an error.
    Failed {
        /// Message of the error.
        error: String,
    },
    /// The failure of another step, or the user, ended the step.
    Canceled,
}

/// Result of the cache lookup of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The cache was not asked.
    None,
    /// The result was in the store already; the step has no key.
    Here,
    /// The cache had the result.
    Hit {
        /// Key under which the result was found.
        key: KeyKind,
        /// Time that it took to produce the result.
        took: Duration,
    },
    /// The cache did not have the result.
    Miss {
        /// Reason of the miss.
        reason: MissReason,
    },
}

/// Part of the time of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Kind of work in this time.
    pub phase: Phase,
    /// Start, since the build began.
    pub start: Duration,
    /// End, since the build began.
    pub end: Duration,
}

/// Data that was fetched, or written to a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Name of the transfer, such as `sha256:…` or `downloading`.
    pub id: String,
    /// Number of bytes transferred.
    pub bytes: u64,
    /// Start, since the build began.
    pub start: Duration,
    /// End, since the build began.
    pub end: Duration,
    is_done: bool,
}

impl Report {
    /// Returns the time at which all inputs of a step were ready, or `None` if it has no inputs.
    pub fn ready(&self, step: &Step) -> Option<Duration> {
        step.inputs.iter().filter_map(|input| Some(self.steps.get(*input)?.time?.1)).max()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("not asked"),
            Self::Here => f.write_str("in the store already"),
            Self::Hit { key: KeyKind::Definition, took } => {
                write!(f, "hit by definition: same instruction on the same layers (took {})", duration(*took))
            }
            Self::Hit { key: KeyKind::Content, took } => {
                let why = "an input ran again and left the same files";
                write!(f, "hit by content: {why} (took {})", duration(*took))
            }
            Self::Miss { reason } => write!(f, "miss: {reason}"),
        }
    }
}

impl Step {
    fn new(name: String, inputs: Vec<VertexId>, location: Option<StepLocation>) -> Self {
        Self {
            name,
            inputs,
            location,
            state: State::NotRun,
            time: None,
            phases: Vec::new(),
            transfers: Vec::new(),
            verdict: Verdict::None,
            usage: None,
            warnings: Vec::new(),
        }
    }

    /// Returns how long the step took.
    pub fn duration(&self) -> Duration {
        self.time.map_or(Duration::ZERO, |(start, end)| end - start)
    }

    /// Reports whether the result existed already.
    pub fn is_cached(&self) -> bool {
        matches!(self.verdict, Verdict::Hit { .. } | Verdict::Here)
    }

    fn event(&mut self, time: Duration, kind: &EventKind) {
        match kind {
            EventKind::Started => (self.state, self.time) = (State::Running, Some((time, time))),
            EventKind::Entered { phase } if self.phases.last().map(|span| span.phase) == Some(*phase) => {}
            EventKind::Entered { phase } => {
                self.leave_phase(time);
                self.phases.push(Span { phase: *phase, start: time, end: time });
            }
            EventKind::Status { id, current, done, .. } => self.transfer(time, id, *current, *done),
            EventKind::Warning { text } => self.warnings.push(text.clone()),
            EventKind::Found { key, took_ms } => {
                self.verdict = Verdict::Hit { key: *key, took: Duration::from_millis(*took_ms) };
            }
            EventKind::Missed { reason } => self.verdict = Verdict::Miss { reason: reason.clone() },
            EventKind::Used { usage } => self.usage = Some(*usage),
            EventKind::Finished { cached } => {
                if *cached && self.verdict == Verdict::None {
                    self.verdict = Verdict::Here;
                }
                self.end(time, State::Done);
            }
            EventKind::Failed { error } => self.end(time, State::Failed { error: error.clone() }),
            EventKind::Canceled => self.end(time, State::Canceled),
            _ => {}
        }
    }

    fn leave_phase(&mut self, time: Duration) {
        if let Some(last) = self.phases.last_mut() {
            last.end = time;
        }
    }

    /// Records a transfer. A status that is done when it is first reported is a fact, not a transfer.
    fn transfer(&mut self, time: Duration, id: &str, current: u64, done: bool) {
        match self.transfers.iter_mut().find(|transfer| transfer.id == id) {
            Some(known) => (known.bytes, known.end, known.is_done) = (current, time, done),
            None if done => {}
            None => self.transfers.push(Transfer {
                id: id.to_owned(),
                bytes: current,
                start: time,
                end: time,
                is_done: false,
            }),
        }
    }

    fn end(&mut self, time: Duration, state: State) {
        self.state = state;
        self.leave_phase(time);
        if let Some((_, end)) = &mut self.time {
            *end = time;
        }
        self.transfers.iter_mut().filter(|transfer| !transfer.is_done).for_each(|one| one.end = time);
    }
}

/// Report of a build that has not ended.
#[derive(Debug, Default)]
pub struct Draft(BTreeMap<VertexId, Step>);

impl Draft {
    /// Records an event of a step.
    pub fn event(&mut self, vertex: VertexId, time: Duration, kind: &EventKind) {
        if let EventKind::Added { name, inputs, location } = kind {
            self.0.insert(vertex, Step::new(name.clone(), inputs.clone(), location.clone()));
        } else if let Some(step) = self.0.get_mut(&vertex) {
            step.event(time, kind);
        }
    }

    /// Returns the report of a build that took `total`.
    pub fn finish(self, about: About, total: Duration) -> Report {
        // Vertices are numbered without gaps. If one is missing all the same, the others keep their positions.
        let count = self.0.last_key_value().map_or(0, |(last, _)| last + 1);
        let mut steps: Vec<Step> = (0..count).map(|_| Step::new(String::new(), Vec::new(), None)).collect();
        for (id, mut step) in self.0 {
            step.inputs.retain(|input| *input < count);
            if step.state == State::Running {
                step.end(total, State::Running);
            }
            steps[id] = step;
        }
        let critical = critical_path(&steps);
        Report { about, total, steps, critical }
    }
}

/// Returns the path to the step that failed first, or else to the one that ended last.
fn critical_path(steps: &[Step]) -> Vec<Link> {
    let nodes: Vec<Node> =
        steps.iter().map(|step| Node { time: step.time, inputs: step.inputs.clone() }).collect();
    let end = |(index, step): (usize, &Step)| Some((step.time?.1, index));
    let is_failure = |(_, step): &(usize, &Step)| matches!(step.state, State::Failed { .. });
    let failed = steps.iter().enumerate().filter(is_failure).filter_map(end).min();
    let last = failed.or_else(|| steps.iter().enumerate().filter_map(end).max());
    last.map(|(_, last)| critical::path(&nodes, last)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn added(name: &str, inputs: &[VertexId]) -> EventKind {
        let location = Some(StepLocation { stage: "s".to_owned(), lines: Some(graph::Lines::new(1, 2)) });
        EventKind::Added { name: name.to_owned(), inputs: inputs.to_vec(), location }
    }

    /// Builds a report from events: vertex, time in milliseconds, kind.
    fn report(events: &[(VertexId, u64, EventKind)], total_ms: u64) -> Report {
        let mut draft = Draft::default();
        events.iter().for_each(|(vertex, time, kind)| draft.event(*vertex, ms(*time), kind));
        draft.finish(About::default(), ms(total_ms))
    }

    #[test]
    fn phases_follow_each_other_to_the_end() {
        let entered = |phase| EventKind::Entered { phase };
        let failed = EventKind::Failed { error: "no".to_owned() };
        let report = report(
            &[
                (0, 0, added("a", &[])),
                (0, 10, EventKind::Started),
                (0, 11, entered(Phase::Hash)),
                (0, 12, entered(Phase::Hash)),
                (0, 15, entered(Phase::Exec)),
                (0, 40, failed),
            ],
            50,
        );
        let step = &report.steps[0];
        let spans: Vec<_> = step.phases.iter().map(|span| (span.phase, span.start, span.end)).collect();
        assert_eq!(spans, [(Phase::Hash, ms(11), ms(15)), (Phase::Exec, ms(15), ms(40))]);
        assert_eq!((step.time, step.duration()), (Some((ms(10), ms(40))), ms(30)));
        assert_eq!(step.state, State::Failed { error: "no".to_owned() });
    }

    #[test]
    fn a_step_that_was_never_ended_ends_with_the_build() {
        let report =
            report(&[(0, 0, added("a", &[])), (1, 0, added("b", &[0])), (0, 5, EventKind::Started)], 9);
        assert_eq!((report.steps[0].time, report.steps[0].is_cached()), (Some((ms(5), ms(9))), false));
        assert_eq!((report.steps[1].time, &report.steps[1].state), (None, &State::NotRun));
        assert_eq!(report.critical.iter().map(|link| link.node).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn the_critical_path_of_a_failure_leads_to_it() {
        let ran = |id, from, to, last| {
            [(id, from, added("x", &[])), (id, from, EventKind::Started), (id, to, last)]
        };
        let failed = || EventKind::Failed { error: "no".to_owned() };
        let events: Vec<_> =
            [ran(0, 0, 5, failed()), ran(1, 0, 7, EventKind::Canceled), ran(2, 0, 8, failed())]
                .into_iter()
                .flatten()
                .collect();
        assert_eq!(report(&events, 9).critical.iter().map(|link| link.node).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn verdicts_and_transfers_are_kept() {
        let status = |current, done| EventKind::Status { id: "blob".to_owned(), current, total: None, done };
        let fact = EventKind::Status { id: "naming".to_owned(), current: 0, total: None, done: true };
        let report = report(
            &[
                (0, 0, added("a", &[])),
                (0, 1, EventKind::Started),
                (0, 2, status(0, false)),
                (0, 6, status(70, true)),
                (0, 6, fact),
                (0, 8, EventKind::Finished { cached: false }),
                (1, 0, added("b", &[0])),
                (1, 8, EventKind::Started),
                (1, 8, EventKind::Found { key: KeyKind::Content, took_ms: 30 }),
                (1, 9, EventKind::Finished { cached: true }),
                (2, 0, added("c", &[0])),
                (2, 8, EventKind::Started),
                (2, 9, EventKind::Finished { cached: true }),
            ],
            9,
        );
        let transfer = Transfer { id: "blob".to_owned(), bytes: 70, start: ms(2), end: ms(6), is_done: true };
        assert_eq!(report.steps[0].transfers, [transfer]);
        assert_eq!(report.steps[1].verdict, Verdict::Hit { key: KeyKind::Content, took: ms(30) });
        assert_eq!(report.steps[2].verdict, Verdict::Here);
    }
}
