//! Hostile repositories, and logins.

use std::time::Instant;

use testing::http::Server;

use super::{TestEnv, add_submodule};
use crate::RemoteError;
use crate::git::{GitContext, GitError, GitRequest, fetch};

#[test]
fn submodules_at_forbidden_addresses_are_refused() {
    for url in [
        "file:///etc",
        "/etc",
        "ext::sh -c 'touch /tmp/dsbuild-e03'",
        "-oProxyCommand=x",
        "http://169.254.169.254/r",
    ] {
        let env = TestEnv::new();
        let repository = env.repository("r");
        let commit = repository.commit();
        add_submodule(&repository, "m", url, &commit);
        let error = env.fetch(|_| {}).expect_err(url);
        assert!(error.contains("is refused"), "{url}: {error}");
    }
}

#[test]
fn a_repository_can_be_its_own_submodule() {
    let env = TestEnv::new();
    let repository = env.repository("r");
    let commit = repository.commit();
    // A submodule that is its own repository, at the commit before, which has none.
    add_submodule(&repository, "m", "../.git", &commit);
    assert_eq!(env.names(&env.fetch(|_| {}).expect("fetched"), "m"), Vec::<String>::new());
}

#[test]
fn hostile_trees_end_the_build() {
    for name in [".git", "..", ".GIT", "a/b"] {
        let env = TestEnv::new();
        let repository = env.repository("r");
        repository.commit();
        let blob = repository.git_with(&["hash-object", "-w", "--stdin"], b"x");
        let hash: Vec<u8> =
            (0..40).step_by(2).map(|at| u8::from_str_radix(&blob[at..at + 2], 16).expect("hex")).collect();
        let tree = [format!("100644 {name}\0").as_bytes(), &hash].concat();
        let tree = repository.git_with(&["hash-object", "-t", "tree", "-w", "--literally", "--stdin"], &tree);
        let commit = repository.git(&["commit-tree", "-m", "x", &tree]);
        repository.git(&["update-ref", "refs/heads/evil", &commit]);
        let fetched = env.reference("evil");
        // git lists `a/b` as a file in a directory that does not exist.
        assert!(fetched.is_err(), "{name}: {fetched:?}");
    }
}

#[test]
fn names_that_look_like_flags_are_names() {
    let env = TestEnv::new();
    let repository = env.repository("r");
    let commit = repository.commit();
    let evil = "refs/heads/--upload-pack=touch-evil";
    repository.git(&["update-ref", evil, &commit]);
    repository.git(&["symbolic-ref", "HEAD", evil]);
    assert_eq!(env.fetch(|_| {}).expect("fetched").commit, commit);
    assert_eq!(env.reference("--upload-pack=touch-evil").expect("fetched").commit, commit);
}

#[test]
fn the_configuration_of_the_user_is_not_read() {
    let mut env = TestEnv::new();
    let repository = env.repository("r");
    repository.commit();
    let home = env.repositories.join("home");
    std::fs::create_dir_all(&home).expect("made");
    let marker = home.join("ran");
    let config = format!(
        "[core]\n\tfsmonitor = touch {0}\n\thooksPath = {0}\n[url \"ext::touch {0} \"]\n\tinsteadOf = http://\n",
        marker.display()
    );
    std::fs::write(home.join(".gitconfig"), config).expect("written");
    let gitconfig = home.join(".gitconfig").into_os_string();
    env.variables.insert("HOME".to_owned(), home.into_os_string());
    env.variables.insert("GIT_CONFIG_GLOBAL".to_owned(), gitconfig);
    assert!(env.fetch(|_| {}).is_ok());
    assert!(!marker.exists());
}

#[test]
fn a_commit_that_was_fetched_with_a_login_is_not_for_others() {
    // x-access-token:canary
    let mut env = TestEnv::with_login(Some("Basic eC1hY2Nlc3MtdG9rZW46Y2FuYXJ5"));
    let repository = env.repository("r");
    repository.write("f", "private");
    let commit = repository.commit();
    assert!(env.fetch(|_| {}).is_err());
    env.secrets.insert("GIT_AUTH_TOKEN".to_owned(), b"canary\n".to_vec());
    assert_eq!(env.fetch(|_| {}).expect("fetched").commit, commit);
    assert!(env.reference(&commit).expect("fetched").is_cached);
    env.secrets.clear();
    let error = env.reference(&commit).expect_err("not for others");
    assert!(!error.contains("canary"), "{error}");
    let with_user = env.server.url("/r/.git").replace("http://", "http://x-access-token:canary@");
    assert!(env.fetch(|request| request.remote = &with_user).is_ok());
}

#[test]
fn canceling_a_build_ends_git() {
    let env = TestEnv::new();
    let slow = Server::start(|_| {
        std::thread::sleep(std::time::Duration::from_secs(20));
        Vec::new()
    });
    let remote = slow.url("/r.git");
    let started = Instant::now();
    let context = GitContext {
        layers: &env.layers,
        secrets: &env.secrets,
        ssh_agent: None,
        variables: &env.variables,
        is_canceled: &|| started.elapsed().as_millis() > 200,
    };
    let request = GitRequest { remote: &remote, ..GitRequest::default() };
    assert!(matches!(fetch(&request, &context), Err(RemoteError::Git(GitError::Canceled))));
    assert!(started.elapsed().as_secs() < 10);
}
