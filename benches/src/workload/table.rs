//! The list of all scenarios, and the scenarios that are neither curves nor large images.
//!
//! Goals are those of the project's design: seconds on a machine of two cores with an ext4, nothing else running.

use super::contexts::{from, many_steps, nine_steps, pip, repeated, root_of_files, six_stages};
use super::defaults::{BUILD, BUILD_ACT, BUILD_BIG, PROCESS, ROW, SCENARIO, TAG, to};
use super::edit::{EDIT_1G, EDIT_5G, EDIT_20G};
use super::files::{large, many, write};
use super::{
    Act, BUSYBOX, Base, Build, Compression, Dest, Floor, PYTHON, Prep, Proof, Row, Scenario, State, When,
    curve,
};

/// Every scenario, quick ones first.
pub const SCENARIOS: &[Scenario] = &[
    NINE_STEPS,
    RUN_40,
    STEPS_100,
    STAGES_6,
    RUN_TRUE,
    COPY_50K,
    COPY_2G,
    EDIT_1G,
    PULL,
    PUSH,
    PIP,
    RSS_100K,
    EDIT_5G,
    EDIT_20G,
    CONTEXT_500K,
    ROOT_500K,
    RSS_10G,
    curve::FILES_1K,
    curve::FILES_10K,
    curve::FILES_100K,
    curve::LAYERS_10,
    curve::LAYERS_50,
    curve::LAYERS_200,
    curve::ROOT_1K,
    curve::ROOT_10K,
    curve::ROOT_100K,
];

const NINE_STEPS: Scenario = Scenario {
    name: "nine-steps",
    make: nine_steps,
    rows: &[Row {
        name: "nothing-changed",
        title: "no-op rebuild, 9 steps",
        goal_s: Some(0.02),
        floor: Some(PROCESS),
        proof: Proof::File { tag: TAG, path: "/app/vendor/alpha/VERSION", says: "alpha" },
        ..ROW
    }],
    ..SCENARIO
};

const RUN_40: Scenario = Scenario {
    name: "run-40",
    make: |dir| write(&dir.join("context/Dockerfile"), &repeated(40, |n| format!("RUN echo {n} > /f{n}\n"))),
    rows: &[
        Row {
            name: "cold",
            title: "40 x RUN echo > file, cold",
            goal_s: Some(0.9),
            state: State::Cold,
            floor: Some(Floor {
                title: "the same 40 shells",
                script: "n=0; while [ $n -lt 40 ]; do /bin/sh -c \"echo $n > floor-$n\"; n=$((n+1)); done",
            }),
            proof: Proof::File { tag: TAG, path: "/f39", says: "39" },
            ..ROW
        },
        Row {
            name: "nothing-changed",
            title: "40 x RUN, cached",
            goal_s: Some(0.02),
            floor: Some(PROCESS),
            proof: Proof::File { tag: TAG, path: "/f39", says: "39" },
            ..ROW
        },
    ],
    ..SCENARIO
};

const STEPS_100: Scenario = Scenario {
    name: "steps-100",
    make: |dir| many_steps(dir, 100),
    rows: &[Row {
        name: "nothing-changed",
        title: "100 steps, cached",
        point: Some(curve::layers(100)),
        goal_s: Some(0.02),
        floor: Some(PROCESS),
        proof: Proof::File { tag: TAG, path: "/r99", says: "99" },
        ..ROW
    }],
    ..SCENARIO
};

const STAGES_6: Scenario = Scenario {
    name: "stages-6",
    make: six_stages,
    rows: &[Row {
        name: "cold",
        title: "6 stages of sleep 2, COPY --from",
        goal_s: Some(2.1),
        state: State::Cold,
        floor: Some(Floor { title: "sleep 2", script: "sleep 2" }),
        proof: Proof::File { tag: TAG, path: "/s5", says: "5" },
        ..ROW
    }],
    ..SCENARIO
};

const RUN_TRUE: Scenario = Scenario {
    name: "run-true",
    prepare: &[],
    rows: &[Row {
        title: "run --rm true",
        timed: &[Act::Run { tag: BUSYBOX, command: &["true"] }],
        floor: Some(PROCESS),
        ..ROW
    }],
    ..SCENARIO
};

const PROOF_50K: Proof =
    Proof::Same { tag: TAG, path: "/src/d04/d99/f049999.txt", source: "context/src/d04/d99/f049999.txt" };

const COPY_50K: Scenario = Scenario {
    name: "copy-50k",
    needs_gib: 4,
    make: |dir| {
        many(&dir.join("context/src"), 50_000, 4900)?;
        write(&dir.join("context/src/edited"), "first\n")?;
        write(&dir.join("context/ls.Dockerfile"), &from("COPY src /src\nRUN ls -R /src | wc -l > /lines\n"))?;
        write(&dir.join("context/Dockerfile"), &from("COPY src /src\n"))
    },
    rows: &[
        Row {
            name: "cold",
            title: "COPY 50,000 files (245 MB), cold",
            goal_s: Some(1.5),
            state: State::Cold,
            floor: Some(Floor { title: "tar of them", script: "tar -cf - context/src | cat > floor.tar" }),
            proof: PROOF_50K,
            ..ROW
        },
        Row {
            name: "nothing-changed",
            title: "50,000 files, nothing changed",
            point: Some(curve::files(50_000)),
            goal_s: Some(0.15),
            floor: Some(Floor { title: "find: stat of them", script: "find context/src -size +1000G" }),
            proof: PROOF_50K,
            ..ROW
        },
        Row {
            name: "one-changed",
            title: "50,000 files, one changed",
            goal_s: Some(1.5),
            before: &[Prep::Edit("context/src/edited")],
            floor: Some(Floor { title: "tar of them", script: "tar -cf - context/src | cat > floor.tar" }),
            proof: Proof::Same { tag: TAG, path: "/src/edited", source: "context/src/edited" },
            ..ROW
        },
        Row {
            name: "then-run",
            title: "50,000 files, then RUN ls -R, cold",
            state: State::Cold,
            timed: &[Act::Build(Build { dockerfile: "ls.Dockerfile", ..BUILD })],
            floor: Some(Floor {
                title: "cp -a of them, ls -R",
                script: "cp -a context/src floor-$$ && ls -R floor-$$ | wc -l",
            }),
            // 50,506 names; a head for each of 506 folders, and an empty line between them.
            proof: Proof::File { tag: TAG, path: "/lines", says: "51517" },
            ..ROW
        },
    ],
    ..SCENARIO
};

const COPY_2G: Scenario = Scenario {
    name: "copy-2g",
    needs_gib: 14,
    make: |dir| {
        write(&dir.join("context/Dockerfile"), &from("COPY large /large\nRUN echo done > /proof\n"))?;
        large(&dir.join("context/large"), 2048)
    },
    rows: &[
        Row {
            name: "cold",
            title: "COPY one 2 GiB file, cold",
            goal_s: Some(3.0),
            state: State::Cold,
            timed: &[BUILD_ACT],
            floor: Some(Floor { title: "sha256sum", script: "sha256sum context/large" }),
            proof: Proof::File { tag: TAG, path: "/proof", says: "done" },
            ..ROW
        },
        Row {
            name: "nothing-changed",
            title: "2 GiB file, nothing changed",
            goal_s: Some(0.02),
            floor: Some(PROCESS),
            proof: Proof::File { tag: TAG, path: "/proof", says: "done" },
            ..ROW
        },
        Row {
            name: "export-gzip",
            title: "2 GiB layer to OCI layout, gzip",
            state: State::Cold,
            before: &[Prep::Act(BUILD_ACT), Prep::NoOutput],
            timed: &[to(Dest::Layout(Compression::Gzip))],
            proof: Proof::Output { at_least_mib: 100 },
            ..ROW
        },
        Row {
            name: "export-zstd",
            title: "2 GiB layer to OCI layout, zstd",
            state: State::Cold,
            before: &[Prep::Act(BUILD_ACT), Prep::NoOutput],
            timed: &[to(Dest::Layout(Compression::Zstd))],
            floor: Some(Floor { title: "zstd -T0", script: "zstd -q -f -T0 context/large -o floor.zst" }),
            proof: Proof::Output { at_least_mib: 100 },
            ..ROW
        },
    ],
    ..SCENARIO
};

const PULL: Scenario = Scenario {
    name: "python",
    needs_gib: 3,
    bases: &[],
    make: |dir| {
        let text =
            format!("ARG REGISTRY\nFROM ${{REGISTRY}}/{PYTHON}\nRUN python3 -c 'print(6*7)' > /proof\n");
        write(&dir.join("context/Dockerfile"), &text)
    },
    rows: &[Row {
        name: "pull-run",
        title: "pull Debian + Python, first RUN",
        state: State::Cold,
        before: &[Prep::PythonInRegistry],
        timed: &[Act::Build(Build { from_registry: true, ..BUILD })],
        proof: Proof::File { tag: TAG, path: "/proof", says: "42" },
        ..ROW
    }],
    ..SCENARIO
};

const PUSH: Scenario = Scenario {
    name: "python",
    needs_gib: 3,
    bases: &[Base::Python],
    make: |dir| write(&dir.join("context/Dockerfile"), &format!("FROM {PYTHON}\nRUN echo pushed > /proof\n")),
    prepare: &[PUSHED],
    rows: &[Row {
        name: "push",
        title: "push Debian + Python",
        state: State::Cold,
        before: &[Prep::Act(PUSHED), Prep::EmptyRegistry],
        timed: &[Act::Build(Build { tag: PUSH_TAG, dest: Dest::Registry, ..BUILD })],
        ..ROW
    }],
    ..SCENARIO
};
/// The image under the name that it will be pushed by.
const PUSHED: Act = Act::Build(Build { tag: PUSH_TAG, ..BUILD });
const PUSH_TAG: &str = "REGISTRY/pushed:latest";

const PIP: Scenario = Scenario {
    name: "pip",
    needs_gib: 4,
    bases: &[Base::Python],
    make: pip,
    prepare: &[PIP_BUILD],
    rows: &[Row {
        name: "warm",
        title: "pip install of a scientific stack, warm",
        before: &[Prep::Edit("context/nonce")],
        timed: &[PIP_BUILD],
        proof: Proof::File { tag: TAG, path: "/proof", says: "True" },
        ..ROW
    }],
    ..SCENARIO
};
const PIP_BUILD: Act = Act::Build(Build { network: true, ..BUILD });

const RSS_100K: Scenario = Scenario {
    name: "copy-100k",
    needs_gib: 4,
    make: |dir| {
        many(&dir.join("context/src"), 100_000, 1000)?;
        write(&dir.join("context/Dockerfile"), &from("COPY src /src\nRUN echo done > /proof\n"))
    },
    rows: &[Row {
        name: "cold",
        title: "COPY 100,000 files (memory)",
        state: State::Cold,
        alone: true,
        proof: Proof::File { tag: TAG, path: "/proof", says: "done" },
        ..ROW
    }],
    ..SCENARIO
};

const CONTEXT_500K: Scenario = Scenario {
    name: "context-500k",
    when: When::Large,
    needs_gib: 16,
    make: |dir| {
        many(&dir.join("context/src"), 500_000, 1000)?;
        write(&dir.join("context/Dockerfile"), &from("COPY src /src\n"))
    },
    rows: &[Row {
        name: "nothing-changed",
        title: "500,000 files, nothing changed",
        point: Some(curve::files(500_000)),
        floor: Some(Floor { title: "find: stat of them", script: "find context/src -size +1000G" }),
        ..ROW
    }],
    ..SCENARIO
};

const ROOT_500K: Scenario = Scenario {
    name: "root-500k",
    when: When::Large,
    needs_gib: 12,
    make: |dir| root_of_files(dir, 500),
    prepare: &[BUILD_BIG, BUILD_ACT],
    rows: &[Row {
        name: "touch-one",
        title: "RUN that touches one file of 500,000",
        point: Some(curve::root_files(500_000)),
        before: &[Prep::Edit("context/nonce")],
        proof: Proof::Same { tag: TAG, path: "/nonce", source: "context/nonce" },
        ..ROW
    }],
    ..SCENARIO
};

const RSS_10G: Scenario = Scenario {
    name: "copy-10g",
    when: When::Large,
    needs_gib: 45,
    make: |dir| {
        write(&dir.join("context/Dockerfile"), &from("COPY large /large\n"))?;
        large(&dir.join("context/large"), 10 << 10)
    },
    rows: &[Row {
        name: "cold",
        title: "COPY one 10 GiB file (memory)",
        state: State::Cold,
        alone: true,
        floor: Some(Floor { title: "sha256sum", script: "sha256sum context/large" }),
        ..ROW
    }],
    ..SCENARIO
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn rows_have_distinct_names_and_titles() {
        let names: Vec<String> = SCENARIOS
            .iter()
            .flat_map(|scenario| scenario.rows.iter().map(|row| row.full_name(scenario)))
            .collect();
        let titles: BTreeSet<&str> =
            SCENARIOS.iter().flat_map(|scenario| scenario.rows).map(|row| row.title).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
        assert_eq!(titles.len(), names.len(), "{titles:?}");
    }

    #[test]
    fn dockerfiles_parse() {
        // The other scenarios write hundreds of megabytes.
        let light = [NINE_STEPS, RUN_40, STEPS_100, STAGES_6, EDIT_1G, PULL, PUSH, PIP, ROOT_500K];
        for scenario in light {
            let dir = tempfile::tempdir().unwrap();
            (scenario.make)(dir.path()).unwrap();
            for folder in ["context", "big"] {
                if let Ok(text) = std::fs::read(dir.path().join(folder).join("Dockerfile")) {
                    let file = parser::parse(&text).unwrap();
                    assert!(!file.stages.is_empty(), "{}", scenario.name);
                }
            }
        }
    }
}
