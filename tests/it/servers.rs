//! Servers for one test, on this machine: files by HTTP, git repositories.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::registry::free_address;

/// Serves the files of a directory by HTTP until the process of the test ends; returns the address.
pub fn http_server(root: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // A client may hang up at any time; the test looks at what the client does.
            let _ = serve(stream, &root);
        }
    });
    address
}

fn serve(mut stream: TcpStream, root: &Path) -> std::io::Result<()> {
    let mut lines = BufReader::new(&stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
    let (status, body) = match fs::read(root.join(path)) {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let times = "Last-Modified: Sun, 09 Sep 2001 01:46:40 GMT";
    let head = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{times}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}

/// `git daemon` for the repositories of a directory. It ends when this is dropped.
pub struct GitServer {
    child: Child,
    /// Address, such as `git://127.0.0.1:40123`.
    pub address: String,
}

impl GitServer {
    /// Starts the daemon and waits until it answers.
    pub fn start(root: &Path) -> Self {
        let address = free_address();
        let (_, port) = address.rsplit_once(':').expect("an address has a port");
        let folder = Command::new("git").arg("--exec-path").output().expect("git is installed").stdout;
        let program = Path::new(String::from_utf8_lossy(&folder).trim()).join("git-daemon");
        let child = Command::new(program)
            .args(["--export-all", "--reuseaddr", "--listen=127.0.0.1", &format!("--port={port}")])
            .arg(format!("--base-path={}", root.display()))
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "safe.directory")
            .env("GIT_CONFIG_VALUE_0", "*")
            .stderr(Stdio::null())
            .spawn()
            .expect("git-daemon starts");
        let is_up = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            TcpStream::connect(&address).is_ok()
        });
        assert!(is_up, "git-daemon does not answer");
        Self { child, address: format!("git://{address}") }
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        // The test is over. A daemon that has ended already needs no killing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes a repository of a directory's files, with one commit of 2023-11-14T22:13:20Z.
pub fn commit_all(folder: &Path) {
    let git = |arguments: &[&str]| {
        let status = Command::new("git")
            .args(["-c", "user.name=n", "-c", "user.email=e", "-c", "init.defaultBranch=main"])
            .args(arguments)
            .current_dir(folder)
            .env("GIT_COMMITTER_DATE", "1700000000 +0000")
            .status();
        assert!(status.expect("git is installed").success(), "git {arguments:?}");
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "-m", "x"]);
}
