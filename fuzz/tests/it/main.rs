//! The properties hold for the corpora: inputs that reach all the code that was ever reached, and former findings.

use std::{fs, panic, path::Path};

use fuzz::TARGETS;

#[test]
fn properties_hold_for_the_corpora() {
    for (name, check) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let mut inputs = 0;
        for entry in fs::read_dir(&folder).expect("each target has a corpus") {
            let path = entry.expect("the folder can be read").path();
            let input = fs::read(&path).expect("an input can be read");
            panic::catch_unwind(|| check(&input)).unwrap_or_else(|_| panic!("see above: {}", path.display()));
            inputs += 1;
        }
        assert!(inputs > 0, "no input in {}", folder.display());
    }
}
