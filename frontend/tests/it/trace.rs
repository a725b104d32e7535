//! Origins of variables in failed steps, with the images that the build looked up.

use frontend::origin::{OriginKind, OutOfReach, ValueOrigin};
use frontend::{Culprit, FailedStep, trace_step};
use graph::Lines;

use super::{options, plan_of};

/// Returns the names and kinds of the origins for a failed step on this line.
fn trace(text: &str, line: u32, word: Option<&str>) -> Vec<(String, OriginKind)> {
    let plan = plan_of(text, &options());
    let culprit = word.map(|word| Culprit { word: word.to_owned(), is_user: false });
    let step = FailedStep { lines: Lines::single(line), culprit };
    let origins = trace_step(text.as_bytes(), &options(), &plan.looked_up, &step);
    origins.into_iter().map(|origin| (origin.name, origin.kind)).collect()
}

#[test]
fn a_variable_of_the_base_image_is_known() {
    let base = OriginKind::Value(ValueOrigin::BaseImage { name: "busybox".into() });
    let text = "ARG tag=busybox\nFROM $tag AS a\nFROM a\nCOPY $PATH /\n";
    assert_eq!(trace(text, 4, Some("/bin")), [("PATH".to_owned(), base)]);
}

#[test]
fn a_variable_that_the_base_image_sets_is_not_out_of_reach() {
    let declared = None;
    let out_of_reach = Some(OutOfReach::Global(Lines::single(1)));
    let unset = OriginKind::Unset { declared, out_of_reach, meant: None };
    let text = "ARG v=1 PATH=2\nFROM busybox\nRUN x $v $PATH\n";
    assert_eq!(trace(text, 3, None), [("v".to_owned(), unset)]);
}
