//! Images that are pushed: to Debian's `docker-registry`, from where skopeo and another dsbuild read them.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::env::{Ran, TestEnv, skip_unless};

const PROGRAM: &str = "/usr/bin/docker-registry";

/// `user` with the password `secret`, as htpasswd writes it.
const USERS: &str = "user:$2b$04$4UZ3//Mgr3KtePJucOJJde5FfCWI2jR9pX5BYeyL78fcqarMOshOm\n";

/// `user:secret`
const LOGIN: &str = "dXNlcjpzZWNyZXQ=";

/// A registry of the test's own; ended when dropped.
pub struct Registry {
    child: Child,
    host: String,
}

impl Registry {
    /// In a folder of the test's. `users`: who may use it; anyone if absent.
    pub fn start(env: &TestEnv, users: Option<&str>) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").expect("bind").local_addr().expect("an address").port();
        let host = format!("127.0.0.1:{port}");
        let at = |name: &str| env.path(&format!("registry-{port}-{name}"));
        let mut config = format!(
            "version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '{host}'}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}}}\n",
            at("data").display()
        );
        if let Some(users) = users {
            fs::write(at("users"), users).expect("files can be written");
            config += &format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", at("users").display());
        }
        fs::write(at("config.yml"), config).expect("files can be written");
        let mut command = Command::new(PROGRAM);
        command.arg("serve").arg(at("config.yml")).stdout(Stdio::null()).stderr(Stdio::null());
        let registry = Self { child: command.spawn().expect("docker-registry starts"), host };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(&registry.host).is_err() {
            assert!(Instant::now() < deadline, "docker-registry does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }

    /// Returns the name of a repository of this registry.
    pub fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.host)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It is going away; there is nothing to do if it has already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A test's world where there is a registry to push to.
pub fn world() -> Result<TestEnv, String> {
    for program in [PROGRAM, "/usr/bin/skopeo"] {
        if !Path::new(program).exists() {
            return Err(format!("{program} is not installed"));
        }
    }
    TestEnv::new()
}

const DOCKERFILE: &str = "FROM base\nRUN echo pushed > /proof\nCMD [\"cat\", \"/proof\"]\n";

/// Builds the context with these arguments, and names of its own.
fn build(env: &TestEnv, dockerfile: &str, args: &[&str]) -> Ran {
    env.file("Dockerfile", dockerfile);
    let metadata = ["--metadata-file", "metadata.json"];
    env.dsbuild(&[&["build"], &metadata[..], args, &["context"]].concat())
}

/// What the build wrote down as the digest of the image.
fn built_digest(env: &TestEnv) -> String {
    let text = fs::read_to_string(env.path("metadata.json")).expect("the build wrote it");
    let metadata: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    metadata["containerimage.digest"].as_str().expect("it is an image").to_owned()
}

/// What a registry has under a name, by skopeo.
fn inspect(name: &str, args: &[&str]) -> serde_json::Value {
    let mut skopeo = Command::new("skopeo");
    skopeo.args(["inspect", "--tls-verify=false"]).args(args).arg(format!("docker://{name}"));
    let out = Ran(skopeo.output().expect("skopeo runs")).success().stdout();
    serde_json::from_str(&out).expect("it is JSON")
}

/// The media types of an image's layers.
fn layer_types(name: &str) -> Vec<String> {
    let manifest = inspect(name, &["--raw"]);
    let layers = manifest["layers"].as_array().expect("it has layers");
    layers.iter().map(|layer| layer["mediaType"].as_str().expect("text").to_owned()).collect()
}

#[test]
fn privileged_what_is_pushed_is_what_others_get() {
    let env = skip_unless!(world());
    let registry = Registry::start(&env, None);
    let (one, two) = (registry.name("team/app:1"), registry.name("team/app:2"));
    let first = build(&env, DOCKERFILE, &["--push", "-t", &one, "-t", &two]).success();
    assert!(first.stderr().contains(&format!("pushing manifest for {one}")), "{}", first.stderr());
    for name in [&one, &two] {
        assert_eq!(inspect(name, &[])["Digest"].as_str(), Some(&*built_digest(&env)));
        assert_eq!(layer_types(name), ["application/vnd.oci.image.layer.v1.tar+gzip"; 2]);
    }
    // Another machine, with an empty store, builds on it.
    let elsewhere = env.clean();
    elsewhere.build(&format!("FROM {two}\n"), &[]).success();
    let run = elsewhere.dsbuild(&["run", "--rm", "--network", "none", "t"]).success();
    assert_eq!(run.stdout(), "pushed\n");
    // It is here too, and pushing it again changes nothing.
    assert_eq!(env.dsbuild(&["run", "--rm", "--network", "none", &one]).success().stdout(), "pushed\n");
    let digest = built_digest(&env);
    build(&env, DOCKERFILE, &["--push", "-t", &one]).success();
    assert_eq!(built_digest(&env), digest);
}

#[test]
fn privileged_outputs_say_how_to_push() {
    let env = skip_unless!(world());
    let registry = Registry::start(&env, None);
    let name = registry.name("x/zstd:1");
    let output = format!("type=image,name={name},push=true,compression=zstd,registry.insecure=true");
    build(&env, DOCKERFILE, &["--output", &output]).success();
    assert_eq!(layer_types(&name), ["application/vnd.oci.image.layer.v1.tar+zstd"; 2]);

    let untagged = registry.name("x/by-digest");
    let output = format!("type=image,name={untagged},push-by-digest=true,push=true");
    build(&env, DOCKERFILE, &["--output", &output]).success();
    let digest = built_digest(&env);
    assert_eq!(inspect(&format!("{untagged}@{digest}"), &["--raw"])["schemaVersion"], 2);
    env.dsbuild(&["run", "--rm", "--network", "none", &untagged]).fails(125);

    let index = registry.name("x/index:1");
    let platforms = ["--platform", "linux/amd64,linux/arm64"];
    env.file("file", "one for all");
    let args = [&["--push", "-t", &index], &platforms[..]].concat();
    build(&env, "FROM scratch\nARG TARGETARCH\nCOPY file /$TARGETARCH\n", &args).success();
    let there = inspect(&index, &["--raw"]);
    assert_eq!(there["manifests"].as_array().map(Vec::len), Some(2));
    for arch in ["amd64", "arm64"] {
        assert_eq!(inspect(&index, &["--override-arch", arch])["Architecture"], arch);
    }
}

#[test]
fn privileged_registries_want_to_know_who_pushes() {
    let env = skip_unless!(world());
    let registry = Registry::start(&env, Some(USERS));
    let name = registry.name("team/app:1");
    let denied = build(&env, DOCKERFILE, &["--push", "-t", &name]).fails(1).stderr();
    assert!(denied.contains("refuses access (401)"), "{denied}");
    assert!(denied.contains(&format!("docker login {}", registry.host)), "{denied}");
    assert!(denied.contains(&format!("hint: the image is in the store as {name}")), "{denied}");
    assert_eq!(env.dsbuild(&["run", "--rm", "--network", "none", &name]).success().stdout(), "pushed\n");

    fs::create_dir(env.path("docker")).expect("folders can be made");
    let login = format!(r#"{{"auths":{{"{}":{{"auth":"{LOGIN}"}}}}}}"#, registry.host);
    fs::write(env.path("docker/config.json"), login).expect("files can be written");
    let metadata = ["--metadata-file", "metadata.json"];
    let mut command = env.command(&[&["build", "--push", "-t", &name, "context"], &metadata[..]].concat());
    Ran(command.env("DOCKER_CONFIG", env.path("docker")).output().expect("the binary runs")).success();
    let there = inspect(&name, &["--creds", "user:secret"]);
    assert_eq!(there["Digest"].as_str(), Some(&*built_digest(&env)));
}

#[test]
fn privileged_what_cannot_be_pushed_is_told() {
    let env = skip_unless!(TestEnv::new());
    let unnamed = build(&env, DOCKERFILE, &["--push"]).fails(2).stderr();
    assert!(unnamed.contains("needs a name"), "{unnamed}");
    assert!(!unnamed.contains("RUN"), "it is told before anything is built: {unnamed}");
    let nowhere = TcpListener::bind("127.0.0.1:0").expect("bind").local_addr().expect("an address");
    let unreachable = build(&env, DOCKERFILE, &["--push", "-t", &format!("{nowhere}/a:1")]).fails(1).stderr();
    assert!(unreachable.contains(&format!("cannot reach {nowhere}")), "{unreachable}");
}
