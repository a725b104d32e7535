//! Base images of the builds, as docker archives that every tool loads.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::engine::{Dsbuild, Kit, Trouble};
use crate::workload::files::write;
use crate::workload::{BUSYBOX, Base};

/// Makes [`Base::Busybox`]: one static program under all its names.
pub fn make_busybox(kit: &Kit, dsbuild: &Dsbuild) -> Result<(), Trouble> {
    let busybox = Path::new("/bin/busybox");
    if !busybox.exists() {
        return Err(Trouble::NotHere("busybox-static is not installed: run scripts/setup".to_owned()));
    }
    let applets = kit.meter.output(Command::new(busybox).arg("--list"))?;
    let context = kit.dir.join("busybox");
    fill(&context, busybox, &applets).map_err(Trouble::io("make the busybox image"))?;
    dsbuild.archive(&context, BUSYBOX, &kit.bases.archive(Base::Busybox))
}

fn fill(context: &Path, busybox: &Path, applets: &str) -> std::io::Result<()> {
    let root = context.join("root");
    for folder in ["bin", "tmp", "root", "etc", "dev", "proc", "sys"] {
        fs::create_dir_all(root.join(folder))?;
    }
    fs::copy(busybox, root.join("bin/busybox"))?;
    for applet in applets.lines().filter(|name| *name != "busybox") {
        symlink("busybox", root.join("bin").join(applet))?;
    }
    write(&root.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n")?;
    write(&context.join("Dockerfile"), "FROM scratch\nCOPY root /\nENV PATH=/bin\nCMD [\"sh\"]\n")
}

/// Finds or makes [`Base::Python`], which takes minutes the first time.
pub fn make_python(kit: &Kit) -> Result<(), Trouble> {
    let archive = kit.bases.archive(Base::Python);
    if archive.exists() {
        return Ok(());
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/python-base");
    let home = std::env::var_os("XDG_CACHE_HOME")
        .map(Into::into)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    let home = home.ok_or_else(|| Trouble::NotHere("no home folder".to_owned()))?;
    let made = home.join("dsbuild/python-3.11.tar");
    kit.meter.run(Command::new(script).arg(&made))?;
    symlink(&made, &archive).map_err(Trouble::io("link the Python image"))
}
