//! What people are told of builds that fail: `<case>.dockerfile` beside `<case>.txt`.
//!
//! ```text
//! tests/errors         Dockerfiles that are wrong; `build --check` tells
//! tests/errors/steps   steps that fail; `build` tells
//! ```
//!
//! A first line `# args: ...` has more arguments. `UPDATE=1` rewrites the texts; whoever reviews reads the difference.

use std::fs;
use std::path::Path;

use crate::env::{TestEnv, skip_unless};

#[test]
fn wrong_dockerfiles_are_told_as_before() {
    check("tests/errors", &["--check"], &TestEnv::bare());
}

#[test]
fn privileged_failed_steps_are_told_as_before() {
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
    for entry in fs::read_dir(&folder).expect("the folder of cases is there") {
        let path = entry.expect("the folder can be read").path();
        if path.extension().is_some_and(|extension| extension == "dockerfile") {
            wrong.extend(difference(&path, args, env));
            cases += 1;
        }
    }
    assert!(cases > 10, "{cases} cases in {}", folder.display());
    assert!(wrong.is_empty(), "UPDATE=1 rewrites these:\n{}", wrong.join("\n"));
}

/// What is told now, if that is not what the text beside the case says.
fn difference(case: &Path, args: &[&str], env: &TestEnv) -> Option<String> {
    let dockerfile = fs::read_to_string(case).expect("a case can be read");
    let more = dockerfile.lines().next().and_then(|line| line.strip_prefix("# args: ")).unwrap_or_default();
    let args: Vec<&str> = args.iter().copied().chain(more.split_whitespace()).collect();
    let told = env.build(&dockerfile, &args).fails(1).stderr();
    let golden = case.with_extension("txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&golden, &told).expect("a text can be written");
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    (told != expected).then(|| format!("{}. Now:\n{told}", golden.display()))
}
