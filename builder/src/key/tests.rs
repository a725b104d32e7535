//! A test for each row of the table at the head of the module: what changes a key, and what does not.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use cache::{ContentDigest, StepKey, Store};
use oci::{DiffId, Platform};
use rootfs::diff::{Content, Diff};
use rootfs::layers::{Clamp, Layers};
use trees::entry::{Entry, Kind, Timestamp};
use trees::tree::{Child, Scratch, Tree};

use super::*;
use crate::result::{Files, Recipe, StepResult};
use graph::{CacheSharing, Lines, Mode, Ulimit};
use graph::{
    CopyAction, CopySource, DeviceRequest, Exec, ExecMount, FileAction, FileOp, InputIndex, MountKind,
    NetworkMode, Op, SecurityMode, SkippedInKey, Step, StepMeta,
};
use progress::KeyKind;

/// A store with layers to make keys from.
struct World {
    layers: Layers,
    _dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder for the test");
        let store = Store::open(&dir.path().join("store")).expect("a store can be made");
        Self { layers: Layers::new(Arc::new(store)), _dir: dir }
    }

    /// A layer with one file.
    fn layer(&self, name: &str, text: &str, mtime_s: i64) -> DiffId {
        let mut diff = Diff::new(Arc::new(Scratch));
        let content = (!text.is_empty()).then(|| Content::Bytes(text.as_bytes().into()));
        diff.put(Path::new(name), file(text, 0o644, mtime_s), content).expect("a file can be put");
        self.layers.commit(diff).expect("a layer can be written")
    }

    fn key(&self, step: &Step, inputs: &[StepResult], by: KeyKind) -> StepKey {
        KeyMaker::new(&self.layers, Clamp::STORE, step, inputs)
            .parts(by)
            .expect("the inputs can be read")
            .key()
    }

    /// Compares both keys of two steps on their inputs.
    #[track_caller]
    fn check(&self, one: (&Step, &[StepResult]), two: (&Step, &[StepResult]), same: [bool; 2]) {
        for (by, same) in [(KeyKind::Definition, same[0]), (KeyKind::Content, same[1])] {
            assert_eq!(self.key(one.0, one.1, by) == self.key(two.0, two.1, by), same, "by {by:?}");
        }
    }
}

const SAME: [bool; 2] = [true, true];
const OTHER: [bool; 2] = [false, false];

fn file(text: &str, mode: u32, mtime_s: i64) -> Entry {
    Entry {
        kind: Kind::File { size_bytes: text.len() as u64 },
        mode,
        uid: 0,
        gid: 0,
        mtime: Timestamp { seconds: mtime_s, nanoseconds: 0 },
        xattrs: BTreeMap::new(),
    }
}

/// A build context with one file, `f`.
#[derive(Clone)]
struct Context {
    entry: Entry,
    text: String,
}

impl Context {
    fn result(text: &str, mode: u32, mtime_s: i64) -> StepResult {
        let context = Self { entry: file(text, mode, mtime_s), text: text.to_owned() };
        StepResult { files: Files::Tree(Arc::new(context)), recipe: Recipe::EMPTY }
    }
}

impl Tree for Context {
    fn lookup(&self, path: &Path) -> io::Result<Option<Entry>> {
        Ok(match path.to_str() {
            Some("") => Some(Entry::directory(0o755)),
            Some("f") => Some(self.entry.clone()),
            _ => None,
        })
    }

    fn children(&self, _path: &Path) -> io::Result<Vec<Child>> {
        Ok(vec![Child { name: "f".into(), entry: self.entry.clone(), content: None }])
    }

    fn open(&self, _path: &Path) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(io::Cursor::new(self.text.clone().into_bytes())))
    }

    fn content(&self, _path: &Path) -> io::Result<ContentDigest> {
        Ok(ContentDigest::of(self.text.as_bytes()))
    }
}

fn layers(ids: &[DiffId]) -> StepResult {
    StepResult { files: Files::Layers(ids.to_vec().into()), recipe: Recipe::EMPTY }
}

fn step(op: Op, inputs: usize) -> Step {
    let inputs = (0..inputs).map(graph::StepId).collect();
    Step { op, inputs, platform: Platform::host(), meta: StepMeta::default() }
}

fn process() -> Exec {
    Exec {
        args: vec!["/bin/sh".to_owned(), "-c".to_owned(), "true".to_owned()],
        env: vec!["PATH=/bin".to_owned(), "A=1".to_owned()],
        proxy_env: Vec::new(),
        cwd: "/".to_owned(),
        user: String::new(),
        hostname: "buildkitsandbox".to_owned(),
        hosts: Vec::new(),
        root: Some(InputIndex(0)),
        mounts: Vec::new(),
        secret_env: Vec::new(),
        network: NetworkMode::Default,
        security: SecurityMode::Sandbox,
        shm_size_bytes: None,
        ulimits: Vec::new(),
        devices: Vec::new(),
    }
}

fn run(change: impl FnOnce(&mut Exec)) -> Step {
    let mut exec = process();
    change(&mut exec);
    step(Op::Exec(Box::new(exec)), 1)
}

fn mounted(change: impl FnOnce(&mut ExecMount)) -> Step {
    let kind = MountKind::Bind { from: Some(InputIndex(1)), source: "/".to_owned() };
    let mut mount = ExecMount { target: "/m".to_owned(), read_only: true, kind };
    change(&mut mount);
    let mut exec = process();
    exec.mounts.push(mount);
    step(Op::Exec(Box::new(exec)), 2)
}

fn copy(path: &str, change: impl FnOnce(&mut CopyAction)) -> Step {
    let from = CopySource::Input { input: InputIndex(1), path: path.to_owned(), as_written: path.to_owned() };
    let mut action = CopyAction {
        from,
        destination: "/to".to_owned(),
        owner: None,
        mode: None,
        excludes: Vec::new(),
        parents: false,
        unpack: false,
        keep_owner: false,
        link: false,
        mtime_s: None,
    };
    change(&mut action);
    let actions = vec![FileAction::Copy(Box::new(action))];
    step(Op::File(FileOp { base: Some(InputIndex(0)), actions }), 2)
}

#[test]
fn fields_of_a_process_count() {
    let (world, base) = (World::new(), [layers(&[])]);
    let check = |change: fn(&mut Exec), same| world.check((&run(|_| ()), &base), (&run(change), &base), same);
    check(|_| (), SAME);
    check(|exec| exec.args[2] = "false".to_owned(), OTHER);
    check(|exec| exec.env[1] = "A=2".to_owned(), OTHER);
    check(|exec| exec.env.push("B=".to_owned()), OTHER);
    check(|exec| exec.env.reverse(), SAME);
    check(|exec| exec.cwd = "/w".to_owned(), OTHER);
    check(|exec| exec.user = "app".to_owned(), OTHER);
    check(|exec| exec.hostname = "other".to_owned(), OTHER);
    check(|exec| exec.network = NetworkMode::None, OTHER);
    check(|exec| exec.security = SecurityMode::Insecure, OTHER);
    check(|exec| exec.shm_size_bytes = Some(1), OTHER);
    check(|exec| exec.ulimits.push(Ulimit { name: "nofile".to_owned(), soft: 1, hard: 1 }), OTHER);
    check(|exec| exec.devices.push(DeviceRequest { name: "v.com/gpu".to_owned(), required: false }), OTHER);
}

#[test]
fn a_single_user_id_counts_for_processes_only() {
    let (world, base) = (World::new(), [layers(&[])]);
    let check = |step: &Step, inputs: &[StepResult], same: bool| {
        let maker = || KeyMaker::new(&world.layers, Clamp::STORE, step, inputs);
        for by in [KeyKind::Definition, KeyKind::Content] {
            let [one, two] =
                [maker(), maker().with_single_id()].map(|maker| maker.parts(by).expect("parts").key());
            assert_eq!(one == two, same, "by {by:?}");
        }
    };
    check(&run(|_| ()), &base, false);
    check(&copy("/f", |_| ()), &[layers(&[]), Context::result("text", 0o644, 1)], true);
}

#[test]
fn proxies_and_addresses_of_hosts_do_not_count_but_their_names_do() {
    let (world, base) = (World::new(), [layers(&[])]);
    world.check(
        (&run(|_| ()), &base),
        (&run(|exec| exec.proxy_env.push("HTTP_PROXY=x".to_owned())), &base),
        SAME,
    );
    let host = |name: &str, address: &str| {
        run(|exec| exec.hosts.push((name.to_owned(), SkippedInKey(address.parse().expect("an address")))))
    };
    world.check((&host("db", "10.0.0.1"), &base), (&host("db", "10.0.0.2"), &base), SAME);
    world.check((&host("db", "10.0.0.1"), &base), (&host("web", "10.0.0.1"), &base), OTHER);
    let twice = run(|exec| {
        exec.hosts = vec![("db".to_owned(), SkippedInKey("10.0.0.1".parse().expect("an address"))); 2];
    });
    world.check((&host("db", "10.0.0.1"), &base), (&twice, &base), OTHER);
}

#[test]
fn ids_of_cache_mounts_do_not_count_but_their_targets_do() {
    let world = World::new();
    let base = [layers(&[]), layers(&[])];
    let cache = |target: &str, id: &str| {
        mounted(|mount| {
            mount.target = target.to_owned();
            mount.kind = MountKind::Cache {
                id: id.to_owned(),
                sharing: CacheSharing::Shared,
                from: None,
                source: String::new(),
                mode: None,
                uid: None,
                gid: None,
            };
        })
    };
    world.check((&cache("/c", "a"), &base), (&cache("/c", "b"), &base), SAME);
    world.check((&cache("/c", "a"), &base), (&cache("/d", "a"), &base), OTHER);
}

#[test]
fn layers_below_count_by_what_they_are() {
    let world = World::new();
    let (one, two) = (world.layer("f", "one", 1), world.layer("f", "two", 1));
    for step in [run(|_| ()), copy("/f", |_| ())] {
        let on = |base: DiffId| [layers(&[base]), Context::result("x", 0o644, 1)];
        world.check((&step, &on(one)), (&step, &on(one)), SAME);
        world.check((&step, &on(one)), (&step, &on(two)), OTHER);
    }
}

#[test]
fn operations_of_the_steps_below_count_even_if_they_leave_the_same_files() {
    let world = World::new();
    let base = |args: &str| {
        let below = run(|exec| exec.args[2] = args.to_owned());
        let inputs = [layers(&[])];
        let maker = KeyMaker::new(&world.layers, Clamp::STORE, &below, &inputs);
        let definition = maker.parts(KeyKind::Definition).expect("the inputs can be read");
        [StepResult { recipe: maker.recipe(&definition), ..layers(&[]) }]
    };
    world.check((&run(|_| ()), &base("echo x")), (&run(|_| ()), &base("echo x")), SAME);
    world.check((&run(|_| ()), &base("echo x")), (&run(|_| ()), &base("echo  x")), OTHER);
}

#[test]
fn files_of_other_stages_count_by_content_in_the_content_key() {
    let world = World::new();
    let wanted = world.layer("f", "same", 1);
    let (beside, other) = (world.layer("unrelated", "1", 1), world.layer("unrelated", "2", 1));
    let changed = world.layer("f", "changed", 1);
    for step in [
        copy("/f", |_| ()),
        mounted(|mount| {
            mount.kind = MountKind::Bind { from: Some(InputIndex(1)), source: "/f".to_owned() };
        }),
    ] {
        let from = |ids: &[DiffId]| [layers(&[]), layers(ids)];
        world.check((&step, &from(&[beside, wanted])), (&step, &from(&[other, wanted])), [false, true]);
        world.check((&step, &from(&[wanted])), (&step, &from(&[changed])), OTHER);
    }
}

#[test]
fn files_of_the_context_count_by_content_and_mode_not_by_time() {
    let world = World::new();
    for step in [copy("/f", |_| ()), mounted(|_| ())] {
        let from = |context: StepResult| [layers(&[]), context];
        let plain = from(Context::result("text", 0o644, 1_600_000_000));
        world.check((&step, &plain), (&step, &from(Context::result("text", 0o644, 1_600_000_099))), SAME);
        world.check((&step, &plain), (&step, &from(Context::result("other", 0o644, 1_600_000_000))), OTHER);
        world.check((&step, &plain), (&step, &from(Context::result("text", 0o755, 1_600_000_000))), OTHER);
    }
}

#[test]
fn times_that_show_in_the_layer_are_part_of_the_keys_of_a_copy() {
    #[track_caller]
    fn check(clamp_s: i64, times_s: [i64; 2], same: bool) {
        let (world, step) = (World::new(), copy("/f", |_| ()));
        let keys = times_s.map(|mtime_s| {
            let from_context = [layers(&[]), Context::result("text", 0o644, mtime_s)];
            let from_stage = [layers(&[]), layers(&[world.layer("f", "text", mtime_s)])];
            [&from_context, &from_stage].map(|inputs| {
                [KeyKind::Definition, KeyKind::Content].map(|kind| {
                    let maker = KeyMaker::new(&world.layers, Clamp(clamp_s), &step, inputs);
                    maker.parts(kind).expect("the inputs can be read").key()
                })
            })
        });
        assert_eq!(keys[0] == keys[1], same, "{times_s:?} before {clamp_s}");
        assert_eq!(keys[0][0] == keys[1][0], same, "from the context");
        assert_eq!(keys[0][1] == keys[1][1], same, "from a stage");
    }
    let (in_2020, in_2021, in_2023) = (1_577_836_800, 1_609_459_200, 1_700_000_000);
    check(in_2023, [in_2020, in_2021], false);
    check(in_2023, [in_2023, in_2023 + 9], true);
    check(Clamp::STORE.0, [in_2020, in_2021], true);
    check(Clamp::STORE.0, [1, 99], false);
}

#[test]
fn the_outline_of_a_copy_is_all_but_its_files() {
    let world = World::new();
    let outline = |step: &Step, inputs: &[StepResult]| {
        let maker = KeyMaker::new(&world.layers, Clamp::STORE, step, inputs);
        maker.outline().expect("the inputs can be read").map(|parts| parts.key())
    };
    let on = |base: &[DiffId], text: &str| [layers(base), Context::result(text, 0o644, 1)];
    let plain = outline(&copy("/f", |_| ()), &on(&[], "text"));
    assert!(plain.is_some());
    assert_eq!(plain, outline(&copy("/f", |_| ()), &on(&[], "other")));
    assert_ne!(plain, outline(&copy("/g", |_| ()), &on(&[], "text")));
    assert_ne!(plain, outline(&copy("/f", |copy| copy.mode = Some(Mode::Octal(0o600))), &on(&[], "text")));
    let base = [world.layer("base", "base", 1)];
    assert_ne!(plain, outline(&copy("/f", |_| ()), &on(&base, "text")));
    // Nothing of these is read to make a key that a record may already have.
    assert_eq!(outline(&copy("/f", |_| ()), &[layers(&[]), layers(&base)]), None);
    assert_eq!(outline(&mounted(|_| ()), &on(&[], "text")), None);
}

#[test]
fn flags_of_a_copy_count_and_the_name_of_its_source_but_not_its_folder() {
    let world = World::new();
    let inputs = [layers(&[]), Context::result("x", 0o644, 1)];
    let check = |change: fn(&mut CopyAction), same| {
        world.check((&copy("/f", |_| ()), &inputs), (&copy("/f", change), &inputs), same);
    };
    check(|_| (), SAME);
    check(|copy| copy.destination = "/other".to_owned(), OTHER);
    check(|copy| copy.owner = Some("1:1".to_owned()), OTHER);
    check(|copy| copy.mode = Some(Mode::Octal(0o600)), OTHER);
    check(|copy| copy.excludes.push("*.log".to_owned()), OTHER);
    check(|copy| copy.keep_owner = true, OTHER);
    let parts = |path: &str| Parts::of(&copy(path, |_| ())).key();
    assert_eq!(parts("/d1/f"), parts("/d2/f"));
    assert_ne!(parts("/d1/f"), parts("/d1/g"));
}

#[test]
fn the_platform_counts_for_processes() {
    let (world, base) = (World::new(), [layers(&[])]);
    let arm = Step { platform: "linux/arm64".parse().expect("a platform"), ..run(|_| ()) };
    world.check((&run(|_| ()), &base), (&arm, &base), OTHER);
    let inputs = [layers(&[]), Context::result("x", 0o644, 1)];
    let arm = Step { platform: "linux/arm64".parse().expect("a platform"), ..copy("/f", |_| ()) };
    world.check((&copy("/f", |_| ()), &inputs), (&arm, &inputs), SAME);
}

#[test]
fn name_lines_and_stage_of_a_step_do_not_count() {
    let (world, base) = (World::new(), [layers(&[])]);
    let meta = StepMeta {
        name: "[other 7/9] RUN true".to_owned(),
        lines: Some(Lines::new(7, 9)),
        stage: "other".to_owned(),
        ignore_cache: true,
    };
    world.check((&run(|_| ()), &base), (&Step { meta, ..run(|_| ()) }, &base), SAME);
}

#[test]
fn a_miss_tells_what_changed() {
    let world = World::new();
    let base = [layers(&[])];
    let parts = |step: &Step| {
        KeyMaker::new(&world.layers, Clamp::STORE, step, &base)
            .parts(KeyKind::Content)
            .expect("the inputs can be read")
            .for_record()
    };
    let reason =
        |change: fn(&mut Exec)| crate::key::reason(&parts(&run(|_| ())), &parts(&run(change))).to_string();
    assert_eq!(reason(|exec| exec.env[1] = "A=2".to_owned()), "variable A changed from \"1\" to \"2\"");
    assert!(reason(|exec| exec.args[2] = "false".to_owned()).starts_with("the command changed"));
    assert_eq!(reason(|_| ()), "its result was removed from the store");
}
