//! The details of a step.

use std::fmt::{self, Write as _};
use std::time::Duration;

use progress::Usage;

use crate::group::Group;
use crate::report::{Report, State, Step, Transfer};
use crate::text::{duration, percent};
use printable as output;
use printable::Html;

pub fn write(page: &mut String, report: &Report, step: &Step) -> fmt::Result {
    writeln!(page, "<div class=\"more\">\n<dl>")?;
    item(page, "step", &Html(&step.name).to_string())?;
    if let Some(location) = &step.location {
        let lines = match location.lines {
            Some(graph::Lines { first, last }) if first == last => format!(", line {first}"),
            Some(graph::Lines { first, last }) => format!(", lines {first} to {last}"),
            None => String::new(),
        };
        item(page, "stage", &format!("{}{lines}", Html(&location.stage)))?;
    }
    item(page, "cache", &Html(&step.verdict.to_string()).to_string())?;
    if let State::Failed { error } = &step.state {
        item(page, "error", &Html(error).to_string())?;
    }
    step.warnings.iter().try_for_each(|text| item(page, "warning", &Html(text).to_string()))?;
    times(page, report, step)?;
    inputs(page, report, step)?;
    if let Some(usage) = &step.usage {
        item(page, "process", &process(usage, exec_time(step)))?;
    }
    step.transfers.iter().try_for_each(|one| item(page, "transfer", &transfer(one)))?;
    writeln!(page, "</dl>")?;
    phases(page, step)?;
    writeln!(page, "</div>")
}

fn item(page: &mut String, name: &str, html: &str) -> fmt::Result {
    writeln!(page, "<dt>{name}</dt><dd>{html}</dd>")
}

fn times(page: &mut String, report: &Report, step: &Step) -> fmt::Result {
    let Some((start, end)) = step.time else { return item(page, "time", "not run") };
    let wait = report.ready(step).map_or(Duration::ZERO, |ready| start.saturating_sub(ready));
    let waited = if wait > Duration::from_millis(1) {
        format!(", after waiting {} for a free job", duration(wait))
    } else {
        String::new()
    };
    item(page, "time", &format!("from {} to {}{waited}", duration(start), duration(end)))
}

fn inputs(page: &mut String, report: &Report, step: &Step) -> fmt::Result {
    let link = |id: &usize| {
        let name = report.steps.get(*id).map_or("", |step| step.name.as_str());
        format!("<a href=\"#s{id}\">{}</a>", Html(name))
    };
    if step.inputs.is_empty() {
        return Ok(());
    }
    item(page, "needs", &step.inputs.iter().map(link).collect::<Vec<_>>().join("<br>"))
}

fn exec_time(step: &Step) -> Duration {
    let spans = step.phases.iter().filter(|span| Group::of(span.phase) == Group::Exec);
    spans.map(|span| span.end - span.start).sum()
}

fn process(usage: &Usage, time: Duration) -> String {
    let mut text = format!(
        "{} of processors ({:.0} %; user {}, system {}), at most {} of memory in one process",
        duration(usage.cpu()),
        percent(usage.cpu(), time),
        duration(Duration::from_micros(usage.user_us)),
        duration(Duration::from_micros(usage.system_us)),
        output::size(usage.max_rss_bytes)
    );
    for (bytes, what) in [(usage.read_bytes, "read"), (usage.written_bytes, "written")] {
        if bytes > 0 {
            let _ = write!(text, ", {} {what}", output::size(bytes));
        }
    }
    text
}

fn transfer(one: &Transfer) -> String {
    let time = one.end - one.start;
    let rate = match time.as_secs_f64() {
        seconds if seconds > 0.0 => format!(", {}/s", output::size((one.bytes as f64 / seconds) as u64)),
        _ => String::new(),
    };
    format!("<code>{}</code> {} in {}{rate}", Html(&one.id), output::size(one.bytes), duration(time))
}

fn phases(page: &mut String, step: &Step) -> fmt::Result {
    if step.phases.is_empty() {
        return Ok(());
    }
    writeln!(page, "<table>")?;
    for span in &step.phases {
        let time = span.end - span.start;
        writeln!(
            page,
            "<tr><td><i class=\"g swatch {}\"></i>{}</td><td class=\"n\">{}</td><td class=\"n\">{:.0} %</td></tr>",
            Group::of(span.phase).name(),
            span.phase.name(),
            duration(time),
            percent(time, step.duration())
        )?;
    }
    writeln!(page, "</table>")
}
