//! The figures at the top: cost of the build, shares of its time, critical path.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::critical::{Cause, Link};
use crate::group::Group;
use crate::report::{Report, Step, Verdict};
use crate::text::{duration, percent, split_name};
use printable as output;
use printable::Html;

/// Smallest share of the build, in percent, with which a step of the critical path is listed. Others are summed up.
const MIN_LISTED_PERCENT: f64 = 1.0;

type Shares = BTreeMap<Group, Duration>;

pub fn write(page: &mut String, report: &Report) -> fmt::Result {
    figures(page, report)?;
    writeln!(page, "<section>\n<h2>Where the time went</h2>")?;
    let path: Vec<&Step> = report.critical.iter().map(|link| &report.steps[link.node]).collect();
    let (on_path, all) = (shares(path), shares(report.steps.iter().collect()));
    let gaps = report.total.saturating_sub(on_path.values().sum());
    let mut on_path = on_path;
    *on_path.entry(Group::Other).or_default() += gaps;
    writeln!(page, "<div class=\"stacks\">")?;
    stack(page, "what the build waited for", &on_path)?;
    stack(page, "all steps together", &all)?;
    writeln!(page, "</div>")?;
    legend(page, &on_path, &all)?;
    writeln!(page, "</section>")?;
    critical_path(page, report)
}

fn figures(page: &mut String, report: &Report) -> fmt::Result {
    let busy: Duration = report.steps.iter().map(Step::duration).sum();
    let path: Duration = report.critical.iter().map(|link| report.steps[link.node].duration()).sum();
    let verdicts = || report.steps.iter().map(|step| &step.verdict);
    let hits = verdicts().filter(|verdict| matches!(verdict, Verdict::Hit { .. })).count();
    let misses = verdicts().filter(|verdict| matches!(verdict, Verdict::Miss { .. })).count();
    let saved: Duration = verdicts()
        .filter_map(|verdict| match verdict {
            Verdict::Hit { took, .. } => Some(*took),
            _ => None,
        })
        .sum();
    let bytes: u64 = report.steps.iter().flat_map(|step| &step.transfers).map(|one| one.bytes).sum();
    let parallel = percent(busy, report.total) / 100.0;
    writeln!(page, "<dl class=\"figures\">")?;
    figure(page, "total", &duration(report.total), "")?;
    figure(
        page,
        "critical path",
        &duration(path),
        &format!("{:.0} % of the total", percent(path, report.total)),
    )?;
    let saved = if hits > 0 { format!("saved {} of work", duration(saved)) } else { String::new() };
    figure(page, "cached", &format!("{hits} / {}", hits + misses), &saved)?;
    figure(page, "parallelism", &format!("{parallel:.2}\u{d7}"), "steps at once, on average")?;
    if bytes > 0 {
        figure(page, "fetched", &output::size(bytes), "")?;
    }
    writeln!(page, "</dl>")
}

fn figure(page: &mut String, name: &str, value: &str, note: &str) -> fmt::Result {
    writeln!(page, "<div><dt>{name}</dt><dd>{value}</dd><dd class=\"note\">{note}</dd></div>")
}

/// Returns the time of steps by kind of work.
fn shares(steps: Vec<&Step>) -> Shares {
    let mut shares = Shares::new();
    for step in steps {
        let mut rest = step.duration();
        for span in &step.phases {
            let time = span.end - span.start;
            *shares.entry(Group::of(span.phase)).or_default() += time;
            rest = rest.saturating_sub(time);
        }
        *shares.entry(Group::Other).or_default() += rest;
    }
    shares
}

fn stack(page: &mut String, what: &str, shares: &Shares) -> fmt::Result {
    let all: Duration = shares.values().sum();
    writeln!(page, "<p><span>{what}</span><b>{}</b></p>\n<div class=\"stack\">", duration(all))?;
    for (group, time) in shares.iter().filter(|(_, time)| !time.is_zero()) {
        let share = percent(*time, all);
        let name = group.name();
        // A narrow bar has no room for a word.
        let shown = if share >= 8.0 { name } else { "" };
        writeln!(
            page,
            "<i class=\"g {name}\" style=\"flex:{} 0 0\" title=\"{name}: {} ({share:.0} %)\">{shown}</i>",
            time.as_micros(),
            duration(*time)
        )?;
    }
    writeln!(page, "</div>")
}

fn legend(page: &mut String, on_path: &Shares, all: &Shares) -> fmt::Result {
    let of = |shares: &Shares, group| shares.get(&group).copied().unwrap_or_default();
    let (path_total, total): (Duration, Duration) = (on_path.values().sum(), all.values().sum());
    writeln!(
        page,
        "<table class=\"legend\">\n<tr><th></th><th class=\"n\" colspan=\"2\">waited for</th>\
         <th class=\"n\" colspan=\"2\">all steps</th><th></th></tr>"
    )?;
    for group in Group::ALL {
        let (waited, spent) = (of(on_path, group), of(all, group));
        if waited.is_zero() && spent.is_zero() {
            continue;
        }
        let cells: String = [(waited, path_total), (spent, total)]
            .iter()
            .map(|(part, whole)| {
                format!(
                    "<td class=\"n\">{}</td><td class=\"n\">{:.0} %</td>",
                    duration(*part),
                    percent(*part, *whole)
                )
            })
            .collect();
        let (name, says) = (group.name(), group.says());
        writeln!(
            page,
            "<tr><td><i class=\"g swatch {name}\"></i>{name}</td>{cells}<td class=\"says\">{says}</td></tr>"
        )?;
    }
    writeln!(page, "</table>")
}

fn critical_path(page: &mut String, report: &Report) -> fmt::Result {
    writeln!(page, "<section>\n<h2>Critical path</h2>")?;
    writeln!(
        page,
        "<p class=\"says\">The steps that the end of the build waited for, in order. Only speeding up these steps shortens the \
         build.</p>\n<ol class=\"path\">"
    )?;
    let mut short = (0, Duration::ZERO);
    for link in &report.critical {
        let step = &report.steps[link.node];
        let share = percent(step.duration(), report.total);
        if share < MIN_LISTED_PERCENT {
            short = (short.0 + 1, short.1 + step.duration());
            continue;
        }
        listed(page, step, link, share)?;
    }
    if short.0 > 0 {
        writeln!(
            page,
            "<li class=\"says\"><span>{} more, each below {MIN_LISTED_PERCENT:.0} % of the build</span>\
             <span class=\"n\">{}</span><span class=\"n\">{:.0} %</span></li>",
            short.0,
            duration(short.1),
            percent(short.1, report.total)
        )?;
    }
    writeln!(page, "</ol>\n</section>")
}

/// Writes the line of a step of the critical path.
fn listed(page: &mut String, step: &Step, link: &Link, share: f64) -> fmt::Result {
    let (place, text) = split_name(&step.name);
    let turn = match link.cause {
        Cause::Turn if step.location.is_some() => " <em>waited for a free job</em>",
        _ => "",
    };
    writeln!(
        page,
        "<li><a href=\"#s{}\"><span class=\"place\">{}</span> <code>{}</code></a>{turn}\
         <span class=\"n\">{}</span><span class=\"n\">{share:.0} %</span></li>",
        link.node,
        Html(place),
        Html(text),
        duration(step.duration())
    )
}
