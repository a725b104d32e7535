//! Base image, build context and expected digests of a sweep, in a directory of its own.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::error::SweepError;
use crate::judge;
use crate::process::Call;

/// Variants of the image that the context builds, by the build argument `N`.
pub const VARIANTS: usize = 4;

/// Static busybox of the machine, from which the base image is made.
const BUSYBOX: &str = "/usr/bin/busybox";

/// Programs of the base image, all of them busybox.
const APPLETS: [&str; 9] = ["cat", "echo", "find", "ls", "mkdir", "seq", "sh", "sha256sum", "sleep"];

/// Usual recipe of the image: copies, commands, several stages, and a cache mount.
pub const DOCKERFILE: &str = "FROM busybox AS made
ARG N=0
COPY d /d
RUN set -e; echo $N > /n; cat /d/* > /all; mkdir /m; for i in $(seq 30); do echo $i $N > /m/$i; done
FROM busybox
COPY --from=made /all /n /
COPY --from=made /m /m
RUN --mount=type=cache,target=/cache cat /n /all > /sum
LABEL purpose=sweep
";

/// Recipe whose only program makes one system call that matters, and fails if that call fails.
///
/// Injected errors reach the programs of RUN as well. A shell that loses data to an interrupted write is not the fault
/// of the binary under test.
pub const SIMPLE_DOCKERFILE: &str = "FROM busybox AS made
ARG N=0
COPY d /d
RUN [\"/bin/mkdir\", \"/m\"]
FROM busybox
ARG N=0
ENV N=$N
COPY --from=made /d /m /
LABEL purpose=sweep
";

/// Files of the context's directory `d`.
const CONTEXT_FILES: usize = 20;

/// Everything that the points of a sweep share. Nothing of it changes while the sweep runs.
#[derive(Debug)]
pub struct World {
    /// Directory of this sweep.
    pub dir: PathBuf,
    /// Path of the binary under test.
    pub dsbuild: PathBuf,
    /// Build context with its Dockerfile.
    pub context: PathBuf,
    /// Root file system of the base image, as a tar to import.
    pub base: PathBuf,
    /// Store that holds only the base image, to be copied.
    pub template: PathBuf,
    /// Store that also holds the images of variant 0 (`image`) and 1 (`other`), to be copied.
    pub built: PathBuf,
    /// Manifest digests of the variants, from a clean store.
    pub digests: Vec<String>,
    /// SHA-256 of the variants' OCI archives, from a clean store.
    pub archives: Vec<String>,
}

impl World {
    /// Creates the base image, the context and the template, and builds every variant once in a clean store.
    pub fn create(dir: &Path, dsbuild: &Path, dockerfile: &str) -> Result<Self, SweepError> {
        let [context, base, template, built] =
            ["context", "base.tar", "template", "built"].map(|name| dir.join(name));
        write_context(&context, dockerfile)?;
        write_base(&dir.join("base"), &base)?;
        let (dir, dsbuild, digests, archives) = (dir.to_owned(), dsbuild.to_owned(), Vec::new(), Vec::new());
        let mut world = Self { dir, dsbuild, context, base, template, built, digests, archives };
        world.import(&world.template).expect_success()?;
        copy_store(&world.template, &world.built)?;
        for (variant, tag) in ["image", "other"].into_iter().enumerate() {
            world.build_as(&world.built, variant, tag).expect_success()?;
        }
        world.learn()?;
        Ok(world)
    }

    /// Builds and exports every variant in a clean store, and keeps the digests.
    fn learn(&mut self) -> Result<(), SweepError> {
        let clean = self.copy_of(&self.template, "clean")?;
        let archive = self.dir.join("clean.oci.tar");
        for variant in 0..VARIANTS {
            let output = self.build(&clean, variant).expect_success()?;
            self.digests.push(judge::digest(&output).unwrap_or_default().to_owned());
            self.export(&clean, variant, &archive).expect_success()?;
            self.archives.push(hash(&archive)?);
        }
        fs::remove_file(&archive).map_err(SweepError::at(&archive))?;
        remove(&clean)
    }

    /// Prepares a command of the binary.
    pub fn call<'a>(&self, store: &Path, args: impl IntoIterator<Item = &'a str>) -> Call {
        Call::new(&self.dsbuild, store).args(args).limit(Duration::from_secs(60))
    }

    /// Prepares `build -q` of a variant under the name `image`, which prints the digest of the image.
    pub fn build(&self, store: &Path, variant: usize) -> Call {
        self.build_as(store, variant, "image")
    }

    /// Prepares `build -q` of a variant under the name `tag`.
    pub fn build_as(&self, store: &Path, variant: usize, tag: &str) -> Call {
        self.build_with(store, variant, ["-t", tag])
    }

    /// Prepares `build -q` of a variant into an OCI archive.
    pub fn export(&self, store: &Path, variant: usize, archive: &Path) -> Call {
        self.build_with(store, variant, ["-o", &format!("type=oci,dest={}", archive.display())])
    }

    /// Prepares `build -q` of a variant with more flags.
    pub fn build_with<'a>(
        &self,
        store: &Path,
        variant: usize,
        flags: impl IntoIterator<Item = &'a str>,
    ) -> Call {
        let argument = format!("N={variant}");
        self.call(store, ["build", "-q", "--build-arg", &argument]).args(flags).args([&self.context])
    }

    /// Prepares the import of the base image.
    pub fn import(&self, store: &Path) -> Call {
        self.call(store, ["import", "--tag", "busybox:latest"]).args([&self.base])
    }

    /// Copies a store to `name` in the directory of the sweep, in place of an older copy.
    pub fn copy_of(&self, store: &Path, name: &str) -> Result<PathBuf, SweepError> {
        let copy = self.dir.join(name);
        copy_store(store, &copy)?;
        Ok(copy)
    }
}

/// Copies a store with all attributes and hard links, in place of `copy`.
pub fn copy_store(store: &Path, copy: &Path) -> Result<(), SweepError> {
    remove(copy)?;
    let (from, to) = (store.display().to_string(), copy.display().to_string());
    program("cp", &["-a", &from, &to])
}

/// Removes a directory with everything in it; an absent one is no error.
pub fn remove(dir: &Path) -> Result<(), SweepError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(SweepError::at(dir)(error)),
        _ => Ok(()),
    }
}

/// Returns the SHA-256 of a file in hexadecimal.
pub fn hash(file: &Path) -> Result<String, SweepError> {
    let bytes = fs::read(file).map_err(SweepError::at(file))?;
    Ok(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Runs a program of the machine that has to succeed.
pub fn program(name: &str, args: &[&str]) -> Result<(), SweepError> {
    Call::new(Path::new(name), Path::new("/nonexistent/store")).args(args).expect_success().map(drop)
}

fn write_context(context: &Path, recipe: &str) -> Result<(), SweepError> {
    let files = context.join("d");
    fs::create_dir_all(&files).map_err(SweepError::at(&files))?;
    for number in 0..CONTEXT_FILES {
        let file = files.join(format!("f{number}"));
        fs::write(&file, format!("{number} of the context\n").repeat(100)).map_err(SweepError::at(&file))?;
    }
    let dockerfile = context.join("Dockerfile");
    fs::write(&dockerfile, recipe).map_err(SweepError::at(&dockerfile))
}

/// Writes a root file system of busybox, and packs it.
fn write_base(root: &Path, tar: &Path) -> Result<(), SweepError> {
    if !Path::new(BUSYBOX).exists() {
        return Err(SweepError::MissingProgram("busybox-static"));
    }
    for dir in ["bin", "etc", "tmp"] {
        fs::create_dir_all(root.join(dir)).map_err(SweepError::at(root))?;
    }
    fs::copy(BUSYBOX, root.join("bin/busybox")).map_err(SweepError::at(Path::new(BUSYBOX)))?;
    for applet in APPLETS {
        symlink("busybox", root.join("bin").join(applet)).map_err(SweepError::at(root))?;
    }
    let accounts = root.join("etc/passwd");
    fs::write(&accounts, "root:x:0:0:root:/:/bin/sh\n").map_err(SweepError::at(&accounts))?;
    let (root, tar) = (root.display().to_string(), tar.display().to_string());
    program("tar", &["-C", &root, "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "-cf", &tar, "."])
}
