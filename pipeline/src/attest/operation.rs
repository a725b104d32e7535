//! Operations of steps in the form of BuildKit's LLB, for the larger form of a provenance.
//!
//! Source: moby/buildkit, `solver/pb/ops.proto`; numbers stand for the values of its enumerations.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use graph::url::without_user;
use graph::{
    CopyAction, CopySource, Exec, ExecMount, FileAction, FileOp, ImageOrigin, InputIndex, MountKind,
    NetworkMode, Op, SecurityMode, Source, Step,
};
use serde_json::{Value, json};

/// Input of a mount or an action that has none.
const NO_INPUT: i64 = -1;

/// Returns the operation of a step; null for `FROM scratch`, which does nothing.
pub(super) fn of(step: &Step) -> Value {
    match &step.op {
        Op::Source(Source::Scratch) => Value::Null,
        Op::Source(source) => json!({ "source": { "identifier": identifier(source) } }),
        Op::Exec(exec) => json!({ "exec": process(exec) }),
        Op::File(file) => json!({ "file": { "actions": actions(file) } }),
        Op::Merge => {
            let inputs: Vec<Value> = (0..step.inputs.len()).map(|input| json!({ "input": input })).collect();
            json!({ "merge": { "inputs": inputs } })
        }
    }
}

/// Returns the platform that a process runs on, or that an image is for; null for other steps.
pub(super) fn platform(step: &Step) -> Value {
    let has_platform = matches!(step.op, Op::Exec(_) | Op::Source(Source::Image { .. }));
    if !has_platform {
        return Value::Null;
    }
    let mut platform = json!({ "Architecture": step.platform.architecture, "OS": step.platform.os });
    if let Some(variant) = &step.platform.variant {
        platform["Variant"] = variant.clone().into();
    }
    platform
}

fn identifier(source: &Source) -> String {
    match source {
        Source::Scratch => String::new(),
        Source::Image { name: ImageOrigin::Registry(name) | ImageOrigin::Store { name }, manifest } => {
            let bare = oci::Reference { digest: None, ..name.clone() };
            format!("docker-image://{bare}@{manifest}")
        }
        Source::Image { name: ImageOrigin::Layout { .. }, manifest } => format!("oci-layout://{manifest}"),
        Source::Local { name, .. } | Source::Stored { name, .. } => format!("local://{name}"),
        Source::Http { url, .. } => without_user(url),
        Source::Git { remote, reference, subdir, .. } => {
            let remote = without_user(remote);
            let path = remote.split_once("://").map_or(remote.as_str(), |(_, path)| path);
            let name = reference.as_deref().unwrap_or_default();
            match subdir {
                Some(subdir) => format!("git://{path}#{name}:{subdir}"),
                None if name.is_empty() => format!("git://{path}"),
                None => format!("git://{path}#{name}"),
            }
        }
    }
}

fn process(exec: &Exec) -> Value {
    let mut meta = json!({ "args": exec.args, "env": exec.env, "cwd": exec.cwd });
    if !exec.user.is_empty() {
        meta["user"] = exec.user.clone().into();
    }
    let root = json!({ "input": input(exec.root), "dest": "/", "output": 0 });
    let mounts: Vec<Value> = [root].into_iter().chain(exec.mounts.iter().map(mount)).collect();
    let mut process = json!({ "meta": meta, "mounts": mounts });
    match exec.network {
        NetworkMode::Default => {}
        NetworkMode::Host => process["network"] = 1.into(),
        NetworkMode::None => process["network"] = 2.into(),
    }
    if exec.security == SecurityMode::Insecure {
        process["security"] = 1.into();
    }
    if !exec.secret_env.is_empty() {
        let secret = |secret: &graph::SecretEnv| json!({ "ID": secret.id, "name": secret.variable, "optional": !secret.required });
        process["secretenv"] = exec.secret_env.iter().map(secret).collect::<Vec<_>>().into();
    }
    process
}

fn mount(mount: &ExecMount) -> Value {
    let common =
        |from: Option<InputIndex>| json!({ "input": input(from), "dest": mount.target, "output": -1 });
    let mut value = match &mount.kind {
        MountKind::Bind { from, source } => {
            let mut value = common(*from);
            value["selector"] = source.clone().into();
            value
        }
        MountKind::Cache { id, from, .. } => {
            let mut value = common(*from);
            value["mountType"] = 3.into();
            value["cacheOpt"] = json!({ "ID": id });
            value
        }
        other => {
            let mut value = common(None);
            let (kind, options) = options(other);
            value["mountType"] = kind.into();
            options.into_iter().for_each(|(key, options)| value[key] = options);
            value
        }
    };
    if mount.read_only {
        value["readonly"] = true.into();
    }
    value
}

/// Returns the number of a mount's type, and the options of that type.
fn options(kind: &MountKind) -> (u8, Option<(&'static str, Value)>) {
    match kind {
        MountKind::Secret { id, required, mode, .. } => {
            (1, Some(("secretOpt", json!({ "ID": id, "mode": mode, "optional": !required }))))
        }
        MountKind::Ssh { id, required, mode, .. } => {
            (2, Some(("SSHOpt", json!({ "ID": id, "mode": mode, "optional": !required }))))
        }
        MountKind::Tmpfs { size_bytes } => {
            (4, size_bytes.map(|size_bytes| ("TmpfsOpt", json!({ "size": size_bytes }))))
        }
        MountKind::Bind { .. } | MountKind::Cache { .. } | MountKind::Script { .. } => (0, None),
    }
}

fn actions(file: &FileOp) -> Vec<Value> {
    let last = file.actions.len().saturating_sub(1);
    let action = |(number, action): (usize, &FileAction)| {
        let output = if number == last { 0 } else { -1 };
        let (secondary, change) = change(action);
        json!({ "input": input(file.base), "secondaryInput": secondary, "output": output, "Action": change })
    };
    file.actions.iter().enumerate().map(action).collect()
}

/// Returns the input that an action copies from, and the action itself.
fn change(action: &FileAction) -> (i64, Value) {
    match action {
        FileAction::Mkdir { path, mode, .. } => {
            (NO_INPUT, json!({ "mkdir": { "path": path, "mode": mode, "makeParents": true } }))
        }
        FileAction::Copy(copy) => copied(copy),
    }
}

fn copied(copy: &CopyAction) -> (i64, Value) {
    let CopyAction { from, destination, owner, excludes, unpack, .. } = copy;
    let (secondary, key, mut change) = match from {
        CopySource::Input { input: from, path, .. } => {
            (input(Some(*from)), "copy", json!({ "src": path, "dest": destination }))
        }
        CopySource::Text { content, .. } => {
            (NO_INPUT, "mkfile", json!({ "path": destination, "data": STANDARD.encode(content) }))
        }
    };
    if let Some(owner) = owner {
        change["owner"] = owner.clone().into();
    }
    if !excludes.is_empty() {
        change["excludePatterns"] = excludes.clone().into();
    }
    if *unpack {
        change["attemptUnpackDockerCompatibility"] = true.into();
    }
    (secondary, json!({ key: change }))
}

fn input(index: Option<InputIndex>) -> i64 {
    index.map_or(NO_INPUT, |index| i64::try_from(index.0).unwrap_or(NO_INPUT))
}
