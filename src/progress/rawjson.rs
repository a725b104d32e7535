//! JSON lines in the form of BuildKit's `SolveStatus`: `vertexes`, `statuses`, `logs`, `warnings`.

use std::collections::HashMap;
use std::time::{Instant, SystemTime};

use progress::{Event, EventKind, VertexId};
use serde_json::{Value, json};

use super::Display;
use crate::output::{self, Stream};

/// Display that implements `--progress=rawjson`.
pub struct RawJson {
    vertices: HashMap<VertexId, Value>,
    /// The same moment by both clocks. Events have times of the clock that never jumps, readers expect wall time.
    origin: (Instant, SystemTime),
}

impl Default for RawJson {
    fn default() -> Self {
        Self { vertices: HashMap::new(), origin: (Instant::now(), SystemTime::now()) }
    }
}

impl Display for RawJson {
    fn event(&mut self, event: Event) {
        let Event { vertex, time, kind } = event;
        let (digest, time) = (digest(vertex), self.rfc3339(time));
        match kind {
            EventKind::Added { name, inputs, .. } => {
                let inputs: Vec<String> = inputs.into_iter().map(digest_of).collect();
                let value = json!({"digest": digest, "name": name, "inputs": inputs});
                self.vertices.insert(vertex, value);
                self.vertex(vertex, &[]);
            }
            EventKind::Started => self.vertex(vertex, &[("started", json!(time))]),
            EventKind::Finished { cached } => {
                self.vertex(vertex, &[("completed", json!(time)), ("cached", json!(cached))]);
            }
            EventKind::Failed { error } => {
                self.vertex(vertex, &[("completed", json!(time)), ("error", json!(error))]);
            }
            EventKind::Canceled => {
                self.vertex(vertex, &[("completed", json!(time)), ("error", json!("context canceled"))]);
            }
            EventKind::Log { stream, bytes } => print(
                "logs",
                json!({"vertex": digest, "stream": stream, "data": base64(&bytes), "timestamp": time}),
            ),
            EventKind::Status { id, current, total, done } => {
                let completed = done.then_some(time.as_str());
                print("statuses", status(&id, &digest, (current, total), (&time, completed)));
            }
            EventKind::Waiting { text, is_over } => {
                let completed = is_over.then_some(time.as_str());
                print("statuses", status(&text, &digest, (0, None), (&time, completed)));
            }
            EventKind::Warning { text } => {
                print("warnings", json!({"vertex": digest, "level": 1, "short": base64(text.as_bytes())}));
            }
            EventKind::Missed { reason } => {
                print("misses", json!({"vertex": digest, "reason": reason.to_string()}));
            }
            _ => {}
        }
    }

    fn finish(&mut self, _succeeded: bool) {}
}

impl RawJson {
    fn rfc3339(&self, time: Instant) -> String {
        let (instant, wall) = self.origin;
        let wall = wall + time.saturating_duration_since(instant);
        jiff::Timestamp::try_from(wall).map(|time| time.to_string()).unwrap_or_default()
    }

    /// Prints a vertex with these fields changed.
    fn vertex(&mut self, id: VertexId, fields: &[(&str, Value)]) {
        let Some(vertex) = self.vertices.get_mut(&id) else { return };
        for (name, value) in fields {
            vertex[*name] = value.clone();
        }
        print("vertexes", vertex.clone());
    }
}

/// Returns the state of a transfer. `completed` is the time of its end, or `None` while it lasts.
fn status(
    id: &str,
    vertex: &str,
    (current, total): (u64, Option<u64>),
    (time, completed): (&str, Option<&str>),
) -> Value {
    let mut status = json!({"id": id, "vertex": vertex, "current": current, "timestamp": time});
    status["total"] = json!(total.unwrap_or(0));
    if let Some(completed) = completed {
        status["completed"] = json!(completed);
    }
    status
}

fn print(list: &str, item: Value) {
    output::json(Stream::Stderr, &json!({ list: [item] }), false);
}

fn digest_of(id: VertexId) -> String {
    digest(id)
}

/// Returns a digest that stands for the number of a vertex, as readers expect digests.
fn digest(id: VertexId) -> String {
    oci::Digest::of(format!("vertex {id}").as_bytes()).to_string()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
