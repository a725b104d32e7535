//! Outlines: the ARGs, secrets, agents and caches that a target takes from outside.

use frontend::options::Options;
use frontend::outline::{Outline, OutlinedMount, outline};

use super::images::Images;

const TEXT: &str = "\
# BASE is the image to start from
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
    outline_of_text(TEXT, target)
}

fn outline_of_text(text: &str, target: Option<&str>) -> Outline {
    let options = Options { target: target.map(str::to_owned), ..super::options() };
    let dockerfile = parser::parse(text.as_bytes()).expect("a Dockerfile");
    outline(&dockerfile, &options, &Images::default()).expect("an outline")
}

fn args(outline: &Outline) -> Vec<(u32, &str, Option<&str>, Option<&str>)> {
    let args = outline.args.iter();
    args.map(|arg| (arg.lines.first, &*arg.name, arg.value.as_deref(), arg.description.as_deref())).collect()
}

#[test]
fn the_args_are_those_that_needed_stages_use() {
    let outline = outline_of(Some("Tools"));
    assert_eq!(outline.name.as_deref(), Some("tools"));
    assert_eq!(outline.description.as_deref(), Some("makes things"));
    assert_eq!(
        args(&outline),
        [
            (2, "BASE", Some("busybox"), Some("is the image to start from")),
            (3, "TAG", Some("latest"), None),
            (5, "VERSION", Some("7"), None),
            (9, "MODE", Some(""), Some("says how")),
            (10, "NOTHING", None, None),
        ]
    );
    assert_eq!(args(&outline_of(None)), [(14, "LATER", Some("1"), None)]);
}

#[test]
fn the_mounts_are_those_of_needed_stages() {
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

#[test]
fn each_name_is_listed_once_with_the_value_nearest_to_the_target() {
    let text = "FROM busybox AS base\nARG A=base B=base\nARG B=again\nFROM busybox AS other\nARG A=other C=other\n\
                FROM base\nARG B=target\nCOPY --from=other /x /\n";
    assert_eq!(
        args(&outline_of_text(text, None)),
        [(2, "A", Some("base"), None), (5, "C", Some("other"), None), (7, "B", Some("target"), None)]
    );
}

#[test]
fn args_of_one_line_are_listed_in_their_order() {
    let outline = outline_of_text("FROM busybox\nARG Z=1 A=2 M=3\n", None);
    let names: Vec<&str> = outline.args.iter().map(|arg| arg.name.as_str()).collect();
    assert_eq!(names, ["Z", "A", "M"]);
}

#[test]
fn each_id_is_listed_once_at_its_first_line() {
    let text = "FROM busybox AS a\nRUN --mount=type=cache,target=/c --mount=type=secret,id=s x\nFROM a\n\
                RUN --mount=type=cache,target=/c --mount=type=secret,id=s,required=true --mount=type=ssh y\n\
                RUN --mount=type=cache,id=/c,target=/d --mount=type=ssh z\n";
    let outline = outline_of_text(text, None);
    let lines = |mounts: &[OutlinedMount]| -> Vec<(u32, bool)> {
        mounts.iter().map(|mount| (mount.lines.first, mount.required)).collect()
    };
    assert_eq!(lines(&outline.caches), [(2, false)]);
    assert_eq!(lines(&outline.secrets), [(2, true)]);
    assert_eq!(lines(&outline.ssh), [(4, false)]);
}
