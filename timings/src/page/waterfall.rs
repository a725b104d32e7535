//! The waterfall: a row for each step, with its time as a bar.

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::{details, optional};
use crate::group::Group;
use crate::report::{Report, State, Step, Verdict};
use crate::text::{duration, percent, split_name};
use printable::Html;
use progress::MissReason;

/// Approximate number of marks on the time axis.
const MARKS: u32 = 8;
/// Position, in percent of the build, right of which a mark has no text.
const MAX_TEXT_PERCENT: f64 = 92.0;
/// Shortest wait that is drawn, in percent of the build.
const MIN_WAIT_PERCENT: f64 = 0.2;

pub fn write(page: &mut String, report: &Report) -> fmt::Result {
    writeln!(page, "<section>\n<h2>Steps</h2>")?;
    // The style hides rows by these switches, which are siblings in front of them.
    for (id, text) in
        [("no-cached", "hide cached"), ("only-path", "only the critical path"), ("no-own", "hide [internal]")]
    {
        writeln!(page, "<input type=\"checkbox\" id=\"{id}\"><label for=\"{id}\">{text}</label>")?;
    }
    writeln!(
        page,
        "<p class=\"says key\"><i class=\"mark\"></i> on the critical path <i class=\"wait\"></i> ready, but waiting for \
         a free job <i class=\"needs\"></i> needed by the step under the pointer <i class=\"feeds\"></i> needs it</p>"
    )?;
    writeln!(page, "<div class=\"rows\">")?;
    axis(page, report.total)?;
    for (index, step) in report.steps.iter().enumerate().filter(|(_, step)| !step.name.is_empty()) {
        row(page, report, index, step)?;
    }
    writeln!(page, "</div>\n</section>")
}

/// Writes marks at round times. Their lines go through all rows.
fn axis(page: &mut String, total: Duration) -> fmt::Result {
    writeln!(page, "<div class=\"axis\" aria-hidden=\"true\"><div class=\"track\">")?;
    let distance = mark_distance(total);
    let mut time = Duration::ZERO;
    while !distance.is_zero() && time <= total {
        let left = percent(time, total);
        // At the edge there is no room for text.
        let shown = match left {
            _ if time.is_zero() => "0".to_owned(),
            left if left > MAX_TEXT_PERCENT => String::new(),
            _ => round(time),
        };
        writeln!(page, "<s style=\"left:{left:.3}%\">{shown}</s>")?;
        time += distance;
    }
    writeln!(page, "</div></div>")
}

/// Returns the distance of the marks: 1, 2 or 5 of a unit, or a part of an hour.
fn mark_distance(total: Duration) -> Duration {
    let nanos = (total / MARKS).as_nanos();
    let distance = match Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).as_secs() {
        0..=9 => {
            let unit = 10_u128.pow(nanos.max(1).ilog10());
            let steps = [1, 2, 5, 10].into_iter().map(|factor| factor * unit);
            steps.into_iter().find(|step| *step >= nanos).unwrap_or(unit)
        }
        seconds => {
            let steps = [15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
            let step = steps.into_iter().find(|step| *step >= seconds);
            u128::from(step.unwrap_or(seconds.div_ceil(14_400) * 14_400)) * 1_000_000_000
        }
    };
    Duration::from_nanos(u64::try_from(distance).unwrap_or(u64::MAX))
}

/// Returns a round time without trailing zeros.
fn round(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        _ if micros.is_multiple_of(60_000_000) => format!("{} min", micros / 60_000_000),
        _ if micros > 60_000_000 => format!("{}:{:02}", micros / 60_000_000, micros / 1_000_000 % 60),
        _ if micros >= 1_000_000 => format!("{} s", micros as f64 / 1e6),
        _ if micros >= 1_000 => format!("{} ms", micros as f64 / 1e3),
        _ => format!("{micros} \u{b5}s"),
    }
}

fn row(page: &mut String, report: &Report, index: usize, step: &Step) -> fmt::Result {
    let numbers = |ids: &[usize]| ids.iter().map(usize::to_string).collect::<Vec<_>>().join(" ");
    writeln!(
        page,
        "<details class=\"row{}\" id=\"s{index}\" data-inputs=\"{}\">\n<summary>",
        classes(report, index, step),
        numbers(&step.inputs)
    )?;
    label(page, step)?;
    writeln!(page, "<span class=\"n\">{}</span>", shown_time(step))?;
    track(page, report, step)?;
    writeln!(page, "</summary>")?;
    details::write(page, report, step)?;
    writeln!(page, "</details>")
}

fn classes(report: &Report, index: usize, step: &Step) -> String {
    let mut classes = String::new();
    let mut add = |holds: bool, class: &str| {
        if holds {
            classes.push(' ');
            classes.push_str(class);
        }
    };
    add(step.is_cached(), "cached");
    add(step.location.is_none(), "own");
    add(report.critical.iter().any(|link| link.node == index), "critical");
    add(matches!(step.state, State::Failed { .. }), "failed");
    add(step.time.is_none(), "idle");
    classes
}

fn label(page: &mut String, step: &Step) -> fmt::Result {
    let (place, text) = split_name(&step.name);
    let lines = step.location.as_ref().and_then(|location| location.lines);
    let line =
        optional(lines.map(|graph::Lines { first, .. }| format!("<span class=\"line\">line {first}</span>")));
    write!(
        page,
        "<span class=\"label\"><span class=\"mark\"></span><span class=\"place\">{}</span><code title=\"{}\">{}</code>{line}",
        Html(place),
        Html(text),
        Html(text)
    )?;
    if let Verdict::Miss { reason } = &step.verdict
        && !matches!(reason, MissReason::New | MissReason::Forced)
    {
        write!(page, "<small>not cached: {}</small>", Html(&reason.to_string()))?;
    }
    writeln!(page, "</span>")
}

fn shown_time(step: &Step) -> String {
    match &step.state {
        State::NotRun => "not run".to_owned(),
        State::Failed { .. } => format!("<b>failed</b> {}", duration(step.duration())),
        State::Canceled | State::Running => format!("<b>canceled</b> {}", duration(step.duration())),
        State::Done if matches!(step.verdict, Verdict::Hit { .. }) => "cached".to_owned(),
        State::Done => duration(step.duration()),
    }
}

fn track(page: &mut String, report: &Report, step: &Step) -> fmt::Result {
    write!(page, "<span class=\"track\">")?;
    if let Some((start, end)) = step.time {
        let ready = report.ready(step).unwrap_or(start);
        let at = |time| percent(time, report.total);
        if at(start) - at(ready) > MIN_WAIT_PERCENT {
            write!(page, "<u style=\"left:{:.3}%;width:{:.3}%\"></u>", at(ready), at(start) - at(ready))?;
        }
        write!(
            page,
            "<b style=\"left:{:.3}%;width:{:.3}%\" title=\"{}\">",
            at(start),
            at(end) - at(start),
            Html(&tip(step))
        )?;
        for (group, time) in parts(step, start, end) {
            write!(page, "<i class=\"g {}\" style=\"flex:{} 0 0\"></i>", group.name(), time.as_nanos())?;
        }
        write!(page, "</b>")?;
    }
    writeln!(page, "</span>")
}

/// Returns the parts of a bar in order. Neighbors of the same kind are merged.
fn parts(step: &Step, start: Duration, end: Duration) -> Vec<(Group, Duration)> {
    let first = step.phases.first().map_or(end, |span| span.start);
    let mut parts = vec![(Group::Other, first.saturating_sub(start))];
    for span in &step.phases {
        let (group, time) = (Group::of(span.phase), span.end - span.start);
        match parts.last_mut() {
            Some((last, sum)) if *last == group => *sum += time,
            _ => parts.push((group, time)),
        }
    }
    parts.retain(|(_, time)| !time.is_zero());
    parts
}

/// Returns the text that appears when the pointer is on a bar.
fn tip(step: &Step) -> String {
    let mut spent: Vec<(Group, Duration)> = Vec::new();
    for span in &step.phases {
        let (group, time) = (Group::of(span.phase), span.end - span.start);
        match spent.iter_mut().find(|(known, _)| *known == group) {
            Some((_, sum)) => *sum += time,
            None => spent.push((group, time)),
        }
    }
    spent.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
    let parts: Vec<String> =
        spent.iter().map(|(group, time)| format!("{} {}", group.name(), duration(*time))).collect();
    format!("{}: {} \u{b7} {}", duration(step.duration()), parts.join(", "), step.verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_at_round_times() {
        let check = |total_ms: u64, expected: &str| {
            assert_eq!(round(mark_distance(Duration::from_millis(total_ms))), expected, "{total_ms}");
        };
        check(3, "500 µs");
        check(40, "5 ms");
        check(900, "200 ms");
        check(8_000, "1 s");
        check(12_000, "2 s");
        check(75_000, "10 s");
        check(100_000, "15 s");
        check(900_000, "2 min");
        check(7_200_000, "15 min");
        check(1_000_000_000, "2160 min");
    }

    #[test]
    fn the_axis_of_a_build_without_duration_ends() {
        let mut page = String::new();
        axis(&mut page, Duration::ZERO).expect("writing to a string cannot fail");
        axis(&mut page, Duration::from_nanos(1)).expect("writing to a string cannot fail");
        assert!(page.len() < 2000, "{page}");
    }
}
