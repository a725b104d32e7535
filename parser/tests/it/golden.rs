//! Whole files beside what they parse to: `<case>.dockerfile` and `<case>.ast`.
//!
//! `UPDATE=1` rewrites the latter; whoever reviews reads the difference.

use std::{env, fs, path::Path};

fn parsed(text: &[u8]) -> String {
    match parser::parse(text) {
        Ok(file) => format!("{file:#?}\n"),
        Err(error) => format!("{error:#?}\n"),
    }
}

#[test]
fn files_parse_as_before() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases = 0;
    for entry in fs::read_dir(&folder).expect("the folder of golden files is there") {
        let path = entry.expect("the folder can be read").path();
        if path.extension().is_some_and(|extension| extension == "dockerfile") {
            check(&path);
            cases += 1;
        }
    }
    assert!(cases > 0, "no golden file in {}", folder.display());
}

#[track_caller]
fn check(path: &Path) {
    let got = parsed(&fs::read(path).expect("a golden file can be read"));
    let golden = path.with_extension("ast");
    if env::var_os("UPDATE").is_some() {
        fs::write(&golden, &got).expect("a golden file can be written");
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    assert!(got == expected, "{} differs; UPDATE=1 rewrites it. Now:\n{got}", golden.display());
}
