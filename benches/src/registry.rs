//! A registry on loopback: Debian's `docker-registry`, which can be emptied.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::engine::{Kit, Trouble};
use crate::workload::{Base, PYTHON};

/// A registry whose process ends when this value is dropped.
#[derive(Debug)]
pub struct Registry {
    dir: PathBuf,
    port: u16,
    process: Option<Child>,
}

impl Registry {
    /// Prepares a registry. Its process starts when it is first needed.
    pub fn new(kit: &Kit) -> Result<Self, Trouble> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr());
        let port = free.map_err(Trouble::io("find a free port"))?.port();
        Ok(Self { dir: kit.dir.join("registry"), port, process: None })
    }

    /// Returns the address, with which the names of its images begin.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Restarts the registry without any image.
    pub fn empty(&mut self) -> Result<(), Trouble> {
        self.stop();
        if self.dir.exists() {
            fs::remove_dir_all(&self.dir).map_err(Trouble::io("empty the registry"))?;
        }
        fs::create_dir_all(&self.dir).map_err(Trouble::io("make the registry's folder"))?;
        self.start()
    }

    /// Restarts the registry with the Python image only, compressed with gzip as usual.
    pub fn with_python(&mut self, kit: &Kit) -> Result<(), Trouble> {
        if self.process.is_some() && self.dir.join("data/docker/registry/v2/repositories/python").exists() {
            return Ok(());
        }
        self.empty()?;
        let mut copy = Command::new("skopeo");
        copy.args(["--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false"])
            .arg(format!("docker-archive:{}", kit.bases.archive(Base::Python).display()))
            .arg(format!("docker://{}/{PYTHON}", self.address()));
        kit.meter.run(&copy)?;
        Ok(())
    }

    fn start(&mut self) -> Result<(), Trouble> {
        let config = self.dir.join("config.yml");
        let text = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {}\n",
            self.dir.join("data").display(),
            self.address()
        );
        fs::write(&config, text).map_err(Trouble::io("configure the registry"))?;
        let log = File::create(self.dir.join("log")).map_err(Trouble::io("write the registry's log"))?;
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.process = Some(command.spawn().map_err(Trouble::io("start docker-registry"))?);
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if Instant::now() > deadline {
                return Err(Trouble::NotHere("docker-registry does not start here".to_owned()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop();
    }
}
