//! A cached build has the same result as a clean one.

use std::fs;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::env::{TestEnv, skip_unless};

/// Instruction with a deterministic result.
#[derive(Debug, Clone)]
enum Line {
    Write(u8, u8),
    Digest(u8),
    CopyFile(u8, u8),
    CopyFolder,
    CopyOther(u8),
    Env(u8),
    Arg(u8),
    Workdir(u8),
    Remove(u8),
}

impl Line {
    fn text(&self) -> String {
        match self {
            Self::Write(file, value) => format!("RUN mkdir -p /d && echo {value} $V $A > /d/w{file}"),
            Self::Digest(file) => {
                format!("RUN find / -xdev -type f -name '[fw]?' | sort | xargs sha256sum > /sums{file}")
            }
            Self::CopyFile(from, to) => format!("COPY f{from} /d/f{to}"),
            Self::CopyFolder => "COPY sub /d/sub".to_owned(),
            Self::CopyOther(file) => format!("COPY --from=other /o* /d/o{file}/"),
            Self::Env(value) => format!("ENV V={value}"),
            Self::Arg(value) => format!("ARG A={value}"),
            Self::Workdir(name) => format!("WORKDIR /work{name}/in"),
            Self::Remove(file) => format!("RUN rm -rf /d/w{file} /d/f{file}"),
        }
    }
}

fn line() -> impl Strategy<Value = Line> {
    let n = 0..3u8;
    prop_oneof![
        (n.clone(), n.clone()).prop_map(|(file, value)| Line::Write(file, value)),
        n.clone().prop_map(Line::Digest),
        (n.clone(), n.clone()).prop_map(|(from, to)| Line::CopyFile(from, to)),
        Just(Line::CopyFolder),
        n.clone().prop_map(Line::CopyOther),
        n.clone().prop_map(Line::Env),
        n.clone().prop_map(Line::Arg),
        n.clone().prop_map(Line::Workdir),
        n.prop_map(Line::Remove),
    ]
}

/// Change that a user makes between two builds.
#[derive(Debug, Clone)]
enum Edit {
    Replace(usize, Line),
    Insert(usize, Line),
    Delete(usize),
    Content(u8, u8),
    AddToFolder(u8),
    Mode(u8),
    Other(u8),
    Touch,
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (0..8usize, line()).prop_map(|(at, line)| Edit::Replace(at, line)),
        (0..8usize, line()).prop_map(|(at, line)| Edit::Insert(at, line)),
        (0..8usize).prop_map(Edit::Delete),
        (0..3u8, 0..3u8).prop_map(|(file, value)| Edit::Content(file, value)),
        (0..3u8).prop_map(Edit::AddToFolder),
        (0..3u8).prop_map(Edit::Mode),
        (0..3u8).prop_map(Edit::Other),
        Just(Edit::Touch),
    ]
}

struct World {
    lines: Vec<Line>,
    other: u8,
}

impl World {
    fn dockerfile(&self) -> String {
        let lines: Vec<String> = self.lines.iter().map(Line::text).collect();
        let other = self.other;
        format!("FROM base AS other\nRUN echo {other} > /o1\nFROM base\n{}\n", lines.join("\n"))
    }

    fn apply(&mut self, env: &TestEnv, edit: &Edit) {
        let context = env.path("context");
        let at = |index: &usize, len: usize| index % len.max(1);
        match edit {
            Edit::Replace(index, line) if !self.lines.is_empty() => {
                let index = at(index, self.lines.len());
                self.lines[index] = line.clone();
            }
            Edit::Insert(index, line) => self.lines.insert(at(index, self.lines.len()), line.clone()),
            Edit::Delete(index) if !self.lines.is_empty() => {
                self.lines.remove(at(index, self.lines.len()));
            }
            Edit::Content(file, value) => drop(env.file(&format!("f{file}"), &format!("content {value}\n"))),
            Edit::AddToFolder(file) => drop(env.file(&format!("sub/more/n{file}"), "new\n")),
            Edit::Mode(file) => {
                use std::os::unix::fs::PermissionsExt;
                fs::set_permissions(context.join(format!("f{file}")), fs::Permissions::from_mode(0o755))
                    .expect("modes can be set");
            }
            Edit::Other(value) => self.other = *value,
            Edit::Touch => {
                let text = fs::read(context.join("f0")).expect("the file is there");
                fs::write(context.join("f0"), text).expect("files can be written");
            }
            Edit::Replace(..) | Edit::Delete(_) => {}
        }
    }
}

#[test]
fn privileged_a_cached_build_equals_a_clean_one() {
    drop(skip_unless!(TestEnv::new()));
    let config = Config { cases: 12, max_shrink_iters: 20, failure_persistence: None, ..Config::default() };
    let input = (prop::collection::vec(line(), 1..6), prop::collection::vec(edit(), 1..4));
    let outcome = TestRunner::new(config).run(&input, |(lines, edits)| {
        let env = TestEnv::new().expect("it could be made before");
        for file in 0..3 {
            env.file(&format!("f{file}"), &format!("file {file}\n")).file(&format!("sub/s{file}"), "s\n");
        }
        let mut world = World { lines, other: 0 };
        env.digest(&world.dockerfile());
        for edit in &edits {
            world.apply(&env, edit);
            let cached = env.digest(&world.dockerfile());
            let clean = env.clean().digest(&world.dockerfile());
            prop_assert_eq!(cached, clean, "after {:?}:\n{}", edit, world.dockerfile());
        }
        Ok(())
    });
    outcome.expect("the property holds");
}

#[test]
fn privileged_a_build_without_changes_is_cached_completely() {
    let env = skip_unless!(TestEnv::new());
    let dockerfile = "FROM base\nWORKDIR /w\nCOPY f /w/\nRUN cat f > g\nRUN echo done\n";
    env.file("f", "f\n").build(dockerfile, &[]).success();
    let again = env.build(dockerfile, &["--progress", "plain"]).success().stderr();
    assert_eq!(again.matches(" CACHED").count(), 5, "{again}");
}

#[test]
fn privileged_a_step_that_leaves_the_same_files_keeps_the_next_ones_cached() {
    let env = skip_unless!(TestEnv::new());
    // The bind mount changes and the layer does not, so that the next steps do not run again.
    let dockerfile = "FROM base\n\
        RUN --mount=type=bind,source=f,target=/f grep -c keep /f > /count || true\n\
        RUN cat /proc/sys/kernel/random/uuid > /random\n\
        CMD [\"cat\", \"/random\"]\n";
    let random = || {
        env.build(dockerfile, &[]).success();
        env.dsbuild(&["run", "--rm", "--network", "none", "t"]).success().stdout()
    };
    env.file("f", "keep\none\n");
    let first = random();
    env.file("f", "keep\ntwo\n");
    assert_eq!(random(), first);
    env.file("f", "keep\nkeep\n");
    assert_ne!(random(), first);
}

#[test]
fn privileged_simultaneous_builds_run_a_step_once() {
    let env = skip_unless!(TestEnv::new());
    env.file("f", "f\n").file(
        "Dockerfile",
        "FROM base\nCOPY f /f\nRUN sleep 0.3; cat /proc/sys/kernel/random/uuid > /random\nRUN cat /random > /copy\n",
    );
    let start = |n: usize| {
        let file = format!("iid{n}");
        let child = env
            .command(&["-t", &format!("t{n}"), "--iidfile", &file, "--progress", "quiet", "context"])
            .spawn();
        (file, child.expect("the binary runs"))
    };
    let builds: Vec<_> = (0..4).map(start).collect();
    let id = |(file, mut child): (String, std::process::Child)| {
        assert!(child.wait().expect("it ends").success());
        fs::read_to_string(env.path(&file)).expect("the id was written")
    };
    let ids: Vec<String> = builds.into_iter().map(id).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "the step was run more than once: {ids:?}");
}

#[test]
fn privileged_a_copy_above_a_changed_layer_says_why_it_is_not_cached() {
    let env = skip_unless!(TestEnv::new());
    env.file("f", "f\n");
    let build =
        |n: u32| env.build(&format!("FROM base\nRUN echo {n} > /n\nCOPY f /f\n"), &[]).success().stderr();
    build(1);
    let output = build(2);
    assert!(output.contains("not cached: the layers below changed"), "{output}");
    assert!(!output.contains("outline"), "{output}");
}

/// C.15: damage that only the content of a blob shows, in a store whose images are used without reading that blob.
#[test]
fn a_repair_reads_every_blob() {
    let env = TestEnv::bare();
    env.file("f", "content");
    let dockerfile = "FROM scratch AS below\nCOPY f /f\nFROM scratch\nCOPY --from=below /f /g\n";
    let digest = env.digest(dockerfile);
    for blob in fs::read_dir(env.store().join("blobs/sha256")).expect("blobs").flatten() {
        let mut bytes = fs::read(blob.path()).expect("a blob");
        if !bytes.starts_with(b"{") {
            bytes[0] ^= 1;
            fs::remove_file(blob.path()).expect("removed");
            fs::write(blob.path(), bytes).expect("written");
        }
    }
    let repaired = env.dsbuild(&["check", "--repair"]).success().stdout();
    assert!(repaired.contains("2 problems repaired"), "{repaired}");
    assert_eq!(env.digest(dockerfile), digest);
    env.dsbuild(&["check", "--read-data"]).success();
}
