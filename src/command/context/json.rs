//! The report as JSON. A path that is not UTF-8 has its exact bytes beside it, as `path_base64`.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ::context::survey::{HabitKind, Sum};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use patterns::secret_names::Likelihood;
use serde_json::{Value, json};

use super::{Group, Report, Usage, folders, groups, largest};

/// Number of largest files that are listed.
const MAX_FILES: usize = 50;

/// Returns the whole report.
pub fn of(report: &Report, depth: usize) -> Value {
    let survey = &report.survey;
    let folders = folders(survey, depth);
    let folders: Vec<Value> = folders.iter().map(|(folder, sum)| with(path(folder), measure(*sum))).collect();
    let largest = largest(survey, MAX_FILES);
    let largest: Vec<Value> = largest
        .iter()
        .map(|(file, size_bytes)| with(path(file), json!({"size_bytes": size_bytes})))
        .collect();
    let secrets = survey
        .secrets()
        .into_iter()
        .map(|(file, likelihood)| with(path(&file), json!({"certain": likelihood == Likelihood::Known})));
    let links = survey.outward_links();
    let links =
        links.iter().map(|(link, target)| with(path(link), json!({"target": target.to_string_lossy()})));
    let troubles = survey.troubles().iter();
    let troubles =
        troubles.map(|trouble| with(path(&trouble.path), json!({"error": trouble.error.to_string()})));
    let idle = survey.idle();
    let idle = idle.iter().map(|idle| with(line(report, idle.line), json!({"redundant": idle.agrees})));
    json!({
        "context": report.folder.to_string_lossy(),
        "dockerfile": report.dockerfile.as_ref().map(|file| file.to_string_lossy()),
        "ignore_file": Some(report.ignore.path.to_string_lossy()).filter(|path| !path.is_empty()),
        "total": measure(survey.sum()),
        "folders": folders,
        "largest": largest,
        "ignored": by_line(report, false),
        "taken_back": by_line(report, true),
        "secrets": secrets.collect::<Vec<_>>(),
        "usage": usage(report),
        "gitignore_habits": habits(report),
        "outward_links": links.collect::<Vec<_>>(),
        "unreadable": troubles.collect::<Vec<_>>(),
        "idle_lines": idle.collect::<Vec<_>>(),
    })
}

fn path(path: &Path) -> Value {
    let mut value = json!({"path": path.to_string_lossy()});
    if path.to_str().is_none() {
        value["path_base64"] = json!(BASE64.encode(path.as_os_str().as_bytes()));
    }
    value
}

fn measure(sum: Sum) -> Value {
    json!({
        "size_bytes": sum.size_bytes,
        "files": sum.files,
        "folders": sum.folders,
        "partial": sum.is_partial,
    })
}

/// Returns an object with the fields of both.
fn with(mut one: Value, other: Value) -> Value {
    if let (Value::Object(one), Value::Object(other)) = (&mut one, other) {
        one.extend(other);
    }
    one
}

fn line(report: &Report, index: usize) -> Value {
    let line = &report.ignore.lines[index];
    json!({"line": line.number, "pattern": line.written})
}

fn by_line(report: &Report, taken_back: bool) -> Vec<Value> {
    let of_group = |group: &Group<'_>| {
        let paths = group.paths.iter().map(|(found, node)| {
            let sum = if taken_back { node.sum() } else { node.measure() };
            with(with(path(found), json!({"folder": node.is_folder()})), measure(sum))
        });
        let paths = json!({"paths": paths.collect::<Vec<_>>()});
        with(with(line(report, group.line), measure(group.sum)), paths)
    };
    groups(&report.survey, taken_back).iter().map(of_group).collect()
}

/// Returns the use that the Dockerfile makes of the context, or `null` if there is no Dockerfile.
fn usage(report: &Report) -> Value {
    match &report.usage {
        Usage::NoDockerfile => Value::Null,
        Usage::Unknown(why) => json!({"error": why}),
        Usage::Known { not_taken, failures } => {
            let failures = failures.iter().map(|missing| {
                let left_out_by = missing.left_out_by.map(|index| line(report, index));
                json!({"line": missing.line, "message": missing.message, "left_out_by": left_out_by})
            });
            let not_taken = not_taken
                .iter()
                .map(|one| with(with(path(&one.path), json!({"folder": one.is_folder})), measure(one.sum)));
            json!({
                "failures": failures.collect::<Vec<_>>(),
                "not_taken": not_taken.collect::<Vec<_>>(),
            })
        }
    }
}

fn habits(report: &Report) -> Vec<Value> {
    let of_habit = |habit: ::context::survey::Habit| {
        let kind = match habit.kind {
            HabitKind::AnyDepth => "any-depth",
            HabitKind::AnyDepthBack => "any-depth-back",
            HabitKind::FoldersOnly => "folders-only",
            HabitKind::Negation => "negation",
        };
        let written = &report.ignore.lines[habit.line].written;
        let paths = habit.paths.iter().map(|found| with(path(&found.path), measure(found.sum)));
        let about = json!({
            "kind": kind,
            "message": habit.message(written),
            "instead": habit.instead,
            "path_count": habit.path_count,
            "paths": paths.collect::<Vec<_>>(),
        });
        with(line(report, habit.line), about)
    };
    report.survey.habits().into_iter().map(of_habit).collect()
}
