//! Docker, podman and skopeo, as Debian ships them, use images of dsbuild.
//!
//! The command of the image prints facts that its configuration decides, so that the output of a container shows whether
//! another engine understood the image. Other engines run in namespaces of their own with an empty `/run`, and keep their
//! files in the directory of the test: they disturb no other installation, and nothing of them outlives the test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::env::{Ran, TestEnv, skip_unless};

const DOCKERFILE: &str = "FROM base AS made\n\
    RUN mkdir /out && echo made > /out/file && ln /out/file /out/hard && ln -s file /out/soft\n\
    FROM base\n\
    COPY --from=made --chown=app /out /srv/out\n\
    WORKDIR /srv\n\
    RUN rm /bin/od && touch gone && chmod 700 out\n\
    RUN rm gone && chown app .\n\
    ENV WHO=world EMPTY=\n\
    LABEL kind=test\n\
    EXPOSE 80/tcp\n\
    USER app\n\
    STOPSIGNAL SIGINT\n\
    ENTRYPOINT [\"sh\", \"-c\"]\n\
    CMD [\"echo hello $WHO; id -u; pwd; cat out/hard out/soft; stat -c %h,%U,%a out/hard; ls /bin/od gone 2>&1 | wc -l; touch new && echo writes\"]\n";

/// Output of the command of the image.
pub const EXPECTED: &str = "hello world\n1000\n/srv\nmade\nmade\n2,app,644\n2\nwrites\n";

/// Creates an environment with the image `t` in every output format. The error says which program is missing.
pub fn built(programs: &[&str]) -> Result<TestEnv, String> {
    programs.iter().try_for_each(|program| needs(program))?;
    let env = TestEnv::new()?;
    let outputs =
        ["type=image", "type=docker,dest=docker.tar", "type=oci,dest=oci.tar", "type=oci,tar=false,dest=oci"];
    let args: Vec<&str> = outputs.into_iter().flat_map(|output| ["--output", output]).collect();
    env.build(DOCKERFILE, &[&args[..], &["--metadata-file", "metadata.json"]].concat()).success();
    assert_eq!(env.dsbuild(&["run", "--rm", "--network", "none", "t"]).success().stdout(), EXPECTED);
    Ok(env)
}

/// Returns the digest of the image's configuration, which is the ID of the image.
fn image_id(env: &TestEnv) -> String {
    let text = fs::read_to_string(env.path("metadata.json")).expect("the build wrote it");
    let metadata: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    metadata["containerimage.config.digest"].as_str().expect("it names the image's configuration").to_owned()
}

/// Fails if a program is not installed.
pub fn needs(program: &str) -> Result<(), String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    if folders.any(|folder| folder.join(program).exists()) {
        return Ok(());
    }
    Err(format!("{program} is not installed"))
}

/// Returns a program in namespaces of its own, which end with it.
pub fn isolated(env: &TestEnv, program: &str) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--", "sh", "-c"])
        .arg("PATH=$PATH:/usr/sbin:/sbin; mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /dev/shm && exec \"$@\"")
        .args(["sh", program])
        .current_dir(env.path(""))
        .stdin(Stdio::null());
    command
}

pub fn ran(command: &mut Command) -> Output {
    command.output().expect("the program runs")
}

/// Cgroups of a test's containers. They are removed when this is dropped.
pub struct Cgroup(pub String);

impl Cgroup {
    /// Names the cgroup of the containers of an engine.
    pub fn new(engine: &str) -> Self {
        Self(format!("/dsbuild-test-{engine}-{}", std::process::id()))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let root = Path::new("/sys/fs/cgroup");
        // Version 1 has one hierarchy for each controller, version 2 one for all.
        [root.to_owned()]
            .into_iter()
            .chain(folders(root))
            .for_each(|hierarchy| remove(&hierarchy.join(&self.0[1..])));
    }
}

fn folders(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path())
}

/// Removes a cgroup with its children. An empty cgroup that is left does no harm, so that a failure is ignored.
fn remove(cgroup: &Path) {
    folders(cgroup).for_each(|child| remove(&child));
    let _ = fs::remove_dir(cgroup);
}

/// Docker daemon of one test. It ends when this is dropped.
struct Dockerd {
    process: Child,
    socket: PathBuf,
    _cgroup: Cgroup,
}

impl Dockerd {
    /// Starts a daemon. The error says why that is impossible here.
    fn start(env: &TestEnv) -> Result<Self, String> {
        let at = |name: &str| env.path("dockerd").join(name);
        fs::create_dir(env.path("dockerd")).expect("folders can be made");
        fs::write(at("daemon.json"), "{}").expect("files can be written");
        let log = fs::File::create(at("log")).expect("files can be written");
        let cgroup = Cgroup::new("docker");
        let mut command = isolated(env, "dockerd");
        command
            .args(["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"])
            .args([
                "--storage-driver=vfs",
                "--exec-opt=native.cgroupdriver=cgroupfs",
                "--cgroup-parent",
                &cgroup.0,
            ])
            .arg(format!("--host=unix://{}", at("socket").display()));
        for (flag, name) in
            [("config-file", "daemon.json"), ("data-root", "data"), ("exec-root", "exec"), ("pidfile", "pid")]
        {
            command.arg(format!("--{flag}")).arg(at(name));
        }
        let process = command.stdout(Stdio::null()).stderr(log).spawn().expect("unshare runs");
        let mut started = Self { process, socket: at("socket"), _cgroup: cgroup };
        started.wait_until_up().map_err(|()| {
            let log = fs::read_to_string(at("log")).unwrap_or_default();
            format!("dockerd does not start here: {}", log.lines().last().unwrap_or_default())
        })?;
        Ok(started)
    }

    fn wait_until_up(&mut self) -> Result<(), ()> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !ran(self.docker().arg("version")).status.success() {
            let ended = self.process.try_wait().expect("it is a child").is_some();
            if ended || Instant::now() > deadline {
                return Err(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Returns a client of the daemon, without a command.
    fn docker(&self) -> Command {
        let mut command = Command::new("docker");
        command.env("DOCKER_HOST", format!("unix://{}", self.socket.display())).stdin(Stdio::null());
        command
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        // All processes of its namespace end with process 1.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn privileged_docker_loads_runs_and_saves_an_image() {
    let env = skip_unless!(built(&["dockerd", "docker"]));
    let dockerd = skip_unless!(Dockerd::start(&env));
    let docker = |args: &[&str]| Ran(ran(dockerd.docker().args(args).current_dir(env.path("")))).success();
    assert_eq!(docker(&["load", "--quiet", "--input", "docker.tar"]).stdout(), "Loaded image: t:latest\n");
    assert_eq!(docker(&["run", "--rm", "--network=none", "t"]).stdout(), EXPECTED);
    let config =
        docker(&["inspect", "--format", "{{json .Config.Labels}} {{.Config.StopSignal}} {{.Id}}", "t"]);
    let id = format!("{{\"kind\":\"test\"}} SIGINT {}\n", image_id(&env));
    assert_eq!(config.stdout(), id);
    if needs("skopeo").is_ok() {
        docker(&["rmi", "t"]);
        skopeo_hands_over(&env, &dockerd);
        assert_eq!(docker(&["run", "--rm", "--network=none", "t"]).stdout(), EXPECTED);
    }
    docker(&["save", "--output", "saved.tar", "t"]);
    env.give("saved.tar");
    env.dsbuild(&["import", "--tag", "back", "saved.tar"]).success();
    assert_eq!(env.dsbuild(&["run", "--rm", "--network", "none", "back"]).success().stdout(), EXPECTED);
}

/// Copies the image from the store, which is an OCI layout, to the daemon.
fn skopeo_hands_over(env: &TestEnv, dockerd: &Dockerd) {
    let host = format!("--dest-daemon-host=unix://{}", dockerd.socket.display());
    let mut command = Command::new("skopeo");
    command.args(["--insecure-policy", "copy", "--quiet", &host, &in_store(env), "docker-daemon:t:latest"]);
    Ran(ran(&mut command)).success();
}

/// Returns skopeo's name for the image in the store.
fn in_store(env: &TestEnv) -> String {
    format!("oci:{}:docker.io/library/t:latest", env.store().display())
}

#[test]
fn privileged_podman_loads_and_runs_an_image() {
    let env = skip_unless!(built(&["podman"]));
    let runtime = skip_unless!(needs("runc").map(|()| "runc").or_else(|_| needs("crun").map(|()| "crun")));
    let cgroup = Cgroup::new("podman");
    let podman = |args: &[&str]| {
        let mut command = isolated(&env, "podman");
        for (flag, name) in [("root", "podman"), ("runroot", "podman-run"), ("tmpdir", "podman-tmp")] {
            command.arg(format!("--{flag}")).arg(env.path(name));
        }
        command.args(["--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--runtime", runtime]);
        Ran(ran(command.args(args))).success()
    };
    for form in ["docker.tar", "oci.tar"] {
        podman(&["load", "--quiet", "--input", form]);
        // podman's own limits are higher than root can set in some sandboxes.
        let limits = ["--ulimit=nofile=1000:1000", "--ulimit=nproc=1000:1000", "--cgroup-parent", &cgroup.0];
        let run = [&["run", "--rm", "--network=none"], &limits[..], &["t"]].concat();
        assert_eq!(podman(&run).stdout(), EXPECTED, "{form}");
        podman(&["rmi", "t"]);
    }
}

#[test]
fn privileged_skopeo_reads_every_output_format() {
    let env = skip_unless!(built(&["skopeo"]));
    let store = in_store(&env);
    let forms = ["docker-archive:docker.tar", "oci-archive:oci.tar", "oci:oci", "oci:oci:latest", &store];
    let config =
        fs::read(env.path("oci/blobs").join(image_id(&env).replace(':', "/"))).expect("the layout has it");
    for (n, form) in forms.into_iter().enumerate() {
        let skopeo =
            |args: &[&str]| Ran(ran(Command::new("skopeo").args(args).current_dir(env.path("")))).success();
        assert!(
            skopeo(&["inspect", "--config", "--raw", form]).0.stdout == config,
            "{form} has another configuration"
        );
        // Reads all layers, and checks their digests.
        skopeo(&["--insecure-policy", "copy", "--quiet", form, &format!("dir:copy{n}")]);
    }
    skopeo_copies_are_contexts(&env);
}

/// Builds on a layout that skopeo wrote.
fn skopeo_copies_are_contexts(env: &TestEnv) {
    let copied = ran(Command::new("skopeo")
        .args(["--insecure-policy", "copy", "--quiet", "docker-archive:docker.tar", "oci:copied:x"])
        .current_dir(env.path("")));
    Ran(copied).success();
    let context = format!("t=oci-layout://{}:x", env.path("copied").display());
    env.build("FROM t\nLABEL more=1\n", &["--build-context", &context]).success();
    assert_eq!(env.dsbuild(&["run", "--rm", "--network", "none", "t"]).success().stdout(), EXPECTED);
}
