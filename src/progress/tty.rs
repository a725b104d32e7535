//! A view redrawn in place, as docker's: a line for each step, and the last lines of output of running steps.
//!
//! The view is never taller than the terminal. Finished steps are left out first; a line such as `3 more` counts the steps
//! that do not fit. At the end all steps are printed once.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::time::Instant;

use progress::{Event, EventKind, VertexId};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::lines::Lines;
use super::{Display, not_cached};
use crate::output;

/// Number of lines of output that are shown below a running step.
const LOG_LINES: usize = 6;

/// Rows of the terminal that the steps cannot use: the header, and the line of the cursor.
const OTHER_ROWS: usize = 2;

/// Display that implements `--progress=tty`.
pub struct Tty {
    vertices: BTreeMap<VertexId, Vertex>,
    started: Instant,
    styled: bool,
    /// Number of lines of the last drawing.
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
    /// Creates an empty view.
    pub fn new(styled: bool) -> Self {
        Self { vertices: BTreeMap::new(), started: Instant::now(), styled, drawn: 0, changed: true }
    }

    /// Replaces the last drawing. With `all`, the view is not cut to the height of the terminal.
    fn draw(&mut self, verdict: &str, all: bool) {
        let (columns, rows) = output::terminal_size();
        let mut lines = vec![self.header(verdict)];
        lines.extend(self.body(if all { usize::MAX } else { rows.saturating_sub(OTHER_ROWS) }, all));
        let lines: Vec<String> = lines.iter().map(|line| line.fitted(columns, self.styled)).collect();
        output::redraw(self.drawn, &lines);
        self.drawn = lines.len();
        self.changed = false;
    }

    fn header(&self, verdict: &str) -> Line {
        let ended = |vertex: &&Vertex| !matches!(vertex.state, State::Waiting | State::Running);
        let (done, all) = (self.vertices.values().filter(ended).count(), self.vertices.len());
        let text =
            format!("[+] Building {:.1}s ({done}/{all}){verdict}", self.started.elapsed().as_secs_f64());
        Line { text, time: None, color: None }
    }

    /// Returns at most `room` lines of steps. If there are more, finished steps are left out first, and the last line
    /// counts the steps that are not shown.
    fn body(&self, room: usize, all: bool) -> Vec<Line> {
        let now = Instant::now();
        let shown = |vertex: &&Vertex| vertex.state != State::Waiting;
        let blocks: Vec<Block> = self
            .vertices
            .values()
            .filter(shown)
            .map(|vertex| Block { has_ended: vertex.ended.is_some(), lines: vertex.block(now, all) })
            .collect();
        fit(blocks, room)
    }
}

/// Lines of one step.
struct Block {
    has_ended: bool,
    lines: Vec<Line>,
}

/// Returns at most `room` lines of these blocks; the last one counts the blocks that are left out or cut.
fn fit(mut blocks: Vec<Block>, room: usize) -> Vec<Line> {
    let mut total: usize = blocks.iter().map(|block| block.lines.len()).sum();
    if total <= room {
        return blocks.into_iter().flat_map(|block| block.lines).collect();
    }
    // One row is for the count.
    let room = room.saturating_sub(1);
    let mut left_out = 0;
    for block in blocks.iter_mut().filter(|block| block.has_ended) {
        if total > room {
            total -= block.lines.len();
            block.lines.clear();
            left_out += 1;
        }
    }
    let mut lines = Vec::new();
    for block in blocks.into_iter().filter(|block| !block.lines.is_empty()) {
        if lines.len() == room {
            left_out += 1;
        } else {
            lines.extend(block.lines.into_iter().take(room - lines.len()));
        }
    }
    if left_out > 0 {
        lines.push(Line { text: format!(" => {left_out} more"), time: None, color: Some("2") });
    }
    lines
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
            EventKind::Waiting { text, is_over } => {
                self.statuses.insert(text, (0, None, is_over));
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

    /// Returns the line of the step, and below it its notes, transfers and last output.
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
        Some(hex) => output::sanitized(&format!("sha256:{}", hex.get(..12).unwrap_or(hex))),
        None => output::sanitized(id),
    };
    Line {
        text: format!(" => => {id} {amount}{}", if done { " done" } else { "" }),
        time: None,
        color: Some("34"),
    }
}

/// Line of the view, with a time at the right edge.
struct Line {
    text: String,
    time: Option<String>,
    color: Option<&'static str>,
}

impl Line {
    fn below(text: String, color: Option<&'static str>) -> Self {
        Self { text: format!(" => => # {text}"), time: None, color }
    }

    /// Returns the line cut and padded to the width of the terminal.
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
    fn a_line_is_cut_to_the_width_of_the_terminal() {
        check("short", None, "short");
        check("short", Some("1.0s"), "short          1.0s");
        check("a line that is far too long", Some("1.0s"), "a line that is 1.0s");
        check("全角文字は幅が二つ", None, "全角文字は幅が二つ");
        check("全角文字は幅が二つです", None, "全角文字は幅が二つ");
    }

    /// Each step is a letter, repeated as often as it has lines; capitals have ended.
    #[track_caller]
    fn check_fit(steps: &[&str], room: usize, expected: &[&str]) {
        let line = |c: char| Line { text: c.to_string(), time: None, color: None };
        let block = |step: &&str| Block {
            has_ended: step.chars().all(char::is_uppercase),
            lines: step.chars().map(line).collect(),
        };
        let fitted = fit(steps.iter().map(block).collect(), room);
        assert_eq!(fitted.iter().map(|line| line.text.trim()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn steps_that_do_not_fit_the_screen_are_counted() {
        check_fit(&["A", "b"], 2, &["A", "b"]);
        check_fit(&["A", "B", "c"], 2, &["c", "=> 2 more"]);
        check_fit(&["A", "B", "c", "d"], 3, &["c", "d", "=> 2 more"]);
        check_fit(&["aa", "bb", "cc"], 4, &["a", "a", "b", "=> 1 more"]);
        check_fit(&["a", "b", "c", "d", "e"], 3, &["a", "b", "=> 3 more"]);
    }
}
