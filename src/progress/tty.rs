//! A live view, as docker's: a line a step, the last lines of what runs, drawn again in place.
//!
//! The view is never taller than the terminal: finished steps go first, and the whole is printed once at the end.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Instant;

use progress::{Event, EventKind, VertexId};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Display, Lines, not_cached};
use crate::output;

/// Lines of output shown below a running step.
const LOG_LINES: usize = 6;

/// The live view.
pub struct Tty {
    vertices: BTreeMap<VertexId, Vertex>,
    started: Instant,
    styled: bool,
    /// How many lines the last drawing took.
    drawn: usize,
    changed: bool,
}

struct Vertex {
    name: String,
    state: State,
    started: Instant,
    ended: Option<Instant>,
    statuses: BTreeMap<String, (u64, Option<u64>, bool)>,
    log: VecDeque<String>,
    lines: [Lines; 2],
    notes: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Done,
    Cached,
    Failed,
    Canceled,
}

impl Tty {
    /// An empty view.
    pub fn new(styled: bool) -> Self {
        Self { vertices: BTreeMap::new(), started: Instant::now(), styled, drawn: 0, changed: true }
    }

    /// Draws over the former drawing. `all`: not cut to the terminal's height.
    fn draw(&mut self, verdict: &str, all: bool) {
        let (columns, rows) = output::terminal_size();
        let mut lines = vec![self.header(verdict)];
        lines.extend(self.body(if all { usize::MAX } else { rows.saturating_sub(2) }, all));
        let mut text = String::new();
        if self.drawn > 0 {
            let _ = write!(text, "\x1b[{}F\x1b[J", self.drawn);
        }
        for line in &lines {
            let _ = writeln!(text, "{}", line.fitted(columns, self.styled));
        }
        self.drawn = lines.len();
        self.changed = false;
        // A terminal that went away is no failure of the build.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    fn header(&self, verdict: &str) -> Line {
        let ended = |vertex: &&Vertex| !matches!(vertex.state, State::Waiting | State::Running);
        let (done, all) = (self.vertices.values().filter(ended).count(), self.vertices.len());
        let text =
            format!("[+] Building {:.1}s ({done}/{all}){verdict}", self.started.elapsed().as_secs_f64());
        Line { text, time: None, color: None }
    }

    /// The lines of all steps; where there is no room, those of finished steps are left out first.
    fn body(&self, room: usize, all: bool) -> Vec<Line> {
        let now = Instant::now();
        let shown = |vertex: &&Vertex| vertex.state != State::Waiting;
        let mut blocks: Vec<(bool, Vec<Line>)> = self
            .vertices
            .values()
            .filter(shown)
            .map(|vertex| (vertex.ended.is_some(), vertex.block(now, all)))
            .collect();
        let mut surplus = blocks.iter().map(|(_, lines)| lines.len()).sum::<usize>().saturating_sub(room);
        for (ended, lines) in &mut blocks {
            if surplus > 0 && *ended {
                surplus = surplus.saturating_sub(lines.len());
                lines.clear();
            }
        }
        blocks.into_iter().flat_map(|(_, lines)| lines).take(room).collect()
    }
}

impl Display for Tty {
    fn event(&mut self, event: Event) {
        self.changed = true;
        if let EventKind::Added { name, .. } = event.kind {
            self.vertices.insert(event.vertex, Vertex::new(name, event.time));
        } else if let Some(vertex) = self.vertices.get_mut(&event.vertex) {
            vertex.event(event.time, event.kind);
        }
    }

    fn tick(&mut self) {
        let running = self.vertices.values().any(|vertex| vertex.state == State::Running);
        if self.changed || running {
            self.draw("", false);
        }
    }

    fn finish(&mut self, succeeded: bool) {
        self.draw(if succeeded { " FINISHED" } else { " FAILED" }, true);
    }
}

impl Vertex {
    fn new(name: String, time: Instant) -> Self {
        Self {
            name: output::sanitized(&name),
            state: State::Waiting,
            started: time,
            ended: None,
            statuses: BTreeMap::new(),
            log: VecDeque::new(),
            lines: [Lines::default(), Lines::default()],
            notes: Vec::new(),
        }
    }

    fn event(&mut self, time: Instant, kind: EventKind) {
        match kind {
            EventKind::Started => (self.state, self.started) = (State::Running, time),
            EventKind::Log { stream, bytes } => {
                let lines = self.lines[usize::from(stream == 2)].push(&bytes);
                self.log.extend(lines);
                let surplus = self.log.len().saturating_sub(LOG_LINES);
                self.log.drain(..surplus);
            }
            EventKind::Status { id, current, total, done } => {
                self.statuses.insert(id, (current, total, done));
            }
            EventKind::Missed { reason } => self.notes.extend(not_cached(&reason)),
            EventKind::Warning { text } => self.notes.push(format!("WARN: {}", output::sanitized(&text))),
            EventKind::Finished { cached } => {
                self.end(time, if cached { State::Cached } else { State::Done })
            }
            EventKind::Failed { .. } => self.end(time, State::Failed),
            EventKind::Canceled => self.end(time, State::Canceled),
            _ => {}
        }
    }

    fn end(&mut self, time: Instant, state: State) {
        (self.state, self.ended) = (state, Some(time));
    }

    /// Its line, and below it what goes on in it.
    fn block(&self, now: Instant, all: bool) -> Vec<Line> {
        let elapsed = self.ended.unwrap_or(now).saturating_duration_since(self.started).as_secs_f64();
        let (word, color) = match self.state {
            State::Cached => ("CACHED ", Some("34")),
            State::Failed => ("ERROR ", Some("31")),
            State::Canceled => ("CANCELED ", Some("33")),
            State::Done => ("", Some("34")),
            State::Waiting | State::Running => ("", None),
        };
        let text = format!(" => {word}{}", self.name);
        let mut lines = vec![Line { text, time: Some(format!("{elapsed:.1}s")), color }];
        lines.extend(self.notes.iter().map(|text| Line::below(text.clone(), Some("33"))));
        let running = self.state == State::Running;
        if running || all {
            lines.extend(self.statuses.iter().map(|(id, status)| status_line(id, *status)));
        }
        if running {
            lines.extend(self.log.iter().map(|text| Line::below(text.clone(), Some("2"))));
        }
        lines
    }
}

fn status_line(id: &str, (current, total, done): (u64, Option<u64>, bool)) -> Line {
    let amount = match total {
        Some(total) if !done => format!("{} / {}", output::size(current), output::size(total)),
        _ => output::size(current),
    };
    let id = match id.strip_prefix("sha256:") {
        Some(hex) => format!("sha256:{}", hex.get(..12).unwrap_or(hex)),
        None => id.to_owned(),
    };
    Line {
        text: format!(" => => {id} {amount}{}", if done { " done" } else { "" }),
        time: None,
        color: Some("34"),
    }
}

/// A line of the view; the time stands at the right edge.
struct Line {
    text: String,
    time: Option<String>,
    color: Option<&'static str>,
}

impl Line {
    fn below(text: String, color: Option<&'static str>) -> Self {
        Self { text: format!(" => => # {text}"), time: None, color }
    }

    /// Cut and padded to the width of the terminal.
    fn fitted(&self, columns: usize, styled: bool) -> String {
        let time = self.time.as_deref().unwrap_or_default();
        let room = columns.saturating_sub(1 + if time.is_empty() { 0 } else { time.len() + 1 });
        let mut text = cut(&self.text, room);
        if !time.is_empty() {
            let gap = room.saturating_sub(text.width());
            let _ = write!(text, "{:gap$} {time}", "");
        }
        match self.color {
            Some(color) if styled => format!("\x1b[{color}m{text}\x1b[0m"),
            _ => text,
        }
    }
}

fn cut(text: &str, columns: usize) -> String {
    let mut width = 0;
    let expanded = text.replace('\t', "    ");
    expanded
        .chars()
        .take_while(|c| {
            width += c.width().unwrap_or(0);
            width <= columns
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, time: Option<&str>, expected: &str) {
        let line = Line { text: text.to_owned(), time: time.map(str::to_owned), color: None };
        assert_eq!(line.fitted(20, true), expected);
    }

    #[test]
    fn lines_fit_the_terminal() {
        check("short", None, "short");
        check("short", Some("1.0s"), "short          1.0s");
        check("a line that is far too long", Some("1.0s"), "a line that is 1.0s");
        check("全角文字は幅が二つ", None, "全角文字は幅が二つ");
        check("全角文字は幅が二つです", None, "全角文字は幅が二つ");
    }
}
