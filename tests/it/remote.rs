//! Files from elsewhere: ADD of URLs and repositories, contexts that are no folder. Servers are on this machine.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::env::{Ran, TestEnv, skip_unless};

/// Serves the files of a folder by HTTP until the test's process ends; returns its address.
fn http_server(root: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
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

/// `git daemon` for the repositories of a folder.
struct GitServer {
    child: Child,
    address: String,
}

impl GitServer {
    fn start(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let folder = Command::new("git").arg("--exec-path").output().expect("git is installed").stdout;
        let program = Path::new(String::from_utf8_lossy(&folder).trim()).join("git-daemon");
        let child = Command::new(program)
            .args([
                "--export-all",
                "--reuseaddr",
                "--listen=127.0.0.1",
                &format!("--port={}", address.port()),
            ])
            .arg(format!("--base-path={}", root.display()))
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "safe.directory")
            .env("GIT_CONFIG_VALUE_0", "*")
            .stderr(Stdio::null())
            .spawn()
            .expect("git-daemon starts");
        let up = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            TcpStream::connect(address).is_ok()
        });
        assert!(up, "git-daemon does not answer");
        Self { child, address: format!("git://{address}") }
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes a repository of a folder's files, committed in 2023.
fn commit_all(folder: &Path) {
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

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders can be made");
    fs::write(path, text).expect("files can be written");
}

/// The files that a build left in `out`, with their texts, sorted.
fn left(env: &TestEnv) -> Vec<(String, String)> {
    let out = env.path("out");
    let mut folders = vec![out.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("listed").map(|entry| entry.expect("listed").path()) {
            match entry.is_dir() {
                true => folders.push(entry),
                false => {
                    let name = entry.strip_prefix(&out).expect("below").display().to_string();
                    found.push((name, fs::read_to_string(&entry).expect("read")));
                }
            }
        }
    }
    found.sort();
    let _ = fs::remove_dir_all(out);
    found
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// Builds to the folder `out`, `input` on stdin.
fn build(env: &TestEnv, args: &[&str], input: &[u8]) -> Ran {
    let mut command = env.command(&["build", "--progress=plain", "-o", "type=local,dest=out"]);
    let mut child = command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    // It may end without reading all.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    Ran(child.wait_with_output().expect("it ends"))
}

#[test]
fn privileged_files_and_repositories_are_added() {
    let env = skip_unless!(TestEnv::new());
    let web = http_server(env.path("web"));
    write(&env.path("web/file.txt"), "by http");
    write(&env.path("repositories/r/sub/f"), "by git");
    commit_all(&env.path("repositories/r"));
    let git = GitServer::start(&env.path("repositories"));
    let digest = "sha256:9b4a8b0b1d2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5";
    env.file(
        "Dockerfile",
        &format!("FROM scratch\nADD {web}/file.txt /a/\nADD {}/r#main:sub /b/\n", git.address),
    );
    build(&env, &["context"], b"").success();
    let expected = pairs(&[("a/file.txt", "by http"), ("b/f", "by git")]);
    assert_eq!(left(&env), expected);
    let again = build(&env, &["context"], b"").success();
    assert_eq!(left(&env), expected);
    assert!(again.stderr().matches("CACHED").count() >= 3, "{}", again.stderr());
    env.file("Dockerfile", &format!("FROM scratch\nADD --checksum={digest} {web}/file.txt /\n"));
    let mismatch = build(&env, &["context"], b"").fails(1);
    assert!(mismatch.stderr().contains("digest mismatch for http://127.0.0.1"), "{}", mismatch.stderr());
    env.file("Dockerfile", &format!("FROM scratch\nADD {web}/none /\n"));
    let missing = build(&env, &["context"], b"").fails(1);
    assert!(missing.stderr().contains("invalid response status 404"), "{}", missing.stderr());
    env.file("Dockerfile", &format!("FROM scratch\nADD {}/r#nope /\n", git.address));
    let missing = build(&env, &["context"], b"").fails(1);
    assert!(missing.stderr().contains("repository does not contain ref nope"), "{}", missing.stderr());
}

#[test]
fn privileged_contexts_come_from_everywhere() {
    let env = skip_unless!(TestEnv::new());
    let dockerfile = "FROM scratch\nCOPY f /\n";
    let folder = env.path("repositories/r");
    write(&folder.join("Dockerfile"), dockerfile);
    write(&folder.join("f"), "a file");
    write(&folder.join("sub/other.Dockerfile"), "FROM scratch\nCOPY g /\nCOPY --from=more f /more\n");
    write(&folder.join("sub/g"), "below");
    commit_all(&folder);
    let tar =
        Command::new("tar").args(["-C", folder.to_str().expect("UTF-8"), "-cz", "Dockerfile", "f"]).output();
    let tar = tar.expect("tar is installed").stdout;
    fs::create_dir(env.path("web")).expect("made");
    fs::write(env.path("web/context.tgz"), &tar).expect("written");
    write(&env.path("web/alone"), "FROM scratch\nCOPY <<EOF /f\nalone\nEOF\n");
    let web = http_server(env.path("web"));
    let git = GitServer::start(&env.path("repositories"));
    let file = pairs(&[("f", "a file")]);
    let check = |args: &[&str], input: &[u8], expected: &[(String, String)]| {
        build(&env, args, input).success();
        assert_eq!(left(&env), expected, "{args:?}");
    };
    check(&["-"], &tar, &file);
    check(&["-"], b"FROM scratch\nCOPY <<EOF /f\nalone\nEOF\n", &pairs(&[("f", "alone\n")]));
    check(&[&format!("{web}/context.tgz")], b"", &file);
    check(&[&format!("{web}/alone")], b"", &pairs(&[("f", "alone\n")]));
    check(&[&format!("{}/r", git.address)], b"", &file);
    let more = format!("--build-context=more={}/r#main", git.address);
    let below = pairs(&[("g", "below"), ("more", "a file")]);
    check(&["-f", "other.Dockerfile", &more, &format!("{}/r#main:sub", git.address)], b"", &below);
    check(&["-f", "-", &format!("{}/r", git.address)], dockerfile.as_bytes(), &file);
    // Questions are answered for them, too.
    for (context, input) in
        [(format!("{web}/context.tgz"), &b""[..]), (format!("{}/r", git.address), b""), ("-".into(), &tar)]
    {
        let targets = build(&env, &["--call", "targets,format=json", &context], input).success().stdout();
        let targets: serde_json::Value = serde_json::from_str(&targets).expect("JSON alone");
        assert_eq!(targets["targets"].as_array().map(Vec::len), Some(1), "{context}: {targets}");
        build(&env, &["--check", &context], input).success();
    }
    let none = build(&env, &["-f", "nope", &format!("{}/r", git.address)], b"").fails(1);
    assert!(none.stderr().contains("failed to read dockerfile nope"), "{}", none.stderr());
}

#[test]
fn privileged_images_are_dated_by_the_commit() {
    let env = skip_unless!(TestEnv::new());
    let created = |args: &[&str]| {
        let mut all = vec!["build", "-o", "type=oci,tar=false,dest=image"];
        all.extend(args);
        env.dsbuild(&all).success();
        let config = fs::read_dir(env.path("image/blobs/sha256")).expect("listed").find_map(|blob| {
            let text = fs::read_to_string(blob.expect("listed").path()).ok()?;
            let config: serde_json::Value = serde_json::from_str(&text).ok()?;
            config["created"].as_str().map(str::to_owned)
        });
        fs::remove_dir_all(env.path("image")).expect("removed");
        config.expect("a config")
    };
    env.file("Dockerfile", "FROM scratch\nCOPY f /\n").file("f", "");
    assert_eq!(created(&["context"]), "1980-01-02T00:00:00Z");
    commit_all(&env.path("context"));
    assert_eq!(created(&["context"]), "2023-11-14T22:13:20Z");
    fs::create_dir(env.path("repositories")).expect("made");
    fs::rename(env.path("context"), env.path("repositories/r")).expect("moved");
    let git = GitServer::start(&env.path("repositories"));
    let url = format!("{}/r", git.address);
    assert_eq!(created(&[&url]), "2023-11-14T22:13:20Z");
    // The date of a repository that is not the context: a named one, and a stage that is nothing else.
    let dockerfile = format!("FROM scratch AS source\nADD {url} /\nFROM scratch\nCOPY --from=source f /\n");
    env.file("Dockerfile", &dockerfile);
    let (named, epoch) = (format!("--build-context=more={url}"), "--build-arg=SOURCE_DATE_EPOCH=");
    assert_eq!(created(&[&named, &format!("{epoch}more"), "context"]), "2023-11-14T22:13:20Z");
    assert_eq!(created(&[&format!("{epoch}source"), "context"]), "2023-11-14T22:13:20Z");
    let wrong = env.dsbuild(&["build", &format!("{epoch}no"), "context"]).fails(1).stderr();
    assert!(wrong.contains("invalid SOURCE_DATE_EPOCH: no"), "{wrong}");
    assert_eq!(created(&["--build-arg", "SOURCE_DATE_EPOCH=context", &url]), "2023-11-14T22:13:20Z");
    assert_eq!(created(&["--build-arg", "SOURCE_DATE_EPOCH=0", &url]), "1970-01-01T00:00:00Z");
}
