//! Outputs are on disk when an export returns: the system calls of an export, observed with strace.

use std::path::Path;
use std::process::Command;

use super::{Built, TIMES};
use crate::write_file;

/// Directory that the traced process writes to.
const DEST: &str = "EXPORT_TEST_DEST";

#[test]
#[ignore = "runs under strace, started by outputs_are_synced_before_and_after_their_rename"]
fn one_output_of_each_kind() {
    let dest = std::env::var(DEST).expect("set by the other test");
    let built = Built::new(&["linux/amd64"]);
    built.export(&format!("type=oci,dest={dest}/oci.tar"), TIMES);
    built.export(&format!("type=docker,dest={dest}/docker.tar"), TIMES);
    built.export(&format!("type=tar,dest={dest}/files.tar"), TIMES);
    built.export(&format!("type=oci,tar=false,dest={dest}/layout"), TIMES);
    built.export(&format!("type=local,dest={dest}/local"), TIMES);
    write_file(&Path::new(&dest).join("iid"), b"sha256:0").expect("written");
}

/// Returns the system calls of one output of each kind, with the paths of their descriptors.
fn trace(dest: &Path) -> Vec<String> {
    let log = dest.join("trace");
    let calls = "trace=fsync,fdatasync,syncfs,rename,renameat,renameat2,mkdir,mkdirat";
    let output = Command::new("strace")
        .args(["-f", "-y", "-qq", "-s", "4096", "-e", calls, "-o"])
        .arg(&log)
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", "tests::durable::one_output_of_each_kind", "--ignored"])
        .env(DEST, dest)
        .output()
        .expect("strace runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    std::fs::read_to_string(&log).expect("a trace").lines().map(str::to_owned).collect()
}

#[test]
fn outputs_are_synced_before_and_after_their_rename() {
    if !Command::new("strace").arg("--version").output().is_ok_and(|output| output.status.success()) {
        #[expect(clippy::print_stderr, reason = "a test that cannot run says so")]
        return eprintln!("SKIP strace is not installed: run scripts/setup test");
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    let dest = dir.path().canonicalize().expect("canonical");
    let calls = trace(&dest);
    let is_sync = |call: &str, path: &str| call.contains("sync(") && call.contains(&format!("<{path}>"));
    for name in ["oci.tar", "docker.tar", "files.tar", "layout/index.json", "layout/oci-layout", "iid"] {
        let path = dest.join(name).display().to_string();
        let renamed =
            calls.iter().position(|call| call.contains("rename") && call.contains(&format!("\"{path}\"")));
        let renamed = renamed.unwrap_or_else(|| panic!("{name} was not renamed into place: {calls:#?}"));
        let draft = calls[renamed].split('"').nth(1).expect("the old name").to_owned();
        assert!(
            calls[..renamed].iter().any(|call| is_sync(call, &draft)),
            "{name} is not synced before its rename"
        );
        let parent = Path::new(&path).parent().expect("a parent").display().to_string();
        assert!(calls[renamed..].iter().any(|call| is_sync(call, &parent)), "the name {name} is not synced");
    }
    let local = dest.join("local").display().to_string();
    assert!(
        calls.iter().any(|call| call.contains("syncfs(") && call.contains(&format!("<{local}>"))),
        "{calls:#?}"
    );
    // Directories that were made for the outputs have names, too.
    let made =
        calls.iter().position(|call| call.contains("mkdir") && call.contains("local\"")).expect("made");
    let root = dest.display().to_string();
    assert!(calls[made..].iter().any(|call| is_sync(call, &root)), "{calls:#?}");
}
