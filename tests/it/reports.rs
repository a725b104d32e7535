//! The error reports of builds that fail: `<case>.dockerfile` and its report `<case>.txt`.
//!
//! ```text
//! tests/errors         wrong Dockerfiles, reported by `build --check`
//! tests/errors/steps   failing steps, reported by `build`
//! ```
//!
//! A first line `# args: …` has further arguments. `UPDATE=1` rewrites the reports for review.

use std::fs;
use std::path::Path;

use crate::env::{TestEnv, skip_unless};

#[test]
fn a_wrong_dockerfile_has_the_expected_report() {
    check("tests/errors", &["--check"], &TestEnv::bare());
}

#[test]
fn privileged_a_failed_step_has_the_expected_report() {
    let env = skip_unless!(TestEnv::new());
    env.file("app.py", "").file("src/main.py", "").file("secret.txt", "");
    env.file(".dockerignore", "# not for images\nsecret.*\n");
    check("tests/errors/steps", &["--progress", "quiet"], &env);
}

#[track_caller]
fn check(folder: &str, args: &[&str], env: &TestEnv) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut wrong = Vec::new();
    let mut cases = 0;
    for entry in fs::read_dir(&folder).expect("the directory of cases exists") {
        let path = entry.expect("the directory can be read").path();
        if path.extension().is_some_and(|extension| extension == "dockerfile") {
            wrong.extend(difference(&path, args, env));
            cases += 1;
        }
    }
    assert!(cases > 10, "{cases} cases in {}", folder.display());
    assert!(wrong.is_empty(), "UPDATE=1 rewrites these:\n{}", wrong.join("\n"));
}

/// Returns the report of a case if it differs from the expected one.
fn difference(case: &Path, args: &[&str], env: &TestEnv) -> Option<String> {
    let dockerfile = fs::read_to_string(case).expect("a case can be read");
    let more = dockerfile.lines().next().and_then(|line| line.strip_prefix("# args: ")).unwrap_or_default();
    let args: Vec<&str> = args.iter().copied().chain(more.split_whitespace()).collect();
    let report = env.build(&dockerfile, &args).fails(1).stderr();
    let golden = case.with_extension("txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&golden, &report).expect("a text can be written");
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    (report != expected).then(|| format!("{}. Now:\n{report}", golden.display()))
}
