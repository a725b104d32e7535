//! Resolution of USER and `--chown` in complete, incomplete and hostile trees.

use super::*;
use trees::memory_tree::MemoryTree;

const PASSWD_TEXT: &str = "\
root:x:0:0:root:/root:/bin/sh
toor:x:0:5:second root:/toor:/bin/sh

pilot:x:501:601::/home/pilot:/bin/sh
homeless:x:7:8:::
1000:x:42:43::/numbered:
99999999999999999999:x:0:0::/:
bad:x:4294967296:0::/:
short:x
";
const GROUP_TEXT: &str = "\
root:x:0:
wheel:x:10:root
crew:x:700:pilot
sea:x:701:other
air:x:702:root,pilot
bad:x:-4:nobody
";

fn tree() -> MemoryTree {
    MemoryTree::new().file("etc/passwd", PASSWD_TEXT.as_bytes()).file("etc/group", GROUP_TEXT.as_bytes())
}

#[track_caller]
fn check(user: &str, uid: u32, gid: u32, groups: &[u32], home: &str) {
    let expected = User { uid, gid, groups: groups.to_vec(), home: home.into() };
    assert_eq!(resolve_user(&tree(), user).unwrap(), expected);
}

#[track_caller]
fn check_error(user: &str, expected: &str) {
    let error = resolve_user(&tree(), user).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn users_are_resolved_as_by_runc() {
    check("", 0, 0, &[0, 10, 702], "/root");
    check("root", 0, 0, &[0, 10, 702], "/root");
    check("0", 0, 0, &[0, 10, 702], "/root");
    check("0:0", 0, 0, &[0], "/root");
    check("toor", 0, 5, &[5], "/root");
    check("pilot", 501, 601, &[601, 700, 702], "/home/pilot");
    check("501", 501, 601, &[601, 700, 702], "/home/pilot");
    check("pilot:", 501, 601, &[601, 700, 702], "/home/pilot");
    check("pilot:crew", 501, 700, &[700], "/home/pilot");
    check("pilot:9", 501, 9, &[9], "/home/pilot");
    check("501:crew", 501, 700, &[700], "/home/pilot");
    check("1234", 1234, 0, &[0], "/");
    check("1234:crew", 1234, 700, &[700], "/");
    check("1234:5678", 1234, 5678, &[5678], "/");
    check("homeless", 7, 8, &[8], "/");
    check("2147483647", 2147483647, 0, &[0], "/");
    // A number is never looked up as a name.
    check("1000", 1000, 0, &[0], "/");
}

#[test]
fn unknown_and_invalid_users_are_errors() {
    check_error("ghost", "unable to find user ghost");
    check_error("root:ghosts", "unable to find group ghosts");
    check_error("1:ghosts", "unable to find group ghosts");
    check_error("4294967296", "range");
    check_error("4294967296:0", "range");
    check_error("0:2147483648", "range");
    check_error("-1", "range");
    check_error("99999999999999999999", "range");
    check_error("bad", "range");
    check_error("short", "range");
    check_error("root:bad", "range");
    check_error("Pilot", "unable to find user");
    check_error("pilot ", "unable to find user");
}

#[test]
fn without_files_only_numbers_are_known() {
    let empty = MemoryTree::new().dir("etc");
    let user = |text| resolve_user(&empty, text);
    assert_eq!(user("").unwrap(), User { uid: 0, gid: 0, groups: vec![0], home: "/".into() });
    assert_eq!(user("5:6").unwrap().gid, 6);
    assert_eq!(user("5").unwrap().gid, 0);
    assert!(matches!(user("root"), Err(UserError::UnknownUser { .. })));
    assert!(matches!(user("5:root"), Err(UserError::UnknownGroup { .. })));
}

#[test]
fn only_regular_files_of_limited_length_are_read() {
    let fifo = Entry { kind: Kind::Fifo, ..Entry::directory(0o644) };
    let huge = Entry { kind: Kind::File { size_bytes: MAX_FILE_BYTES + 1 }, ..Entry::directory(0o644) };
    let full = Entry { kind: Kind::File { size_bytes: MAX_FILE_BYTES }, ..Entry::directory(0o644) };
    let with = |entry| MemoryTree::new().put("etc/passwd", entry, b"pilot:x:1:2:::\n");
    assert!(matches!(resolve_user(&with(fifo.clone()), "pilot"), Err(UserError::Unreadable { .. })));
    assert!(matches!(resolve_user(&with(huge), "pilot"), Err(UserError::Unreadable { .. })));
    assert!(matches!(
        resolve_user(&with(Entry::directory(0o755)), "pilot"),
        Err(UserError::Unreadable { .. })
    ));
    assert_eq!(resolve_user(&with(full), "pilot").unwrap().uid, 1);
    assert_eq!(resolve_user(&with(fifo), "3:4").unwrap().home, Path::new("/"));
}

#[test]
fn symlinks_to_the_files_stay_inside_the_tree() {
    let linked = MemoryTree::new()
        .link("etc/passwd", "/../../../usr/share/passwd")
        .file("usr/share/passwd", b"pilot:x:1:2:::\n");
    assert_eq!(resolve_user(&linked, "pilot").unwrap().gid, 2);
    let cycle = MemoryTree::new().link("etc/passwd", "passwd");
    assert!(matches!(resolve_user(&cycle, "pilot"), Err(UserError::Unreadable { .. })));
    let outside = MemoryTree::new().link("etc/passwd", "/proc/kcore");
    assert!(matches!(resolve_user(&outside, "pilot"), Err(UserError::UnknownUser { .. })));
}

#[track_caller]
fn check_owner(owner: &str, uid: u32, gid: u32, unknown: &[&str]) {
    let (got_uid, got_gid, got_unknown) = resolve_owner(&tree(), owner).unwrap();
    assert_eq!((got_uid, got_gid), (uid, gid), "{owner}");
    assert_eq!(got_unknown, unknown, "{owner}");
}

#[test]
fn owners_are_resolved_as_by_buildkit() {
    check_owner("11:22", 11, 22, &[]);
    check_owner("77", 77, 77, &[]);
    check_owner("pilot", 501, 601, &[]);
    check_owner("pilot:crew", 501, 700, &[]);
    check_owner("pilot:42", 501, 42, &[]);
    check_owner("9:crew", 9, 700, &[]);
    check_owner("ghost:ghosts", 0, 0, &["ghost", "ghosts"]);
    check_owner("ghost:6", 0, 6, &["ghost"]);
    check_owner("ghost", 0, 0, &["ghost"]);
    check_owner("1000", 1000, 1000, &[]);
    check_owner(":crew", 0, 700, &[]);
}

#[test]
fn owners_out_of_range_are_errors() {
    for owner in ["4294967296", "-1", "0:4294967296", "99999999999999999999", "bad"] {
        assert!(matches!(resolve_owner(&tree(), owner), Err(UserError::OutOfRange { .. })), "{owner}");
    }
}

#[test]
fn an_empty_tree_has_owners_by_number_only() {
    let scratch = trees::tree::Scratch;
    assert!(matches!(resolve_owner(&scratch, "pilot"), Err(UserError::NothingBelow { .. })));
    assert!(matches!(resolve_owner(&scratch, "1:crew"), Err(UserError::NothingBelow { .. })));
    assert_eq!(resolve_owner(&scratch, "1:2").unwrap(), (1, 2, vec![]));
}
