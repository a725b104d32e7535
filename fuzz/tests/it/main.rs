//! Checks the properties for the corpora: inputs that reach all code reached so far, and former counterexamples.

use std::{fs, panic, path::Path};

use fuzz::TARGETS;

#[test]
fn properties_hold_for_the_corpora() {
    for (name, check) in TARGETS {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let mut inputs = 0;
        for entry in fs::read_dir(&directory).expect("each target has a corpus") {
            let path = entry.expect("the directory can be read").path();
            let input = fs::read(&path).expect("an input can be read");
            panic::catch_unwind(|| check(&input))
                .unwrap_or_else(|_| panic!("{} is a counterexample, see above", path.display()));
            inputs += 1;
        }
        assert!(inputs > 0, "no input in {}", directory.display());
    }
}
