//! Ten keys, pinned: records in the stores of users are found under keys like these.
//!
//! If this test fails, either an encoding changed by accident (renaming a field must not do that), or on purpose: then raise
//! the version in `parts.rs` and pin the new keys.

use graph::{
    CacheSharing, CopyAction, CopySource, DeviceRequest, Exec, ExecMount, FileAction, FileOp, InputIndex,
    Mode, MountKind, NetworkMode, Op, SecretEnv, SecurityMode, SkippedInKey, Step, StepMeta, Ulimit,
};

use super::Parts;

fn key(op: Op) -> String {
    let platform = "linux/amd64".parse().expect("a platform");
    let step = Step { op, inputs: Vec::new(), platform, meta: StepMeta::default() };
    Parts::of(&step).key().to_string()[..16].to_owned()
}

fn exec(change: impl FnOnce(&mut Exec)) -> Op {
    let mut exec = Exec {
        args: ["/bin/sh", "-c", "make"].map(str::to_owned).into(),
        env: vec!["PATH=/bin".to_owned()],
        cwd: "/".to_owned(),
        hostname: "buildkitsandbox".to_owned(),
        ..Exec::default()
    };
    change(&mut exec);
    Op::Exec(Box::new(exec))
}

fn mount(kind: MountKind) -> Op {
    exec(|exec| exec.mounts.push(ExecMount { target: "/m".to_owned(), read_only: true, kind }))
}

fn copy(change: impl FnOnce(&mut CopyAction)) -> Op {
    let mut copy = CopyAction {
        from: CopySource::Input { input: InputIndex(1), path: "/src/f".into(), as_written: "src/f".into() },
        destination: "/d/".to_owned(),
        owner: None,
        mode: None,
        excludes: Vec::new(),
        parents: false,
        unpack: false,
        keep_owner: false,
        link: false,
        mtime_s: None,
    };
    change(&mut copy);
    Op::File(FileOp { base: Some(InputIndex(0)), actions: vec![FileAction::Copy(Box::new(copy))] })
}

fn cache() -> MountKind {
    MountKind::Cache {
        id: "pip".to_owned(),
        sharing: CacheSharing::Locked,
        from: None,
        source: "/".to_owned(),
        mode: Some(0o755),
        uid: Some(1000),
        gid: None,
    }
}

#[test]
fn keys_are_what_they_were() {
    let mkdir = FileAction::Mkdir { path: "/w".into(), mode: 0o755, owner: "1".into(), mtime_s: Some(7) };
    let full = exec(|exec| {
        exec.hosts = vec![("db".to_owned(), SkippedInKey("10.0.0.1".parse().expect("an address")))];
        exec.secret_env = vec![SecretEnv { variable: "T".into(), id: "t".into(), required: true }];
        exec.network = NetworkMode::None;
        exec.security = SecurityMode::Insecure;
        exec.shm_size_bytes = Some(1 << 20);
        exec.ulimits = vec![Ulimit { name: "nofile".to_owned(), soft: 1, hard: 2 }];
        exec.devices = vec![DeviceRequest { name: "v.com/gpu=all".to_owned(), required: false }];
    });
    let text = CopySource::Text { name: "f".to_owned(), content: "text\n".to_owned() };
    let secret = MountKind::Secret { id: "t".into(), mode: 0o400, uid: 0, gid: 0, required: true };
    let keys = [
        key(exec(|_| ())),
        key(full),
        key(mount(cache())),
        key(mount(secret)),
        key(mount(MountKind::Tmpfs { size_bytes: Some(1 << 20) })),
        key(mount(MountKind::Script { content: "#!/bin/sh\n".to_owned() })),
        key(copy(|_| ())),
        key(copy(|copy| copy.mode = Some(Mode::parse("u=rwX,go=rX").expect("a mode")))),
        key(copy(|copy| copy.from = text)),
        key(Op::File(FileOp { base: None, actions: vec![mkdir] })),
    ];
    let pinned = [
        "eb2ca976d2312b95",
        "9c77397db0f93df7",
        "d6fcadc1df656a48",
        "cc1686c812644fad",
        "2df3a677a0c73de8",
        "d1c9f267d99b8959",
        "6aac080da3c973ce",
        "93ba8f6b4754989b",
        "1051e3f12b2480a0",
        "c638059f0763516d",
    ];
    assert_eq!(keys, pinned);
}
