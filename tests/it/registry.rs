//! A registry for one test: Debian's `docker-registry`, on a free port of this machine.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::env::{Ran, TestEnv};

const PROGRAM: &str = "/usr/bin/docker-registry";

/// User `user` with the password `secret`, as htpasswd writes it.
const USERS: &str = "user:$2b$04$4UZ3//Mgr3KtePJucOJJde5FfCWI2jR9pX5BYeyL78fcqarMOshOm\n";

/// `user:secret` in base64, as docker's login file has it.
const LOGIN: &str = "dXNlcjpzZWNyZXQ=";

/// Registry that ends when it is dropped.
pub struct Registry {
    child: Child,
    /// Address, such as `127.0.0.1:40123`.
    pub host: String,
}

impl Registry {
    /// Starts a registry that everyone can use.
    pub fn open(env: &TestEnv) -> Self {
        Self::start(env, "", "")
    }

    /// Starts a registry that everyone can use by TLS, with a certificate that no authority has signed. It has the name of
    /// another machine, whose certificate is verified.
    pub fn with_tls(env: &TestEnv) -> Self {
        let fixture =
            |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("registry/tests/it/tls").join(name);
        let (certificate, key) = (fixture("own.crt"), fixture("own.key"));
        let tls = format!(", tls: {{certificate: {}, key: {}}}", certificate.display(), key.display());
        let mut registry = Self::start(env, &tls, "");
        registry.host = registry.host.replace("127.0.0.1", "[::ffff:127.0.0.1]");
        registry
    }

    /// Starts a registry that only `user` with the password `secret` can use.
    pub fn with_login(env: &TestEnv) -> Self {
        let users = env.path("registry-users");
        fs::write(&users, USERS).expect("files can be written");
        Self::start(env, "", &format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", users.display()))
    }

    /// Starts a registry; `tls` is a part of its section `http`, and `auth` a section of its own.
    fn start(env: &TestEnv, tls: &str, auth: &str) -> Self {
        let host = free_address();
        let (data, config) = (env.path("registry-data"), env.path("registry.yml"));
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '{host}'{tls}}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}}}\n{auth}",
            data.display()
        );
        fs::write(&config, text).expect("files can be written");
        let mut command = Command::new(PROGRAM);
        command.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let registry = Self { child: command.spawn().expect("docker-registry starts"), host };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(&registry.host).is_err() {
            assert!(Instant::now() < deadline, "docker-registry does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }

    /// Returns the name of an image in this registry.
    pub fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.host)
    }

    /// Writes docker's login file for this registry; returns the value of `DOCKER_CONFIG`.
    pub fn log_in(&self, env: &TestEnv) -> std::path::PathBuf {
        let folder = env.path("docker");
        fs::create_dir(&folder).expect("directories can be made");
        let login = format!(r#"{{"auths":{{"{}":{{"auth":"{LOGIN}"}}}}}}"#, self.host);
        fs::write(folder.join("config.json"), login).expect("files can be written");
        folder
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // The test is over. A registry that has ended already needs no killing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns a test environment if there is a registry to push to; the error says why not.
pub fn env_with_registry() -> Result<TestEnv, String> {
    for program in [PROGRAM, "/usr/bin/skopeo"] {
        if !Path::new(program).exists() {
            return Err(format!("{program} is not installed"));
        }
    }
    TestEnv::new()
}

/// Returns an address on which nobody listens.
pub fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

/// Returns what a registry has under a name, as skopeo sees it.
pub fn inspect(name: &str, args: &[&str]) -> serde_json::Value {
    let mut skopeo = Command::new("skopeo");
    skopeo.args(["inspect", "--tls-verify=false"]).args(args).arg(format!("docker://{name}"));
    let out = Ran(skopeo.output().expect("skopeo runs")).success().stdout();
    serde_json::from_str(&out).expect("it is JSON")
}
