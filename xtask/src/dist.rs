//! `cargo xtask dist`: the binary that users get, and its symbols.
//!
//! `target/release/dsbuild` is static and stripped; `target/release/dsbuild.debug` has the symbols that a debugger or a
//! backtrace needs, and the binary names it. Needs `objcopy` (package `binutils`, which the linker needs as well).

use std::path::Path;
use std::process::Command;

use crate::command::{cargo, run_command, target_dir};

/// Largest size of the binary.
const MAX_BINARY_BYTES: u64 = 30_000_000;

/// Builds, strips and measures the binary.
///
/// The C library is linked into the binary, so that it runs on any Linux and no library or name service of the machine gets
/// into the process. The flag is given for the binary alone: for all crates it would stop procedural macros. On machines
/// with the musl target: `cargo build --release --locked --target x86_64-unknown-linux-musl`.
pub fn dist() -> bool {
    if !cargo("rustc --quiet --release --locked --bin dsbuild -- -C target-feature=+crt-static") {
        return false;
    }
    let folder = target_dir().join("release");
    strip(&folder) && is_small_enough(&folder.join("dsbuild"))
}

/// Replaces the binary by a stripped copy. The unstripped one remains in `deps/`, where cargo looks for it.
fn strip(folder: &Path) -> bool {
    let (binary, symbols, stripped) =
        (folder.join("dsbuild"), folder.join("dsbuild.debug"), folder.join("dsbuild.stripped"));
    if is_stripped(&binary) {
        return true;
    }
    let link = "--add-gnu-debuglink=dsbuild.debug";
    let done = objcopy(folder, &["--only-keep-debug".as_ref(), binary.as_ref(), symbols.as_ref()])
        && objcopy(folder, &["--strip-all".as_ref(), link.as_ref(), binary.as_ref(), stripped.as_ref()])
        && std::fs::rename(&stripped, &binary).is_ok();
    if !done {
        eprintln!("xtask: cannot strip {}; is objcopy installed (package binutils)?", binary.display());
    }
    done
}

/// Reports whether the file names its symbols, as a binary does that was stripped here.
fn is_stripped(binary: &Path) -> bool {
    let bytes = std::fs::read(binary).unwrap_or_default();
    bytes.windows(14).any(|window| window == b"dsbuild.debug\0") && bytes.len() as u64 <= MAX_BINARY_BYTES
}

fn objcopy(folder: &Path, arguments: &[&std::ffi::OsStr]) -> bool {
    run_command(Command::new("objcopy").current_dir(folder).args(arguments))
}

fn is_small_enough(binary: &Path) -> bool {
    let size_bytes = std::fs::metadata(binary).map_or(u64::MAX, |metadata| metadata.len());
    println!("{}: {:.1} MB, symbols in dsbuild.debug", binary.display(), size_bytes as f64 / 1e6);
    if size_bytes > MAX_BINARY_BYTES {
        eprintln!("xtask: the binary has more than {} MB", MAX_BINARY_BYTES / 1_000_000);
        return false;
    }
    true
}
