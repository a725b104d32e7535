//! Outlines: what a target takes from outside.

use frontend::options::Options;
use frontend::outline::{Outline, OutlinedMount, outline};

use super::images::Images;

const TEXT: &str = "\
# BASE is what to start from
ARG BASE=busybox
ARG TAG=${SUFFIX:-latest}
ARG UNUSED=1
ARG VERSION=7
# tools makes things
FROM $BASE:$TAG AS tools
# MODE says how
ARG MODE=$VERSION
ARG VERSION TARGETARCH NOTHING
RUN --mount=type=secret,id=token,required=true --mount=type=ssh make
RUN --mount=type=cache,target=/root/.cache --mount=type=secret,id=pass,env=PASS make
FROM busybox AS other
ARG LATER=1
RUN --mount=type=secret,id=later x
";

fn outline_of(target: Option<&str>) -> Outline {
    let options = Options { target: target.map(str::to_owned), ..super::options() };
    let dockerfile = parser::parse(TEXT.as_bytes()).expect("a Dockerfile");
    outline(&dockerfile, &options, &Images::default()).expect("an outline")
}

fn args(outline: &Outline) -> Vec<(u32, &str, Option<&str>, Option<&str>)> {
    let args = outline.args.iter();
    args.map(|arg| (arg.lines.first, &*arg.name, arg.value.as_deref(), arg.description.as_deref())).collect()
}

#[test]
fn args_are_those_that_needed_stages_use() {
    let outline = outline_of(Some("Tools"));
    assert_eq!(outline.name.as_deref(), Some("tools"));
    assert_eq!(outline.description.as_deref(), Some("makes things"));
    assert_eq!(
        args(&outline),
        [
            (2, "BASE", Some("busybox"), Some("is what to start from")),
            (3, "TAG", Some("latest"), None),
            (5, "VERSION", Some("7"), None),
            (9, "MODE", Some(""), Some("says how")),
            (10, "NOTHING", None, None),
        ]
    );
    assert_eq!(args(&outline_of(None)), [(14, "LATER", Some("1"), None)]);
}

#[test]
fn mounts_are_those_of_needed_stages() {
    let mount = |line, id: &str, required| OutlinedMount {
        lines: graph::Lines::single(line),
        id: id.to_owned(),
        required,
    };
    let tools = outline_of(Some("tools"));
    assert_eq!(tools.secrets, [mount(11, "token", true), mount(12, "pass", false)]);
    assert_eq!(tools.ssh, [mount(11, "default", false)]);
    assert_eq!(tools.caches, [mount(12, "/root/.cache", false)]);
    assert_eq!(outline_of(None).secrets, [mount(15, "later", false)]);
}
