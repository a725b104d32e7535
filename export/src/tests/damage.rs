//! Damaged blobs end an export, and so does the user.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Built, TIMES};
use crate::ExportError;

/// Changes one byte in the content of a file of a layer's tar.
fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).expect("read");
    bytes[512] ^= 1;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("writable");
    std::fs::write(path, bytes).expect("write");
}

#[test]
fn a_damaged_layer_is_never_exported() {
    #[track_caller]
    fn check(layer: usize, output: &str) {
        let built = Built::new(&["linux/amd64"]);
        let dest = built.env.path("out");
        damage(&built.env.store.blob_path(&built.layers[layer].0));
        let output = output.replace("DEST", &dest.display().to_string());
        let error = built.try_export(&output, TIMES).expect_err(&output);
        let digest = built.layers[layer].0;
        assert!(
            matches!(error, ExportError::Damaged { digest: found } if found == digest),
            "{output}: {error:?}"
        );
        assert!(error.to_string().contains(&digest.to_string()), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("dsbuild check --repair")));
        assert_eq!(
            built.env.store.stat_blob(&digest).expect("a lookup"),
            None,
            "the damaged blob is removed"
        );
        assert!(
            !dest.join("index.json").exists() && !dest.join("own").exists() && !dest.is_file(),
            "{output}"
        );
    }
    for layer in [0, 1] {
        for output in [
            "type=oci,dest=DEST",
            "type=oci,compression=uncompressed",
            "type=oci,compression=zstd,dest=DEST",
            "type=oci,tar=false,dest=DEST",
            "type=docker,dest=DEST",
            "type=local,dest=DEST",
            "type=tar,dest=DEST",
            "type=tar",
        ] {
            check(layer, output);
        }
    }
    // The layer is read to give its files other times.
    check(1, "type=oci,source-date-epoch=1100000000");
}

#[test]
fn a_damaged_layer_is_never_pushed() {
    let built = Built::new(&["linux/amd64"]);
    let server = testing::http::Server::start(|request| match request.method.as_str() {
        "POST" => testing::http::answer(202, &[("Location", "/v2/up")], b""),
        "PUT" => testing::http::answer(201, &[], b""),
        _ => testing::http::answer(404, &[], b""),
    });
    let host = server.url("").replace("http://", "");
    damage(&built.env.store.blob_path(&built.layers[1].0));
    let output = format!("type=registry,compression=uncompressed,name={host}/a:1");
    let error = built.try_export(&output, TIMES).expect_err("damaged");
    assert!(matches!(error, ExportError::Damaged { .. }), "{error:?}");
    assert!(server.requests().iter().all(|request| !request.target.contains("manifests")));
}

#[test]
fn a_canceled_export_ends_at_once_and_leaves_nothing() {
    #[track_caller]
    fn check(output: &str) {
        let built = Built::new(&["linux/amd64"]);
        let dest = built.env.path("out");
        built.cancel.cancel();
        let start = Instant::now();
        let output = output.replace("DEST", &dest.display().to_string());
        let error = built.try_export(&output, TIMES).expect_err("canceled");
        assert!(matches!(error, ExportError::Canceled), "{output}: {error:?}");
        assert!(start.elapsed() < Duration::from_secs(1));
        assert!(!dest.is_file());
    }
    check("type=oci,dest=DEST");
    check("type=oci,compression=zstd,dest=DEST");
    check("type=oci,compression=uncompressed,tar=false,dest=DEST");
    check("type=docker,dest=DEST");
    check("type=tar,dest=DEST");
    check("type=local,dest=DEST");
}

/// Text that does not repeat itself, so that compressing it takes a while.
fn noise(length: usize) -> String {
    let mut state = 7_u64;
    let letter = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'a' + (state >> 60) as u8)
    };
    std::iter::repeat_with(letter).take(length).collect()
}

#[test]
fn compression_of_a_large_layer_hears_a_cancellation_within_a_second() {
    for output in ["type=oci,compression-level=9", "type=oci,compression=zstd,compression-level=19"] {
        let mut built = Built::new(&["linux/amd64"]);
        let large = built.env.made_layer("large", &noise(32 << 20));
        built.planned[0].layers.push(large);
        built.planned[0].config.history.push(oci::History::default());
        let (cancel, events) = (built.cancel.clone(), Arc::clone(&built.events));
        let canceler = std::thread::spawn(move || {
            while !events.texts().contains(&format!("compressing {large}")) {
                std::thread::sleep(Duration::from_millis(5));
            }
            cancel.cancel();
            Instant::now()
        });
        let outcome = built.try_export(output, TIMES).map(|(exported, _)| exported);
        let canceled = canceler.join().expect("canceled");
        assert!(matches!(outcome, Err(ExportError::Canceled)), "{outcome:?}");
        assert!(canceled.elapsed() < Duration::from_secs(1), "{output}: {:?}", canceled.elapsed());
    }
}
