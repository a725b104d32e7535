//! All scenarios and their rows.
//!
//! Goals are those of the project's design: seconds on a machine of two cores with an ext4, nothing else running.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use super::files::{large, many, write};
use super::{
    Act, BIG, BUSYBOX, Base, Build, Compression, Dest, Floor, PYTHON, Prep, Proof, Row, Scenario, State,
    When, curve,
};

/// The image that most builds make.
pub(super) const TAG: &str = "dsbench/app";

/// `context/Dockerfile` to [`TAG`], without a network.
const BUILD: Build = Build {
    context: "context",
    dockerfile: "Dockerfile",
    tag: TAG,
    from_registry: false,
    network: false,
    dest: Dest::Store,
};
pub(super) const BUILD_ACT: Act = Act::Build(BUILD);
/// `big/Dockerfile` to [`BIG`].
pub(super) const BUILD_BIG: Act = Act::Build(Build { context: "big", tag: BIG, ..BUILD });

const fn to(dest: Dest) -> Act {
    Act::Build(Build { dest, ..BUILD })
}

/// What the others are filled up from.
pub(super) const ROW: Row = Row {
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

pub(super) const SCENARIO: Scenario = Scenario {
    name: "",
    when: When::Always,
    needs_gib: 1,
    bases: &[Base::Busybox],
    make: |_| Ok(()),
    prepare: &[BUILD_ACT],
    rows: &[],
};

const PROCESS: Floor = Floor { title: "start of one process", script: "true" };

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

const EDIT_1G: Scenario = Scenario {
    name: "edit-1g",
    needs_gib: 10,
    make: |dir| image_of_size(dir, 1),
    prepare: &[BUILD_BIG, BUILD_ACT, to(Dest::Layout(Compression::None))],
    rows: &[RUNNABLE, TO_LAYOUT],
    ..SCENARIO
};

const EDIT_5G: Scenario = Scenario {
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

const EDIT_20G: Scenario = Scenario {
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

pub(super) fn from(rest: &str) -> String {
    format!("FROM {BUSYBOX}\n{rest}")
}

pub(super) fn repeated(count: usize, step: impl Fn(usize) -> String) -> String {
    from(&(0..count).map(step).collect::<String>())
}

/// COPY and RUN in turn, each of one small file.
pub(super) fn many_steps(dir: &Path, count: usize) -> io::Result<()> {
    write(&dir.join("context/file"), "one line\n")?;
    let steps = |n| if n % 2 == 0 { format!("COPY file /c{n}\n") } else { format!("RUN echo {n} > /r{n}\n") };
    write(&dir.join("context/Dockerfile"), &repeated(count, steps))
}

/// `big/` is an image with this many thousand files; `context/` has a RUN on top of it that touches one.
pub(super) fn root_of_files(dir: &Path, thousands: usize) -> io::Result<()> {
    let files = format!(
        "RUN for d in $(seq {thousands}); do mkdir -p /many/$d && cd /many/$d && touch $(seq 1000); done\n"
    );
    write(&dir.join("big/Dockerfile"), &from(&files))?;
    write(&dir.join("context/nonce"), "first\n")?;
    write(&dir.join("context/Dockerfile"), &format!("FROM {BIG}\nCOPY nonce /nonce\nRUN touch /many/1/500\n"))
}

/// The fixture of this project, on the base that all tools have.
fn nine_steps(dir: &Path) -> io::Result<()> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/nine-steps");
    copy_folder(&source, &dir.join("context"))?;
    let path = dir.join("context/Dockerfile");
    let text = std::fs::read_to_string(&path)?;
    std::fs::write(&path, text.replace("FROM busybox", &format!("FROM {BUSYBOX}")))
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let dest = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_folder(&entry.path(), &dest)?,
            false => std::fs::copy(entry.path(), dest).map(drop)?,
        }
    }
    Ok(())
}

fn six_stages(dir: &Path) -> io::Result<()> {
    let mut text = String::new();
    for n in 0..6 {
        let _ = writeln!(text, "FROM {BUSYBOX} AS s{n}\nRUN sleep 2; echo {n} > /s{n}");
    }
    let _ = writeln!(text, "FROM {BUSYBOX}");
    for n in 0..6 {
        let _ = writeln!(text, "COPY --from=s{n} /s{n} /");
    }
    write(&dir.join("context/Dockerfile"), &text)
}

/// `big/` is an image with `gib` GiB in files of 16 MiB that do not compress; `context/` puts one line on top of it.
fn image_of_size(dir: &Path, gib: u64) -> io::Result<()> {
    let files = gib * 64;
    let make =
        format!("RUN mkdir /data && for n in $(seq {files}); do head -c 16m /dev/urandom > /data/$n; done\n");
    write(&dir.join("big/Dockerfile"), &from(&make))?;
    write(&dir.join("context/app.txt"), "first\n")?;
    write(&dir.join("context/Dockerfile"), &format!("FROM {BIG}\nCOPY app.txt /app.txt\n"))
}

fn pip(dir: &Path) -> io::Result<()> {
    write(&dir.join("context/nonce"), "first\n")?;
    write(&dir.join("context/requirements.txt"), "numpy==2.1.3\nscipy==1.14.1\npandas==2.2.3\n")?;
    let text = format!(
        "FROM {PYTHON}\n\
         COPY requirements.txt nonce ./\n\
         RUN --mount=type=cache,target=/root/.cache/pip pip install --no-compile -r requirements.txt\n\
         RUN python3 -c 'import importlib.util as u; print(all(map(u.find_spec, [\"numpy\", \"scipy\", \"pandas\"])))' > /proof\n"
    );
    write(&dir.join("context/Dockerfile"), &text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn rows_have_names_of_their_own() {
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
        // The others write hundreds of megabytes.
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
