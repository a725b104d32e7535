//! A root file system with busybox, and running processes in it.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use sandbox::{
    Boundary, Capabilities, DetachedMount, Dns, Exit, Limits, Mount, MountSource, Network, Process,
    ProcessUser, Running, SandboxError, Seccomp, Spec, Stdio, exec, spawn,
};

const BUSYBOX: &str = "/bin/busybox";
pub const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Directories of one test: `<dir>/root` becomes `/`, and `<dir>/host` must not change unless a mount leads there.
pub struct TestEnv {
    dir: tempfile::TempDir,
}

/// Results of a process that has ended.
#[derive(Debug)]
pub struct Ran {
    pub exit: Exit,
    pub stdout: String,
    pub stderr: String,
    /// Paths of the mount points that had to be created.
    pub created: Vec<String>,
}

impl TestEnv {
    /// Makes the directories. Where sandboxes cannot be made, prints why the test is skipped and returns `None`.
    #[allow(clippy::print_stdout, reason = "a skipped test says so")]
    pub fn new() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            println!("SKIP needs root");
            return None;
        }
        if !Path::new(BUSYBOX).exists() {
            println!("SKIP needs {BUSYBOX} (busybox-static)");
            return None;
        }
        let env = Self { dir: tempfile::tempdir().expect("a temporary directory can be made") };
        env.fill();
        Some(env)
    }

    fn fill(&self) {
        let bin = self.root("bin");
        fs::create_dir_all(&bin).unwrap();
        fs::create_dir(self.host("")).unwrap();
        fs::write(self.host("canary"), "canary").unwrap();
        fs::create_dir(self.root("tmp")).unwrap();
        rustix::fs::chmod(self.root("tmp"), rustix::fs::Mode::from_raw_mode(0o1777)).unwrap();
        rustix::fs::chmod(self.dir.path(), rustix::fs::Mode::from_raw_mode(0o755)).unwrap();
        fs::copy(BUSYBOX, bin.join("busybox")).unwrap();
        for name in [
            "sh", "cat", "ls", "grep", "id", "sleep", "touch", "mkdir", "ln", "stat", "hostname", "awk",
            "df", "head", "wc", "mknod", "mount", "umount", "readlink", "true", "kill", "ps", "tty", "ip",
            "nc", "wget", "unshare", "chroot", "env", "pwd", "tr", "sort", "dmesg", "nslookup", "stty",
            "timeout", "test", "echo", "dd", "rm", "mv",
        ] {
            std::os::unix::fs::symlink("busybox", bin.join(name)).unwrap();
        }
    }

    /// Returns the path of `path` in the root file system.
    pub fn root(&self, path: &str) -> PathBuf {
        self.dir.path().join("root").join(path)
    }

    /// Returns the path of `path` in the directory that stands for the host.
    pub fn host(&self, path: &str) -> PathBuf {
        self.dir.path().join("host").join(path)
    }

    /// Copies this program to where every user can execute it.
    pub fn copy_of_ourselves(&self) -> PathBuf {
        let copy = self.dir.path().join("it");
        fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        copy
    }

    /// Makes `uid` the owner of the root file system, as after unpacking an image. Removes the files of earlier sandboxes.
    pub fn give_to(&self, uid: u32) {
        for dir in [self.root(""), self.root("tmp"), self.root("bin")] {
            std::os::unix::fs::chown(dir, Some(uid), Some(uid)).unwrap();
        }
        for path in ["made", "tmp/own"].map(|name| self.root(name)).into_iter().filter(|path| path.exists()) {
            fs::remove_file(path).unwrap();
        }
        let dirs = ["etc", "dev", "proc", "sys"].map(|name| self.root(name));
        dirs.iter().filter(|dir| dir.exists()).for_each(|dir| fs::remove_dir_all(dir).unwrap());
    }

    /// Panics if a sandbox has changed the directory that stands for the host.
    #[track_caller]
    pub fn check_host(&self) {
        let names: Vec<_> =
            fs::read_dir(self.host("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["canary"]);
        assert_eq!(fs::read_to_string(self.host("canary")).unwrap(), "canary");
    }

    /// Returns a spec that runs `args` as root.
    pub fn spec(&self, args: &[&str]) -> Spec {
        spec_of(&self.root(""), args)
    }

    /// Returns a spec that runs a shell script as root.
    pub fn script(&self, script: &str) -> Spec {
        self.spec(&["sh", "-c", script])
    }
}

/// Returns a spec that runs `args` as root on the root file system at `root`, with the host's network.
pub fn spec_of(root: &Path, args: &[&str]) -> Spec {
    Spec {
        root: detached(root),
        read_only_root: false,
        mounts: Vec::new(),
        process: Process {
            args: args.iter().map(OsString::from).collect(),
            env: vec![PATH.into()],
            cwd: "/".into(),
            user: ProcessUser { uid: 0, gid: 0, groups: vec![0], home: "/root".into() },
            capabilities: Capabilities::Default,
            seccomp: Seccomp::Default,
            rlimits: Vec::new(),
            stdio: Stdio::Piped,
        },
        network: Network::Host,
        hostname: "box".into(),
        hosts: Vec::new(),
        shm_size_bytes: None,
        host_ipc: false,
        limits: Limits::default(),
        insecure: false,
        read_only_etc: true,
        dns: Dns::default(),
        boundary: Boundary::default(),
    }
}

/// Clones a directory or file of the host as a mount.
pub fn detached(path: &Path) -> DetachedMount {
    DetachedMount::of_host_path(path).expect("root can clone a mount")
}

/// Runs a process to its end.
pub fn try_run(spec: Spec) -> Result<Ran, SandboxError> {
    collect(spawn(spec)?)
}

/// Runs the process of a spec to its end in a sandbox whose first process, of the same user, sleeps.
pub fn try_join(mut spec: Spec) -> Result<Ran, SandboxError> {
    let sleeper = ["sleep", "1000"].iter().map(OsString::from).collect();
    let process = copy(&spec.process);
    spec.process.args = sleeper;
    let first = spawn(spec)?;
    collect(exec(&first, process, false)?)
}

fn copy(process: &Process) -> Process {
    Process {
        args: process.args.clone(),
        env: process.env.clone(),
        cwd: process.cwd.clone(),
        user: process.user.clone(),
        capabilities: process.capabilities.clone(),
        seccomp: process.seccomp,
        rlimits: process.rlimits.clone(),
        stdio: Stdio::Piped,
    }
}

fn collect(mut running: Running) -> Result<Ran, SandboxError> {
    let created =
        running.created_mount_points().iter().map(|created| created.path.display().to_string()).collect();
    let (mut stdout, mut stderr) = (String::new(), String::new());
    if let Some((mut out, mut err)) = running.take_output() {
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            err.read_to_string(&mut text).map(|_| text)
        });
        out.read_to_string(&mut stdout).unwrap();
        stderr = errors.join().unwrap().unwrap();
    }
    Ok(Ran { exit: running.wait()?, stdout, stderr, created })
}

/// Runs a process to its end; panics if it could not be started.
#[track_caller]
pub fn run(spec: Spec) -> Ran {
    try_run(spec).unwrap_or_else(|error| panic!("{error}: {error:?}"))
}

/// Runs a process, which must succeed, and returns its output.
#[track_caller]
pub fn output(spec: Spec) -> String {
    let ran = run(spec);
    assert_eq!(ran.exit, Exit::Code(0), "{ran:?}");
    ran.stdout
}

/// Runs a script in a sandbox of its own and compares its output.
#[track_caller]
pub fn check(env: &TestEnv, script: &str, expected: &str) {
    assert_eq!(output(env.script(script)).trim_end(), expected, "{script}");
}

/// Returns a mount of `source` at `target`.
pub fn mount(target: &str, source: MountSource, read_only: bool) -> Mount {
    Mount { target: target.into(), source, read_only }
}

/// Returns the mount of a tmpfs of 4 MiB that every user can write to.
pub fn tmpfs(target: &str) -> Mount {
    mount(target, MountSource::Tmpfs { size_bytes: Some(4 << 20), mode: 0o1777 }, false)
}
