//! A report in the Trace Event Format, for chrome://tracing and Perfetto.
//!
//! Process 1 has the steps and their phases, on lanes (threads) on which no two steps overlap. Process 2 has the transfers.
//! Every event is a complete one (`X`) with start and duration in microseconds.
//!
//! Source: "Trace Event Format", chromium project.

use std::time::Duration;

use serde_json::{Value, json};

use super::group::Group;
use super::report::{Report, Step};

const STEPS: u64 = 1;
const TRANSFERS: u64 = 2;

/// Returns a report as a trace in JSON.
pub fn render(report: &Report) -> String {
    let mut events =
        vec![name("process_name", STEPS, 0, "steps"), name("process_name", TRANSFERS, 0, "transfers")];
    let mut steps = Lanes::new(STEPS, "lane");
    let mut transfers = Lanes::new(TRANSFERS, "transfer");
    for (index, step) in in_order(report) {
        let Some((start, end)) = step.time else { continue };
        let lane = steps.take(start, end, &mut events);
        events.push(complete(STEPS, lane, &step.name, "step", (start, end), args(report, index, step)));
        for span in &step.phases {
            let group = Group::of(span.phase).name();
            let time = (span.start, span.end);
            events.push(complete(STEPS, lane, span.phase.name(), group, time, json!({})));
        }
        for one in &step.transfers {
            let lane = transfers.take(one.start, one.end, &mut events);
            let args = json!({"bytes": one.bytes, "step": step.name});
            events.push(complete(TRANSFERS, lane, &one.id, "network", (one.start, one.end), args));
        }
    }
    let about = &report.about;
    let other = json!({
        "dockerfile": about.dockerfile,
        "ended": about.ended,
        "succeeded": about.succeeded,
        "dsbuild": env!("CARGO_PKG_VERSION"),
    });
    json!({"traceEvents": events, "displayTimeUnit": "ms", "otherData": other}).to_string()
}

/// Returns the steps by start, so that a lane is used again as soon as it is free.
fn in_order(report: &Report) -> Vec<(usize, &Step)> {
    let mut steps: Vec<(usize, &Step)> = report.steps.iter().enumerate().collect();
    steps.sort_by_key(|(_, step)| step.time);
    steps
}

fn args(report: &Report, index: usize, step: &Step) -> Value {
    let needs: Vec<&str> =
        step.inputs.iter().filter_map(|input| Some(report.steps.get(*input)?.name.as_str())).collect();
    let mut args = json!({
        "cache": step.verdict.to_string(),
        "needs": needs,
        "critical": report.critical.iter().any(|link| link.node == index),
    });
    if let Some(location) = &step.location {
        args["stage"] = json!(location.stage);
        args["lines"] = json!(location.lines.map(|lines| [lines.first, lines.last]));
    }
    if let Some(usage) = &step.usage {
        args["user_us"] = json!(usage.user_us);
        args["system_us"] = json!(usage.system_us);
        args["max_rss_bytes"] = json!(usage.max_rss_bytes);
        args["read_bytes"] = json!(usage.read_bytes);
        args["written_bytes"] = json!(usage.written_bytes);
    }
    args
}

fn complete(
    process: u64,
    thread: u64,
    name: &str,
    category: &str,
    (start, end): (Duration, Duration),
    args: Value,
) -> Value {
    json!({
        "ph": "X", "pid": process, "tid": thread, "name": name, "cat": category,
        "ts": micros(start), "dur": micros(end - start), "args": args,
    })
}

fn name(kind: &str, process: u64, thread: u64, name: &str) -> Value {
    json!({"ph": "M", "pid": process, "tid": thread, "name": kind, "args": {"name": name}})
}

fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1000.0
}

/// Lanes on which no two events overlap.
struct Lanes {
    process: u64,
    name: &'static str,
    /// End of the last event on each lane.
    taken: Vec<Duration>,
}

impl Lanes {
    fn new(process: u64, name: &'static str) -> Self {
        Self { process, name, taken: Vec::new() }
    }

    /// Returns the first lane that is free at `start`, numbered from 1. A new lane gets a name in `events`.
    fn take(&mut self, start: Duration, end: Duration, events: &mut Vec<Value>) -> u64 {
        let index = self.taken.iter().position(|until| *until <= start).unwrap_or_else(|| {
            self.taken.push(Duration::ZERO);
            let number = self.taken.len() as u64;
            events.push(name("thread_name", self.process, number, &format!("{} {number}", self.name)));
            self.taken.len() - 1
        });
        self.taken[index] = end;
        index as u64 + 1
    }
}
