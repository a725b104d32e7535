//! A line for each event, as BuildKit's plain progress writes them: `#5 [build 2/5] RUN make`, `#5 1.234 text`, `#5 DONE 2.3s`.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use progress::{Event, EventKind, VertexId};

use super::lines::Lines;
use super::{Display, not_cached, seconds};
use crate::output;

/// Display that implements `--progress=plain`.
#[derive(Default)]
pub struct Plain {
    vertices: HashMap<VertexId, Vertex>,
    /// Number for the next vertex that is shown for the first time, minus one.
    next_number: usize,
    /// Vertex whose lines were printed last.
    current: Option<VertexId>,
}

struct Vertex {
    name: String,
    number: Option<usize>,
    started: Instant,
    ended: bool,
    logs: [Lines; 2],
}

impl Display for Plain {
    fn event(&mut self, event: Event) {
        let Event { vertex, time, kind } = event;
        match kind {
            EventKind::Added { name, .. } => self.add(vertex, name, time),
            EventKind::Started => self.start(vertex, time),
            EventKind::Log { stream, bytes } => self.log(vertex, time, stream, &bytes),
            EventKind::Status { id, current, total, done: true } => {
                self.line(vertex, &status(&id, current, total));
            }
            EventKind::Status { done: false, .. } => {}
            EventKind::Waiting { text, is_over: false } => self.line(vertex, &text),
            EventKind::Warning { text } => self.line(vertex, &format!("WARN: {text}")),
            EventKind::Missed { reason } => {
                if let Some(text) = not_cached(&reason) {
                    self.line(vertex, &text);
                }
            }
            EventKind::Finished { cached: true } => self.end(vertex, time, "CACHED"),
            EventKind::Finished { cached: false } => {
                let elapsed = self.elapsed(vertex, time);
                self.end(vertex, time, &format!("DONE {:.1}s", elapsed.as_secs_f64()));
            }
            EventKind::Failed { error } => self.end(vertex, time, &format!("ERROR: {error}")),
            EventKind::Canceled => self.end(vertex, time, "CANCELED"),
            _ => {}
        }
    }

    fn finish(&mut self, _succeeded: bool) {}
}

impl Plain {
    fn add(&mut self, id: VertexId, name: String, time: Instant) {
        let logs = [Lines::default(), Lines::default()];
        self.vertices.insert(id, Vertex { name, number: None, started: time, ended: false, logs });
    }

    fn start(&mut self, id: VertexId, time: Instant) {
        if let Some(vertex) = self.vertices.get_mut(&id) {
            vertex.started = time;
        }
    }

    fn elapsed(&self, id: VertexId, time: Instant) -> Duration {
        let started = self.vertices.get(&id).map_or(time, |vertex| vertex.started);
        time.saturating_duration_since(started)
    }

    fn log(&mut self, id: VertexId, time: Instant, stream: u8, bytes: &[u8]) {
        let elapsed = seconds(self.elapsed(id, time));
        let Some(vertex) = self.vertices.get_mut(&id) else { return };
        for line in vertex.logs[usize::from(stream == 2)].push(bytes) {
            self.line(id, &format!("{elapsed} {line}"));
        }
    }

    fn end(&mut self, id: VertexId, time: Instant, word: &str) {
        let elapsed = seconds(self.elapsed(id, time));
        let Some(vertex) = self.vertices.get_mut(&id) else { return };
        vertex.ended = true;
        let rests: Vec<String> = vertex.logs.iter_mut().filter_map(Lines::rest).collect();
        for rest in rests {
            self.line(id, &format!("{elapsed} {rest}"));
        }
        self.line(id, word);
        output::note("");
        self.current = None;
    }

    /// Prints a line of a vertex. If the last line was of another vertex, a header comes first.
    fn line(&mut self, id: VertexId, text: &str) {
        let Some(number) = self.number(id) else { return };
        if self.current != Some(id) {
            self.leave();
            output::note(&format!("#{number} {}", self.vertices[&id].name));
            self.current = Some(id);
        }
        output::note(&format!("#{number} {text}"));
    }

    /// Prints that the output of an unfinished vertex continues further down.
    fn leave(&mut self) {
        let Some(vertex) = self.current.take().and_then(|id| self.vertices.get(&id)) else { return };
        if let (false, Some(number)) = (vertex.ended, vertex.number) {
            output::note(&format!("#{number} ...\n"));
        }
    }

    fn number(&mut self, id: VertexId) -> Option<usize> {
        let vertex = self.vertices.get_mut(&id)?;
        if vertex.number.is_none() {
            self.next_number += 1;
            vertex.number = Some(self.next_number);
        }
        vertex.number
    }
}

fn status(id: &str, current: u64, total: Option<u64>) -> String {
    match total {
        Some(total) if total != current => {
            format!("{id} {} / {} done", output::size(current), output::size(total))
        }
        _ => format!("{id} {} done", output::size(current)),
    }
}
