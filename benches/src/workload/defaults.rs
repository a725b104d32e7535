//! Defaults that scenarios and rows are filled up from, and the builds that most of them do.

use super::{Act, BIG, Base, Build, Dest, Floor, Proof, Row, Scenario, State, When};

/// Name of the image that most builds make.
pub const TAG: &str = "dsbench/app";

/// Builds `context/Dockerfile` as [`TAG`], without a network.
pub const BUILD: Build = Build {
    context: "context",
    dockerfile: "Dockerfile",
    tag: TAG,
    from_registry: false,
    network: false,
    dest: Dest::Store,
};
/// [`BUILD`], as an act.
pub const BUILD_ACT: Act = Act::Build(BUILD);
/// Builds `big/Dockerfile` as [`BIG`].
pub const BUILD_BIG: Act = Act::Build(Build { context: "big", tag: BIG, ..BUILD });

/// Returns [`BUILD`] with another destination.
pub const fn to(dest: Dest) -> Act {
    Act::Build(Build { dest, ..BUILD })
}

/// Defaults of the other rows.
pub const ROW: Row = Row {
    name: "",
    title: "",
    goal_s: None,
    state: State::Prepared,
    alone: false,
    before: &[],
    timed: &[BUILD_ACT],
    floor: None,
    proof: Proof::Said,
    point: None,
};

/// Defaults of the other scenarios.
pub const SCENARIO: Scenario = Scenario {
    name: "",
    when: When::Always,
    needs_gib: 1,
    bases: &[Base::Busybox],
    make: |_| Ok(()),
    prepare: &[BUILD_ACT],
    rows: &[],
};

/// Floor of everything: the start of one process.
pub const PROCESS: Floor = Floor { title: "start of one process", script: "true" };
