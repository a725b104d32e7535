//! Reports of contexts and Dockerfiles that cannot be read.

use std::path::Path;

use pipeline::input::InputError;
use sources::FetchError;

use super::Failure;
use super::blame::Blame;
use crate::exit::Fault;

/// Names of Dockerfiles that people use besides `Dockerfile`.
const OTHER_NAMES: [&str; 5] =
    ["Containerfile", "Dockerfile.dev", "Dockerfile.prod", "dev.Dockerfile", "prod.Dockerfile"];

impl Failure {
    /// Creates the failure of an input that cannot be read.
    pub fn of_input(error: &InputError) -> Self {
        let failure = Self::of(fault(error), error);
        match error {
            InputError::Fetch(FetchError::Canceled) => Self::canceled(),
            InputError::Dockerfile { is_named: true, file, .. } if !file.is_absolute() => {
                failure.hint("the path of --file starts at the current directory, not at the context")
            }
            InputError::Dockerfile { is_named: false, file, .. } => failure.hint(other_dockerfile(file)),
            _ => failure,
        }
    }
}

fn fault(error: &InputError) -> Fault {
    match error {
        InputError::StdinTwice | InputError::FileBesideStdin => Fault::Usage,
        InputError::Fetch(error) => error.fault(),
        _ => Fault::Input,
    }
}

/// Returns the way out if a context has no file `Dockerfile`: a file beside it that looks like one is named.
fn other_dockerfile(file: &Path) -> String {
    let usual = OTHER_NAMES.iter().map(|name| file.with_file_name(name)).find(|other| other.is_file());
    match usual {
        Some(other) => format!("there is {0}: use --file {0}", other.display()),
        None => "name the Dockerfile with --file, or pass it on stdin with --file -".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(files: &[&str], expected: &str) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for name in files {
            std::fs::write(dir.path().join(name), "FROM scratch\n").expect("a file can be written");
        }
        let hint = other_dockerfile(&dir.path().join("Dockerfile"));
        assert_eq!(hint.replace(&format!("{}/", dir.path().display()), ""), expected);
    }

    #[test]
    fn a_file_that_looks_like_the_missing_dockerfile_is_named() {
        check(&["Dockerfile.dev"], "there is Dockerfile.dev: use --file Dockerfile.dev");
        check(&["Containerfile", "Dockerfile.dev"], "there is Containerfile: use --file Containerfile");
        check(&["Makefile"], "name the Dockerfile with --file, or pass it on stdin with --file -");
    }
}
