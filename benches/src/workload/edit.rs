//! Scenarios that change one line on top of a large image, and run or export the result.

use super::contexts::image_of_size;
use super::defaults::{BUILD_ACT, BUILD_BIG, ROW, SCENARIO, TAG, to};
use super::{Act, Compression, Dest, Prep, Proof, Row, Scenario, When, curve};

const RUNNABLE: Row = Row {
    name: "runnable",
    title: "1 GB image, one line changed: run it",
    point: Some(curve::edit_and_run(1)),
    before: &[Prep::Edit("context/app.txt")],
    timed: &[BUILD_ACT, Act::Run { tag: TAG, command: &["cat", "/app.txt"] }],
    proof: Proof::Same { tag: TAG, path: "/app.txt", source: "context/app.txt" },
    ..ROW
};

const TO_LAYOUT: Row = Row {
    name: "layout",
    title: "1 GB image, one line changed: OCI layout",
    point: Some(curve::edit_and_layout(1)),
    timed: &[to(Dest::Layout(Compression::None))],
    ..RUNNABLE
};

/// Changes one line above 1 GB of files.
pub const EDIT_1G: Scenario = Scenario {
    name: "edit-1g",
    needs_gib: 10,
    make: |dir| image_of_size(dir, 1),
    prepare: &[BUILD_BIG, BUILD_ACT, to(Dest::Layout(Compression::None))],
    rows: &[RUNNABLE, TO_LAYOUT],
    ..SCENARIO
};

/// Changes one line above 5 GB of files.
pub const EDIT_5G: Scenario = Scenario {
    name: "edit-5g",
    when: When::Large,
    needs_gib: 22,
    make: |dir| image_of_size(dir, 5),
    rows: &[
        Row {
            title: "5 GB image, one line changed: run it",
            point: Some(curve::edit_and_run(5)),
            ..RUNNABLE
        },
        Row {
            title: "5 GB image, one line changed: OCI layout",
            point: Some(curve::edit_and_layout(5)),
            ..TO_LAYOUT
        },
    ],
    ..EDIT_1G
};

/// Changes one line above 20 GB of files.
pub const EDIT_20G: Scenario = Scenario {
    name: "edit-20g",
    when: When::Large,
    needs_gib: 64,
    make: |dir| image_of_size(dir, 20),
    rows: &[
        Row {
            title: "20 GB image, one line changed: run it",
            point: Some(curve::edit_and_run(20)),
            ..RUNNABLE
        },
        Row {
            title: "20 GB image, one line changed: OCI layout",
            point: Some(curve::edit_and_layout(20)),
            ..TO_LAYOUT
        },
    ],
    ..EDIT_1G
};
