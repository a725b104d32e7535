//! Python byte code has the time of its source, in tars with every clamp.

use std::io::Read;
use std::path::Path;

use oci::DiffId;
use rootfs::diff::{Content, Diff};
use rootfs::layers::{Clamp, Times};
use trees::entry::Entry;

use crate::support::{TestEnv, at, file, put_dir, put_entry};

/// Real time of the sources.
const REAL: u32 = 1_700_000_000;
/// Byte code whose source is in the layer and has the recorded time.
const WITH_SOURCE: [&str; 2] = ["__pycache__/a.cpython-311.pyc", "a.pyc"];
/// Byte code whose source has another time, or is missing.
const WITHOUT_SOURCE: [&str; 2] = ["other.pyc", "alone.pyc"];

/// Returns byte code with this source time.
fn byte_code(mtime: u32) -> Vec<u8> {
    [b"\xa7\x0d\r\n\0\0\0\0", &mtime.to_le_bytes()[..], b"\x05\0\0\0", b"code"].concat()
}

fn put_bytes(diff: &mut Diff, path: &str, entry: Entry, content: &[u8]) {
    diff.put(Path::new(path), entry, Some(Content::Bytes(content.into()))).expect("a file");
}

/// Makes a layer with sources and byte code.
fn python_layer(env: &TestEnv) -> DiffId {
    let mut diff = env.diff(&[]);
    put_dir(&mut diff, "__pycache__");
    let code = byte_code(REAL);
    for name in WITH_SOURCE.into_iter().chain(WITHOUT_SOURCE) {
        put_bytes(&mut diff, name, at(file(code.len()), i64::from(REAL) + 1), &code);
    }
    put_entry(&mut diff, "a.py", at(file(5), i64::from(REAL)), "print");
    put_entry(&mut diff, "other.py", at(file(5), i64::from(REAL) - 7), "print");
    env.layers.commit(diff).expect("a layer")
}

/// Returns the content of a file in the tar of a layer.
fn in_tar(env: &TestEnv, layer: &DiffId, name: &str) -> Vec<u8> {
    let tar = env.tar(layer);
    let mut archive = tar::Archive::new(&tar[..]);
    let mut entries = archive.entries().expect("a tar").map(|entry| entry.expect("an entry"));
    let mut entry = entries.find(|entry| entry.path().expect("a path") == Path::new(name)).expect("the file");
    let mut content = Vec::new();
    entry.read_to_end(&mut content).expect("its content");
    content
}

#[test]
fn byte_code_in_a_tar_has_the_clamped_time_of_its_source() {
    let env = TestEnv::new();
    let layer = python_layer(&env);
    let rewrite = |times| env.layers.rewrite(&layer, times).expect("a layer");
    for (layer, mtime) in [
        (layer, 315_619_200),
        (rewrite(Times::Clamped(Clamp(1_500_000_000))), 1_500_000_000),
        (rewrite(Times::Real), REAL),
    ] {
        for name in WITH_SOURCE {
            assert_eq!(in_tar(&env, &layer, name), byte_code(mtime), "{name}");
        }
    }
}

#[test]
fn byte_code_without_its_source_is_not_changed() {
    let env = TestEnv::new();
    let layer = python_layer(&env);
    for name in WITHOUT_SOURCE {
        assert_eq!(in_tar(&env, &layer, name), byte_code(REAL), "{name}");
    }
}

#[test]
fn byte_code_in_a_tree_has_the_real_time_of_its_source() {
    let env = TestEnv::new();
    let view = env.layers.view(&[python_layer(&env)]).expect("a view");
    let digest = view.content(Path::new("a.pyc")).expect("a digest");
    assert_eq!(digest, cache::ContentDigest::of(&byte_code(REAL)));
    let mut content = Vec::new();
    view.open(Path::new("a.pyc")).expect("a file").read_to_end(&mut content).expect("its content");
    assert_eq!(content, byte_code(REAL));
}
