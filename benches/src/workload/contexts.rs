//! Contexts of the scenarios: each function writes the files and Dockerfiles of one scenario.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use super::files::write;
use super::{BIG, BUSYBOX, PYTHON};

/// Returns a Dockerfile of these lines on busybox.
pub fn from(rest: &str) -> String {
    format!("FROM {BUSYBOX}\n{rest}")
}

/// Returns a Dockerfile of `count` lines on busybox.
pub fn repeated(count: usize, step: impl Fn(usize) -> String) -> String {
    from(&(0..count).map(step).collect::<String>())
}

/// `count` steps, COPY and RUN alternately, each of one small file.
pub fn many_steps(dir: &Path, count: usize) -> io::Result<()> {
    write(&dir.join("context/file"), "one line\n")?;
    let steps = |n| if n % 2 == 0 { format!("COPY file /c{n}\n") } else { format!("RUN echo {n} > /r{n}\n") };
    write(&dir.join("context/Dockerfile"), &repeated(count, steps))
}

/// `big/` is an image with this many thousand files; `context/` has a RUN on top of it that touches one.
pub fn root_of_files(dir: &Path, thousands: usize) -> io::Result<()> {
    let files = format!(
        "RUN for d in $(seq {thousands}); do mkdir -p /many/$d && cd /many/$d && touch $(seq 1000); done\n"
    );
    write(&dir.join("big/Dockerfile"), &from(&files))?;
    write(&dir.join("context/nonce"), "first\n")?;
    write(&dir.join("context/Dockerfile"), &format!("FROM {BIG}\nCOPY nonce /nonce\nRUN touch /many/1/500\n"))
}

/// The fixture `nine-steps` of this project, on the base image that all tools have.
pub fn nine_steps(dir: &Path) -> io::Result<()> {
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
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &dest)?;
        } else {
            std::fs::copy(entry.path(), dest)?;
        }
    }
    Ok(())
}

/// Six stages that sleep for 2 s each, and a last one that copies from all.
pub fn six_stages(dir: &Path) -> io::Result<()> {
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
pub fn image_of_size(dir: &Path, gib: u64) -> io::Result<()> {
    let files = gib * 64;
    let make =
        format!("RUN mkdir /data && for n in $(seq {files}); do head -c 16m /dev/urandom > /data/$n; done\n");
    write(&dir.join("big/Dockerfile"), &from(&make))?;
    write(&dir.join("context/app.txt"), "first\n")?;
    write(&dir.join("context/Dockerfile"), &format!("FROM {BIG}\nCOPY app.txt /app.txt\n"))
}

/// Packages from PyPI, with a cache mount.
pub fn pip(dir: &Path) -> io::Result<()> {
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
