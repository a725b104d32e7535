//! What people are told of wrong Dockerfiles: `tests/errors/<case>.dockerfile` beside `<case>.txt`.
//!
//! A first line `# args: ...` has more arguments for `dsbuild build --check`. `UPDATE=1` rewrites the texts; whoever
//! reviews reads the difference.

use std::fs;
use std::path::Path;

use crate::env::TestEnv;

#[test]
fn wrong_dockerfiles_are_told_as_before() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/errors");
    let mut wrong = Vec::new();
    let mut cases = 0;
    for entry in fs::read_dir(&folder).expect("the folder of wrong Dockerfiles is there") {
        let path = entry.expect("the folder can be read").path();
        if path.extension().is_some_and(|extension| extension == "dockerfile") {
            wrong.extend(difference(&path));
            cases += 1;
        }
    }
    assert!(cases > 30, "{cases} cases in {}", folder.display());
    assert!(wrong.is_empty(), "UPDATE=1 rewrites these:\n{}", wrong.join("\n"));
}

/// What is told now, if that is not what the text beside the case says.
fn difference(case: &Path) -> Option<String> {
    let dockerfile = fs::read_to_string(case).expect("a case can be read");
    let args = dockerfile.lines().next().and_then(|line| line.strip_prefix("# args: ")).unwrap_or_default();
    let args: Vec<&str> = std::iter::once("--check").chain(args.split_whitespace()).collect();
    let told = TestEnv::bare().build(&dockerfile, &args).fails(1).stderr();
    let golden = case.with_extension("txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&golden, &told).expect("a text can be written");
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    (told != expected).then(|| format!("{}. Now:\n{told}", golden.display()))
}
