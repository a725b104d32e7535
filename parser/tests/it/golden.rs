//! Golden files: Dockerfiles (`<case>.dockerfile`) and their syntax trees or errors (`<case>.ast`).
//!
//! Run the tests with `UPDATE=1` to rewrite the syntax trees, and review the difference.

use std::{env, fs, path::Path};

fn parsed(text: &[u8]) -> String {
    match parser::parse(text) {
        Ok(file) => format!("{file:#?}\n"),
        Err(error) => format!("{error:#?}\n"),
    }
}

#[test]
fn syntax_trees_equal_the_golden_files() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases = 0;
    for entry in fs::read_dir(&directory).expect("the directory of golden files exists") {
        let path = entry.expect("the directory can be read").path();
        if path.extension().is_some_and(|extension| extension == "dockerfile") {
            check(&path);
            cases += 1;
        }
    }
    assert!(cases > 0, "no golden file in {}", directory.display());
}

#[track_caller]
fn check(path: &Path) {
    let actual = parsed(&fs::read(path).expect("a golden file can be read"));
    let golden = path.with_extension("ast");
    if env::var_os("UPDATE").is_some() {
        fs::write(&golden, &actual).expect("a golden file can be written");
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    assert!(actual == expected, "{} differs; UPDATE=1 rewrites it. Now:\n{actual}", golden.display());
}
