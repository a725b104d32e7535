//! This program as the one that runs in a sandbox, for what busybox cannot do.
//!
//! It needs the host's libraries, which are mounted read-only where the host has them.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::Path;

use sandbox::{Mount, MountSource, Spec};

use crate::env::{TestEnv, detached};

const FLAG: &str = "--probe";
const PLACE: &str = "/probe";

/// A spec that runs the probe `name` with `argument`.
pub fn spec(env: &TestEnv, name: &str, argument: &str) -> Spec {
    let mut spec = env.spec(&[PLACE, FLAG, name, argument]);
    let exe = std::env::current_exe().unwrap();
    let shown = [(exe.as_path(), PLACE)]
        .into_iter()
        .chain(["/lib", "/lib64", "/usr/lib"].map(|dir| (Path::new(dir), dir)));
    for (source, target) in shown.filter(|(source, _)| source.exists()) {
        let source = MountSource::Detached(detached(&source.canonicalize().unwrap()));
        spec.mounts.push(Mount { target: target.into(), source, read_only: true });
    }
    spec
}

/// Becomes the probe, where this process was started to be one.
#[allow(clippy::print_stdout, reason = "a probe prints what it found")]
pub fn run_if_asked() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [flag, name, argument] = args.as_slice() else { return };
    if flag != FLAG {
        return;
    }
    match name.as_str() {
        "socket" => print!("{}", read_socket(argument)),
        _ => panic!("no probe {name}"),
    }
    std::process::exit(0)
}

fn read_socket(path: &str) -> String {
    let mut text = String::new();
    UnixStream::connect(path).unwrap().read_to_string(&mut text).unwrap();
    text
}
