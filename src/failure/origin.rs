//! The origin of the variables in a wrong instruction, in words and carets.

use frontend::origin::{Origin, OriginKind, OutOfReach, ValueOrigin};
use graph::Lines;

use super::problem::Problem;
use super::snippet::{File, Snippet};
use crate::output;

/// Longest part of a value that is shown, in characters.
const MAX_VALUE_CHARS: usize = 60;

/// Adds the origins of an instruction's variables to the problem that it has.
pub fn explain(problem: &mut Problem, origins: &[Origin], dockerfile: &File) {
    for origin in origins {
        let marks = shown(origin).into_iter().filter_map(|(lines, label)| {
            let words = [format!("{}=", origin.name), origin.name.clone()];
            let snippet = dockerfile.snippet(lines, &[words[0].as_str(), words[1].as_str()])?;
            Some(snippet.labelled(label))
        });
        problem.snippet = problem.snippet.take().map(|snippet| marks.fold(snippet, Snippet::with));
        problem.notes.extend(note(origin));
        // A title that ends with a suggestion is a hint already.
        if problem.hint.is_none() && !problem.title.ends_with("?)") {
            problem.hint = way_out(origin);
        }
    }
}

/// Returns the line to mark and its label.
fn shown(origin: &Origin) -> Option<(Lines, String)> {
    let name = &origin.name;
    let given = match &origin.value {
        Some(value) => format!("{name} is {} by this", quoted(value)),
        None => format!("{name} is set by this"),
    };
    match &origin.kind {
        OriginKind::User { lines } => Some((*lines, "this is the user".to_owned())),
        OriginKind::Value(ValueOrigin::Env { lines }) => Some((*lines, format!("{given} ENV"))),
        OriginKind::Value(ValueOrigin::ArgDefault { lines }) => Some((*lines, format!("{given} ARG"))),
        OriginKind::Value(ValueOrigin::BuildArg { lines }) => Some((*lines, build_arg(origin))),
        OriginKind::Unset { declared: Some(lines), .. } => {
            Some((*lines, format!("this ARG gives {name} no value")))
        }
        OriginKind::Unset { out_of_reach: Some(OutOfReach::Global(lines)), .. } => {
            Some((*lines, "an ARG before the first FROM is seen by FROM only".to_owned()))
        }
        OriginKind::Unset { out_of_reach: Some(OutOfReach::InStage(lines)), .. } => {
            Some((*lines, "an ARG of a stage is not seen by FROM".to_owned()))
        }
        _ => None,
    }
}

fn build_arg(origin: &Origin) -> String {
    let value = quoted(origin.value.as_deref().unwrap_or_default());
    format!("{} is {value} by --build-arg", origin.name)
}

/// Returns a note about an origin that is not a line of the Dockerfile.
fn note(origin: &Origin) -> Option<String> {
    let (name, value) = (&origin.name, quoted(origin.value.as_deref().unwrap_or_default()));
    match &origin.kind {
        OriginKind::Value(ValueOrigin::Predefined) => Some(format!("{name} is {value}: the builder sets it")),
        OriginKind::Value(ValueOrigin::BaseImage { name: image }) => {
            Some(format!("{name} is {value} by the config of the image {image}"))
        }
        OriginKind::Unset { declared: None, .. } => Some(format!("{name} is not set")),
        _ => None,
    }
}

fn way_out(origin: &Origin) -> Option<String> {
    let name = &origin.name;
    let OriginKind::Unset { declared, out_of_reach, meant } = &origin.kind else { return None };
    Some(match (declared, out_of_reach, meant) {
        (Some(_), _, _) => {
            format!("give it a default (ARG {name}=VALUE), or a value with --build-arg {name}=VALUE")
        }
        (_, Some(OutOfReach::Global(_)), _) => format!("repeat `ARG {name}` in the stage, below its FROM"),
        (_, Some(OutOfReach::InStage(_)), _) => format!("move `ARG {name}` above the first FROM"),
        (_, _, Some(meant)) => format!("did you mean ${meant}?"),
        _ => format!("declare it: `ARG {name}=VALUE`; for a FROM, above the first one"),
    })
}

/// Returns a value in quotes, cut to a length that people read.
fn quoted(value: &str) -> String {
    let clean = output::sanitized(value);
    match clean.char_indices().nth(MAX_VALUE_CHARS) {
        Some((end, _)) => format!("`{}…`", &clean[..end]),
        None => format!("`{clean}`"),
    }
}
