//! Files from elsewhere: ADD of URLs and repositories, contexts that are not directories, dates of commits.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::env::{Ran, TestEnv, skip_unless};
use crate::servers::{GitServer, commit_all, http_server};

const COPY_F: &str = "FROM scratch\nCOPY f /\n";

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a directory")).expect("directories can be made");
    fs::write(path, text).expect("files can be written");
}

/// Builds to the directory `out`, with `input` on stdin.
fn build(env: &TestEnv, args: &[&str], input: &[u8]) -> Ran {
    let mut command = env.command(&["build", "--progress=plain", "-o", "type=local,dest=out"]);
    let mut child = command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    // A build that fails early does not read all of its input.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    Ran(child.wait_with_output().expect("it ends"))
}

/// Returns the files that a build left in `out`, with their texts, sorted, and removes them.
fn take_output(env: &TestEnv) -> Vec<(String, String)> {
    let out = env.path("out");
    let mut folders = vec![out.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(folder).expect("the build wrote it").map(|entry| entry.expect("listed").path())
        {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                let name = entry.strip_prefix(&out).expect("it is below").display().to_string();
                found.push((name, fs::read_to_string(&entry).expect("files can be read")));
            }
        }
    }
    found.sort();
    fs::remove_dir_all(out).expect("directories can be removed");
    found
}

/// Builds with these arguments and expects these files.
#[track_caller]
fn check(env: &TestEnv, args: &[&str], input: &[u8], expected: &[(&str, &str)]) {
    build(env, args, input).success();
    let found = take_output(env);
    let found: Vec<(&str, &str)> = found.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(found, expected, "{args:?}");
}

/// A web server with `file.txt`, and a repository `r` with `sub/f`.
fn sources(env: &TestEnv) -> (String, GitServer) {
    write(&env.path("web/file.txt"), "by http");
    write(&env.path("repositories/r/sub/f"), "by git");
    commit_all(&env.path("repositories/r"));
    (http_server(env.path("web")), GitServer::start(&env.path("repositories")))
}

#[test]
fn privileged_add_takes_urls_and_repositories_and_caches_them() {
    let env = skip_unless!(TestEnv::new());
    let (web, git) = sources(&env);
    let dockerfile = format!("FROM scratch\nADD {web}/file.txt /a/\nADD {}/r#main:sub /b/\n", git.address);
    env.file("Dockerfile", &dockerfile);
    let expected = [("a/file.txt", "by http"), ("b/f", "by git")];
    check(&env, &["context"], b"", &expected);
    let again = build(&env, &["context"], b"").success();
    assert!(again.stderr().matches("CACHED").count() >= 3, "{}", again.stderr());
    assert_eq!(take_output(&env).len(), expected.len());
}

#[test]
fn privileged_add_fails_if_a_source_is_wrong() {
    let env = skip_unless!(TestEnv::new());
    let (web, git) = sources(&env);
    let digest = "sha256:9b4a8b0b1d2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5";
    let check = |source: &str, expected: &str| {
        env.file("Dockerfile", &format!("FROM scratch\nADD {source} /\n"));
        let error = build(&env, &["context"], b"").fails(1).stderr();
        assert!(error.contains(expected), "{source}: {error}");
    };
    check(&format!("--checksum={digest} {web}/file.txt"), "digest mismatch for http://127.0.0.1");
    check(&format!("{web}/none"), "invalid response status 404");
    check(&format!("{}/r#nope", git.address), "repository does not contain ref nope");
}

#[test]
fn privileged_an_archive_on_stdin_is_a_context() {
    let env = skip_unless!(TestEnv::new());
    check(&env, &["-"], &archive(&env), &[("f", "a file")]);
}

#[test]
fn privileged_a_dockerfile_on_stdin_needs_no_context() {
    let env = skip_unless!(TestEnv::new());
    check(&env, &["-"], b"FROM scratch\nCOPY <<EOF /f\nalone\nEOF\n", &[("f", "alone\n")]);
}

#[test]
fn privileged_a_url_of_an_archive_or_a_dockerfile_is_a_context() {
    let env = skip_unless!(TestEnv::new());
    fs::create_dir(env.path("web")).expect("directories can be made");
    fs::write(env.path("web/context.tgz"), archive(&env)).expect("files can be written");
    write(&env.path("web/alone"), "FROM scratch\nCOPY <<EOF /f\nalone\nEOF\n");
    let web = http_server(env.path("web"));
    check(&env, &[&format!("{web}/context.tgz")], b"", &[("f", "a file")]);
    check(&env, &[&format!("{web}/alone")], b"", &[("f", "alone\n")]);
}

/// Returns a compressed archive with a Dockerfile and the file `f`.
fn archive(env: &TestEnv) -> Vec<u8> {
    let folder = env.path("archived");
    write(&folder.join("Dockerfile"), COPY_F);
    write(&folder.join("f"), "a file");
    let folder = folder.to_str().expect("a UTF-8 path").to_owned();
    let ran = Command::new("tar").args(["-C", &folder, "-cz", "Dockerfile", "f"]).output();
    ran.expect("tar is installed").stdout
}

/// A repository `r` with a Dockerfile, and another one in `sub`.
fn repository(env: &TestEnv) -> GitServer {
    let folder = env.path("repositories/r");
    write(&folder.join("Dockerfile"), COPY_F);
    write(&folder.join("f"), "a file");
    write(&folder.join("sub/other.Dockerfile"), "FROM scratch\nCOPY g /\nCOPY --from=more f /more\n");
    write(&folder.join("sub/g"), "below");
    commit_all(&folder);
    GitServer::start(&env.path("repositories"))
}

#[test]
fn privileged_a_repository_is_a_context() {
    let env = skip_unless!(TestEnv::new());
    let git = repository(&env);
    check(&env, &[&format!("{}/r", git.address)], b"", &[("f", "a file")]);
    check(&env, &["-f", "-", &format!("{}/r", git.address)], COPY_F.as_bytes(), &[("f", "a file")]);
}

#[test]
fn privileged_a_directory_of_a_repository_is_a_context() {
    let env = skip_unless!(TestEnv::new());
    let git = repository(&env);
    let more = format!("--build-context=more={}/r#main", git.address);
    let args = ["-f", "other.Dockerfile", &more, &format!("{}/r#main:sub", git.address)];
    check(&env, &args, b"", &[("g", "below"), ("more", "a file")]);
}

#[test]
fn privileged_a_repository_without_the_dockerfile_fails() {
    let env = skip_unless!(TestEnv::new());
    let git = repository(&env);
    let error = build(&env, &["-f", "nope", &format!("{}/r", git.address)], b"").fails(1).stderr();
    assert!(error.contains("failed to read dockerfile nope"), "{error}");
}

#[test]
fn privileged_questions_about_a_fetched_context_are_answered() {
    let env = skip_unless!(TestEnv::new());
    let (git, tar) = (repository(&env), archive(&env));
    for (context, input) in [(format!("{}/r", git.address), &b""[..]), ("-".to_owned(), &tar)] {
        let targets = build(&env, &["--call", "targets,format=json", &context], input).success().stdout();
        let targets: serde_json::Value = serde_json::from_str(&targets).expect("JSON alone");
        assert_eq!(targets["targets"].as_array().map(Vec::len), Some(1), "{context}: {targets}");
        build(&env, &["--check", &context], input).success();
    }
}

/// Builds with these arguments; returns the creation time in the image's configuration.
fn created(env: &TestEnv, args: &[&str]) -> String {
    env.dsbuild(&[&["build", "-o", "type=oci,tar=false,dest=image"], args].concat()).success();
    let config = fs::read_dir(env.path("image/blobs/sha256")).expect("listed").find_map(|blob| {
        let text = fs::read_to_string(blob.expect("listed").path()).ok()?;
        let config: serde_json::Value = serde_json::from_str(&text).ok()?;
        config["created"].as_str().map(str::to_owned)
    });
    fs::remove_dir_all(env.path("image")).expect("directories can be removed");
    config.expect("a config")
}

#[test]
fn privileged_an_image_has_the_date_of_the_commit() {
    let env = skip_unless!(TestEnv::new());
    env.file("Dockerfile", COPY_F).file("f", "");
    assert_eq!(created(&env, &["context"]), "1980-01-02T00:00:00Z");
    commit_all(&env.path("context"));
    assert_eq!(created(&env, &["context"]), "2023-11-14T22:13:20Z");
}

#[test]
fn privileged_an_image_has_the_date_that_source_date_epoch_names() {
    let env = skip_unless!(TestEnv::new());
    let git = repository(&env);
    let url = format!("{}/r", git.address);
    let epoch = |value: &str| format!("--build-arg=SOURCE_DATE_EPOCH={value}");
    assert_eq!(created(&env, &[&url]), "2023-11-14T22:13:20Z");
    assert_eq!(created(&env, &[&epoch("context"), &url]), "2023-11-14T22:13:20Z");
    assert_eq!(created(&env, &[&epoch("0"), &url]), "1970-01-01T00:00:00Z");
    // The date of a repository that is not the context: a named context, and a stage that contains nothing else.
    let dockerfile = format!("FROM scratch AS source\nADD {url} /\nFROM scratch\nCOPY --from=source f /\n");
    env.file("Dockerfile", &dockerfile);
    let named = format!("--build-context=more={url}");
    assert_eq!(created(&env, &[&named, &epoch("more"), "context"]), "2023-11-14T22:13:20Z");
    assert_eq!(created(&env, &[&epoch("source"), "context"]), "2023-11-14T22:13:20Z");
    let error = env.dsbuild(&["build", &epoch("no"), "context"]).fails(1).stderr();
    assert!(error.contains("invalid SOURCE_DATE_EPOCH: no"), "{error}");
}

#[test]
fn a_dockerfile_that_is_a_symlink_out_of_the_context_is_not_shown() {
    let env = TestEnv::bare();
    write(&env.path("secret"), "ghp_SECRETTOKEN\n");
    std::os::unix::fs::symlink("../secret", env.path("context/Dockerfile")).expect("linked");
    for args in [
        &["build", "context"][..],
        &["build", "--check", "context"],
        &["build", "-f", "context/Dockerfile", "context"],
    ] {
        let ran = env.dsbuild(args).fails(1);
        let output = ran.stdout() + &ran.stderr();
        assert!(
            !output.contains("SECRET") && output.contains("its target is not in the context"),
            "{output}"
        );
    }
}

#[test]
fn a_fifo_is_refused_as_a_dockerfile() {
    let env = TestEnv::bare();
    let made = Command::new("mkfifo").arg(env.path("context/Dockerfile")).status();
    assert!(made.expect("mkfifo runs").success());
    let error = env.dsbuild(&["build", "context"]).fails(1).stderr();
    assert!(error.contains("not a regular file"), "{error}");
}

#[test]
fn a_dockerfile_can_come_from_a_pipe_of_the_shell() {
    let env = TestEnv::bare();
    let mut command = env.program("bash");
    command.args(["-c", "\"$0\" build --check -f <(echo FROM scratch) context"]).arg(env.binary());
    Ran(command.output().expect("bash runs")).success();
}

#[test]
fn a_dockerfile_in_lower_case_is_found_by_the_usual_name() {
    let env = TestEnv::bare();
    env.file("dockerfile", "FROM scratch\n");
    env.dsbuild(&["build", "--check", "context"]).success();
    env.dsbuild(&["build", "--check", "-f", "context/Dockerfile", "context"]).success();
    env.dsbuild(&["build", "--check", "-f", "context/Other", "context"]).fails(1);
}

#[test]
fn a_dockerfile_over_the_limit_is_refused_without_reading_it_all() {
    let env = TestEnv::bare();
    let file = fs::File::create(env.path("context/Dockerfile")).expect("files can be made");
    file.set_len(1 << 40).expect("a sparse file");
    let error = env.dsbuild(&["build", "context"]).fails(1).stderr();
    assert!(error.contains("greater than max allowed size of 1048576"), "{error}");
}

#[test]
fn an_ignore_file_that_is_a_symlink_out_of_the_context_gets_a_note() {
    let env = TestEnv::bare();
    env.file("Dockerfile", "FROM scratch\n").file("ignored/inside", "f\n");
    write(&env.path("patterns"), "f\n");
    let link = env.path("context/.dockerignore");
    let expected =
        "context/.dockerignore is a symlink whose target is not in the context: no file is excluded";
    for (target, has_note) in [("../patterns", true), ("ignored/inside", false)] {
        std::os::unix::fs::symlink(target, &link).expect("linked");
        for args in [&["build", "--check", "context"][..], &["context", "context"]] {
            let output = env.dsbuild(args).success().stderr();
            assert_eq!(output.contains(expected), has_note, "{target}: {output}");
        }
        fs::remove_file(&link).expect("files can be removed");
    }
}
