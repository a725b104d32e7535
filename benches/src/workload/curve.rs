//! Curves: one workload with a growing number of files, steps or gigabytes. The cost of a change must not grow with the
//! image.
//!
//! Points of curves are ordinary rows; the ones in this file are measured with `--curves` only.

use super::contexts::{from, many_steps, root_of_files};
use super::defaults::{BUILD_ACT, BUILD_BIG, ROW, SCENARIO, TAG};
use super::files::{many, write};
use super::{Floor, Point, Prep, Proof, Row, Scenario, When};

/// A context of `at` files, none of which has changed.
pub const fn files(at: u64) -> Point {
    Point { curve: "files of a context, nothing changed", unit: "file", at }
}

/// `at` cached steps, COPY and RUN alternately.
pub const fn layers(at: u64) -> Point {
    Point { curve: "cached steps", unit: "step", at }
}

/// A COPY of `at` files, and a RUN that touches one of them.
pub const fn root_files(at: u64) -> Point {
    Point { curve: "files below a RUN that touches one", unit: "file", at }
}

/// A line changed in a large image, which is then run.
pub const fn edit_and_run(gib: u64) -> Point {
    Point { curve: "GiB below a changed line: run it", unit: "GiB", at: gib }
}

/// A line changed in a large image, which is then exported.
pub const fn edit_and_layout(gib: u64) -> Point {
    Point { curve: "GiB below a changed line: OCI layout", unit: "GiB", at: gib }
}

const CURVE: Scenario = Scenario { when: When::Curves, needs_gib: 2, ..SCENARIO };

const fn files_row(title: &'static str, at: u64) -> Row {
    let floor = Floor { title: "find: stat of them", script: "find context/src -size +1000G" };
    Row { title, floor: Some(floor), alone: true, point: Some(files(at)), ..ROW }
}

pub const FILES_1K: Scenario = Scenario {
    name: "files-1k",
    make: |dir| context(dir, 1_000),
    rows: &[files_row("1,000 files, nothing changed", 1_000)],
    ..CURVE
};

pub const FILES_10K: Scenario = Scenario {
    name: "files-10k",
    make: |dir| context(dir, 10_000),
    rows: &[files_row("10,000 files, nothing changed", 10_000)],
    ..CURVE
};

pub const FILES_100K: Scenario = Scenario {
    name: "files-100k",
    make: |dir| context(dir, 100_000),
    rows: &[files_row("100,000 files, nothing changed", 100_000)],
    ..CURVE
};

const fn layers_row(title: &'static str, at: u64) -> Row {
    Row { title, alone: true, point: Some(layers(at)), ..ROW }
}

pub const LAYERS_10: Scenario = Scenario {
    name: "steps-10",
    make: |dir| many_steps(dir, 10),
    rows: &[layers_row("10 steps, cached", 10)],
    ..CURVE
};

pub const LAYERS_50: Scenario = Scenario {
    name: "steps-50",
    make: |dir| many_steps(dir, 50),
    rows: &[layers_row("50 steps, cached", 50)],
    ..CURVE
};

pub const LAYERS_200: Scenario = Scenario {
    name: "steps-200",
    make: |dir| many_steps(dir, 200),
    rows: &[layers_row("200 steps, cached", 200)],
    ..CURVE
};

const fn root_row(title: &'static str, at: u64) -> Row {
    Row {
        title,
        alone: true,
        before: &[Prep::Edit("context/nonce")],
        proof: Proof::Same { tag: TAG, path: "/nonce", source: "context/nonce" },
        point: Some(root_files(at)),
        ..ROW
    }
}

const ROOT: Scenario = Scenario { prepare: &[BUILD_BIG, BUILD_ACT], ..CURVE };

pub const ROOT_1K: Scenario = Scenario {
    name: "root-1k",
    make: |dir| root_of_files(dir, 1),
    rows: &[root_row("RUN that touches one file of 1,000", 1_000)],
    ..ROOT
};

pub const ROOT_10K: Scenario = Scenario {
    name: "root-10k",
    make: |dir| root_of_files(dir, 10),
    rows: &[root_row("RUN that touches one file of 10,000", 10_000)],
    ..ROOT
};

pub const ROOT_100K: Scenario = Scenario {
    name: "root-100k",
    make: |dir| root_of_files(dir, 100),
    rows: &[root_row("RUN that touches one file of 100,000", 100_000)],
    ..ROOT
};

fn context(dir: &std::path::Path, count: usize) -> std::io::Result<()> {
    many(&dir.join("context/src"), count, 1000)?;
    write(&dir.join("context/Dockerfile"), &from("COPY src /src\n"))
}
