//! Projects of several files: each folder of `tests/cases` is loaded, and the result compared with the one beside it.
//!
//! ```text
//! CASE/compose.yaml      first file; compose.override.yaml is merged into it, if it exists
//! CASE/env               variables, one a line
//! CASE/profiles          names of profiles, separated by blanks
//! CASE/expected.json     the project, in which the folder is written {DIR}; or
//! CASE/expected-error    the message
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use compose::{Disk, Request, Steps, Variables};

fn request(dir: &Path) -> Request {
    let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap_or_default();
    let variable = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let own: Variables = read("env").lines().filter_map(variable).collect();
    Request {
        files: compose::default_files(dir, &Disk).unwrap(),
        dir: dir.to_owned(),
        name: Some("p".to_owned()),
        variables: compose::read_env_files(&[], dir, &own, &Disk).unwrap(),
        profiles: read("profiles").split_whitespace().map(ToOwned::to_owned).collect(),
        home: Some(PathBuf::from("/home/me")),
        steps: Steps::default(),
    }
}

/// Returns the result of a case and what is expected, both as text.
fn run(dir: &Path) -> (String, String) {
    let neutral = |text: String| text.replace(&*dir.to_string_lossy(), "{DIR}");
    match compose::load(&request(dir), &Disk) {
        Ok(mut project) => {
            project.remove_unused();
            let expected = fs::read_to_string(dir.join("expected.json")).unwrap_or_default();
            (neutral(project.to_json()), expected)
        }
        Err(error) => {
            let expected = fs::read_to_string(dir.join("expected-error")).unwrap_or_default();
            (neutral(format!("{error}\n")), expected)
        }
    }
}

#[test]
fn each_case_gives_its_project() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut dirs: Vec<PathBuf> = fs::read_dir(cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    dirs.sort();
    assert!(dirs.len() >= 12, "only {} cases", dirs.len());
    for dir in dirs {
        let (got, expected) = run(&dir);
        assert!(got == expected, "{}\n== expected\n{expected}\n== got\n{got}", dir.display());
    }
}
