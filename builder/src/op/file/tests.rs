//! Copies between trees.

use super::testing::{MemoryTree, copied, copy, try_copies};
use graph::Mode;

use super::*;

/// Copies one source and compares the whole result.
#[track_caller]
fn check(action: CopyAction, source: &[&str], base: &[&str], expected: &[&str]) {
    check_all(vec![action], source, base, expected);
}

#[track_caller]
fn check_all(actions: Vec<CopyAction>, source: &[&str], base: &[&str], expected: &[&str]) {
    let shown: Vec<String> =
        actions.iter().map(|action| format!("{:?} -> {}", action.from, action.destination)).collect();
    assert_eq!(copied(actions, &MemoryTree::new(source), &MemoryTree::new(base)), expected, "{shown:?}");
}

#[track_caller]
fn check_error(action: CopyAction, source: &[&str], base: &[&str], expected: &str) {
    match try_copies(vec![action], &MemoryTree::new(source), &MemoryTree::new(base)) {
        Ok(_) => panic!("copied, but expected {expected}"),
        Err(error) => assert_eq!(error.to_string(), expected),
    }
}

fn with(action: CopyAction, change: impl FnOnce(&mut CopyAction)) -> CopyAction {
    let mut action = action;
    change(&mut action);
    action
}

#[test]
fn files() {
    let source = &["a=x 0640", "d/f=y 4755 7:8"];
    check(copy("a", "/b"), source, &[], &["b=x 0640"]);
    check(copy("a/", "/b"), source, &[], &["b=x 0640"]);
    check(copy("a", "/n/e/w"), source, &[], &["n/ 0755", "n/e/ 0755", "n/e/w=x 0640"]);
    check(copy("d/f", "/n/"), source, &[], &["n/ 0755", "n/f=y 4755 7:8"]);
    check(copy("a", "/n/."), source, &[], &["n/ 0755", "n/a=x 0640"]);
    check(copy("/a", "/"), source, &[], &["a=x 0640"]);
    check(copy("../../a", "/../../b"), source, &[], &["b=x 0640"]);
    check(copy("a", "/dir/sub/.."), source, &[], &["dir=x 0640"]);
    check(copy("a", "/d"), source, &["d/ 0710 1:2"], &["d/ 0710 1:2", "d/a=x 0640"]);
    check(copy("a", "/old"), source, &["old=was 0600"], &["old=x 0640"]);
    check(with(copy("d/f", "/n/"), |copy| copy.keep_owner = false), source, &[], &["n/ 0755", "n/f=y 4755"]);
    check(copy("p", "/q"), &["p| 0600"], &[], &["q| 0600"]);
}

#[test]
fn directories() {
    let source = &["d/ 0700 5:5", "d/f=x 0640 7:8", "d/sub/ 0750 9:9", "d/sub/g=y", "e/f=z", "hollow/"];
    let contents = &["n/ 0755", "n/f=x 0640 7:8", "n/sub/ 0750 9:9", "n/sub/g=y 0644"];
    for (path, destination) in [("d", "/n"), ("d/", "/n/"), ("./d/.", "/n/."), ("/d", "n")] {
        check(copy(path, destination), source, &[], contents);
    }
    check(copy("hollow", "/n"), source, &[], &["n/ 0755"]);
    check(
        copy("d", "/o"),
        source,
        &["o/ 0701 1:1", "o/f=old", "o/kept=k", "o/sub/ 0711 2:2", "o/sub/h=h"],
        &[
            "o/ 0701 1:1",
            "o/f=x 0640 7:8",
            "o/kept=k 0644",
            "o/sub/ 0750 9:9",
            "o/sub/g=y 0644",
            "o/sub/h=h 0644",
        ],
    );
    check_all(
        vec![copy("d", "/n"), copy("e", "/n")],
        source,
        &[],
        &["n/ 0755", "n/f=z 0644", "n/sub/ 0750 9:9", "n/sub/g=y 0644"],
    );
    check(
        copy("/", "/all"),
        &["a", "b/c"],
        &[],
        &["all/ 0755", "all/a=a 0644", "all/b/ 0755", "all/b/c=b/c 0644"],
    );
}

#[test]
fn links_of_the_source() {
    let source = &[
        "real=x",
        "l1->real",
        "l2->l1",
        "dir/f=y",
        "dl->dir",
        "up->../../real",
        "abs->/dir",
        "dangling->no",
        "loop->loop",
    ];
    check(copy("l2", "/o/"), source, &[], &["o/ 0755", "o/l2=x 0644"]);
    check(copy("up", "/o"), source, &[], &["o=x 0644"]);
    check(copy("dl/f", "/o"), source, &[], &["o=y 0644"]);
    check(copy("abs", "/o"), source, &[], &["o/ 0755", "o/f=y 0644"]);
    check(copy("d", "/o"), &["d/l->../x", "d/m->/abs 1:2"], &[], &["o/ 0755", "o/l->../x", "o/m->/abs 1:2"]);
    check_error(
        copy("dangling", "/o"),
        source,
        &[],
        "failed to compute cache key: failed to calculate checksum of ref: \"/dangling\": not found",
    );
    check_error(copy("loop", "/o"), source, &[], "cannot read loop");
}

#[test]
fn links_of_the_destination() {
    let (source, base) =
        (&["a=x", "d/f=y"], &["real/ 0700", "alias->/real", "lost->/real/later", "far->/no/such"]);
    let rest = ["alias->/real", "far->/no/such", "lost->/real/later"];
    check(copy("a", "/alias"), source, base, &[&rest[..], &["real/ 0700", "real/a=x 0644"]].concat());
    check(
        copy("d", "/alias/n"),
        source,
        base,
        &[&rest[..], &["real/ 0700", "real/n/ 0755", "real/n/f=y 0644"]].concat(),
    );
    check(copy("a", "/lost"), source, base, &[&rest[..], &["real/ 0700", "real/later=x 0644"]].concat());
    check(
        copy("a", "/far"),
        source,
        base,
        &[&rest[..], &["no/ 0755", "no/such=x 0644", "real/ 0700"]].concat(),
    );
    check(
        copy("a", "/alias/../b"),
        source,
        base,
        &["alias->/real", "b=x 0644", "far->/no/such", "lost->/real/later", "real/ 0700"],
    );
    // Below the destination they are replaced.
    check(copy("d", "/o"), source, &["o/f->/t", "t=t"], &["o/ 0755", "o/f=y 0644", "t=t 0644"]);
    check_error(copy("s", "/o"), &["s/sub/f"], &["r/", "o/sub->/r"], "cannot copy to non-directory: /o/sub");
}

#[test]
fn impossible_copies_are_errors_in_the_words_of_buildkit() {
    let source = &["a", "d/sub/f", "l/sub->x"];
    check_error(copy("a", "/f/b"), source, &["f"], "mkdir /f: not a directory");
    check_error(copy("a", "/f/"), source, &["f"], "mkdir /f: not a directory");
    check_error(copy("d", "/f"), source, &["f"], "cannot copy to non-directory: /f");
    check_error(copy("d", "/o"), source, &["o/sub=file"], "cannot copy to non-directory: /o/sub");
    check_error(copy("l", "/o"), source, &["o/sub/"], "cannot replace to directory /o/sub with file");
    check_error(copy("a", "/o"), source, &["o/a/"], "cannot replace to directory /o/a with file");
    let missing = "failed to compute cache key: failed to calculate checksum of ref: \"/no/such\": not found";
    check_error(copy("no/../no//such", "/o"), source, &[], missing);
    check_error(copy("d/sub/f/x", "/o"), source, &[], &missing.replace("no/such", "d/sub/f/x"));
    check_error(copy("a[", "/o"), source, &[], "a[: syntax error in pattern");
    check_error(
        with(copy("d", "/o"), |copy| copy.excludes = vec!["!".into()]),
        source,
        &[],
        "illegal exclusion pattern: \"!\"",
    );
}

#[test]
fn wildcards() {
    let source = &[
        "a.txt=1",
        "b.txt=2",
        "c.md=3",
        "p1/x=4",
        "p1/deep/y=5",
        "p2/z=6",
        "p3=7",
        ".rc=8",
        "la->a.txt",
        "lp->p2",
        "s/d1/leaf=9",
        "s*=star",
    ];
    check(copy("*.txt", "/o/"), source, &[], &["o/ 0755", "o/a.txt=1 0644", "o/b.txt=2 0644"]);
    check(copy("a*.txt", "/o"), source, &[], &["o=1 0644"]);
    check(
        copy("p*", "/o/"),
        source,
        &[],
        &["o/ 0755", "o/deep/ 0755", "o/deep/y=5 0644", "o/p3=7 0644", "o/x=4 0644", "o/z=6 0644"],
    );
    check(
        copy("p?/", "/o"),
        source,
        &[],
        &["o/ 0755", "o/deep/ 0755", "o/deep/y=5 0644", "o/p3=7 0644", "o/x=4 0644", "o/z=6 0644"],
    );
    check(copy("l*", "/o/"), source, &[], &["o/ 0755", "o/la=1 0644", "o/z=6 0644"]);
    check(copy("lp/*", "/o/"), source, &[], &["o/ 0755", "o/z=6 0644"]);
    check(copy("*/*/leaf", "/o/"), source, &[], &["o/ 0755", "o/leaf=9 0644"]);
    check(copy("**/leaf", "/o/"), source, &[], &[]);
    check(copy("?rc", "/o/"), source, &[], &["o/ 0755", "o/.rc=8 0644"]);
    check(copy("s\\*[*]*", "/o/"), source, &[], &[]);
    check(copy("[s]\\*", "/o/"), source, &[], &["o/ 0755", "o/s*=star 0644"]);
    check(copy("*.none", "/o/"), source, &[], &[]);
    check(copy("no/*", "/o/"), source, &[], &[]);
}

#[test]
fn owners() {
    let owned = |owner: &str| with(copy("d", "/o/n"), |copy| copy.owner = Some(owner.to_owned()));
    let source = &["d/f=x 0644 7:8", "d/l->t", "d/s/"];
    let base = &["etc/passwd=pilot:x:501:601::/:/bin/sh", "etc/group=crew:x:777:"];
    let made = |owner: &str| {
        let tree = copied(vec![owned(owner)], &MemoryTree::new(source), &MemoryTree::new(base));
        tree[3..].to_vec()
    };
    let all = |owner: &str| {
        ["o/ 0755", "o/n/ 0755", "o/n/f=x 0644", "o/n/l->t", "o/n/s/ 0755"]
            .map(|line| format!("{line} {owner}"))
    };
    assert_eq!(made("11:22"), all("11:22"));
    assert_eq!(made("77"), all("77:77"));
    assert_eq!(made("pilot"), all("501:601"));
    assert_eq!(made("pilot:crew"), all("501:777"));
    assert_eq!(made("9:crew"), all("9:777"));
    assert_eq!(made("nobodyhere:6"), all("0:6"));
    let applied = try_copies(vec![owned("nobodyhere")], &MemoryTree::new(source), &MemoryTree::new(base))
        .expect("copied");
    assert_eq!(applied.warnings.len(), 1);
    // Directories that are there keep theirs; those below the destination get it.
    check(
        with(copy("d", "/h"), |copy| copy.owner = Some("1:2".into())),
        source,
        &["h/ 0755 3:4", "h/s/ 0755 3:4"],
        &["h/ 0755 3:4", "h/f=x 0644 1:2", "h/l->t 1:2", "h/s/ 0755 1:2"],
    );
}

#[test]
fn modes() {
    let moded =
        |mode: &str| with(copy("d", "/o/n"), |copy| copy.mode = Some(Mode::parse(mode).expect("a mode")));
    let source = &["d/f=x 0654", "d/l->t", "d/s/ 0700"];
    check(moded("711"), source, &[], &["o/ 0711", "o/n/ 0711", "o/n/f=x 0711", "o/n/l->t", "o/n/s/ 0711"]);
    check(moded("+t"), source, &[], &["o/ 0755", "o/n/ 0755", "o/n/f=x 1654", "o/n/l->t", "o/n/s/ 1700"]);
    check(
        moded("u=rwX,go=rX"),
        source,
        &[],
        &["o/ 0755", "o/n/ 0755", "o/n/f=x 0755", "o/n/l->t", "o/n/s/ 0755"],
    );
}

#[test]
fn excludes() {
    let source = &["d/a.txt=1", "d/b.log=2", "d/sub/c.log=3", "d/sub/vip.log=4", "d/sub/e=5", "e/x.log=6"];
    let without = |excludes: &[&str]| {
        with(copy("d", "/o"), |copy| copy.excludes = excludes.iter().map(|&exclude| exclude.into()).collect())
    };
    check(
        without(&["*.log"]),
        source,
        &[],
        &[
            "o/ 0755",
            "o/a.txt=1 0644",
            "o/sub/ 0755",
            "o/sub/c.log=3 0644",
            "o/sub/e=5 0644",
            "o/sub/vip.log=4 0644",
        ],
    );
    check(
        without(&["**/*.log", "!**/vip.log"]),
        source,
        &[],
        &["o/ 0755", "o/a.txt=1 0644", "o/sub/ 0755", "o/sub/e=5 0644", "o/sub/vip.log=4 0644"],
    );
    check(without(&["sub/*"]), source, &[], &["o/ 0755", "o/a.txt=1 0644", "o/b.log=2 0644", "o/sub/ 0755"]);
    check(
        without(&["sub", "!sub/e"]),
        source,
        &[],
        &["o/ 0755", "o/a.txt=1 0644", "o/b.log=2 0644", "o/sub/ 0755", "o/sub/e=5 0644"],
    );
    check(without(&["**"]), source, &[], &["o/ 0755"]);
    // A source that is a file is meant; each match of a wildcard is a root of its own.
    check(
        with(copy("d/a.txt", "/o/"), |copy| copy.excludes = vec!["a.txt".into()]),
        source,
        &[],
        &["o/ 0755", "o/a.txt=1 0644"],
    );
    check(
        with(copy("?", "/o"), |copy| copy.excludes = vec!["*.log".into(), "sub".into()]),
        source,
        &[],
        &["o/ 0755", "o/a.txt=1 0644"],
    );
}

#[test]
fn parents() {
    let source = &["a/ 0750 5:6", "a/b/c.txt=1", "a/b/d.md=2", "a/x.txt=3", "z/hollow/ 0711", "l->a"];
    let kept = |path: &str| with(copy(path, "/o"), |copy| copy.parents = true);
    check(kept("a/b/c.txt"), source, &[], &["o/ 0755", "o/a/ 0750 5:6", "o/a/b/ 0755", "o/a/b/c.txt=1 0644"]);
    check(
        kept("./a/b/c.txt"),
        source,
        &[],
        &["o/ 0755", "o/a/ 0750 5:6", "o/a/b/ 0755", "o/a/b/c.txt=1 0644"],
    );
    check(kept("a/./b/c.txt"), source, &[], &["o/ 0755", "o/b/ 0755", "o/b/c.txt=1 0644"]);
    check(kept("a/./b/./c.txt"), source, &[], &["o/ 0755", "o/b/ 0755", "o/b/c.txt=1 0644"]);
    check(kept("l/./b/c.txt"), source, &[], &["o/ 0755", "o/b/ 0755", "o/b/c.txt=1 0644"]);
    check(kept("z/hollow"), source, &[], &["o/ 0755", "o/z/ 0755", "o/z/hollow/ 0711"]);
    check(
        kept("a/**/*.txt"),
        source,
        &[],
        &["o/ 0755", "o/a/ 0750 5:6", "o/a/b/ 0755", "o/a/b/c.txt=1 0644", "o/a/x.txt=3 0644"],
    );
    check(kept("?/./**/*.md"), source, &[], &["o/ 0755", "o/b/ 0755", "o/b/d.md=2 0644"]);
    check(
        kept("a/./."),
        source,
        &[],
        &["o/ 0755", "o/b/ 0755", "o/b/c.txt=1 0644", "o/b/d.md=2 0644", "o/x.txt=3 0644"],
    );
    check(kept("none*/x"), source, &[], &["o/ 0755"]);
    check(
        kept("a/b/c.txt"),
        source,
        &["o/ 0701", "o/a/ 0701 7:7"],
        &["o/ 0701", "o/a/ 0750 7:7", "o/a/b/ 0755", "o/a/b/c.txt=1 0644"],
    );
    check(
        with(kept("a/**/*.txt"), |copy| copy.excludes = vec!["**/c.txt".into()]),
        source,
        &[],
        &["o/ 0755", "o/a/ 0750 5:6", "o/a/x.txt=3 0644"],
    );
    let missing = "failed to compute cache key: failed to calculate checksum of ref: \"/a/no\": not found";
    check_error(kept("a/no"), source, &[], missing);
    check_error(kept("a/./no"), source, &[], missing);
}

#[test]
fn hard_links() {
    let source = &["d/a=x 0644 #1", "d/b=x 0644 #1", "d/c=x 0644 #2", "e/a=x 0644 #1"];
    check(copy("d", "/o"), source, &[], &["o/ 0755", "o/a=x 0644 #3", "o/b=x 0644 #3", "o/c=x 0644"]);
    check(copy("d/a", "/o"), source, &[], &["o=x 0644"]);
    check(copy("?", "/o"), source, &[], &["o/ 0755", "o/a=x 0644", "o/b=x 0644 #3", "o/c=x 0644"]);
}

#[test]
fn text() {
    let text = |destination: &str| {
        with(copy("", destination), |copy| {
            copy.from = CopySource::Text { name: "EOF".into(), content: "hello\n".into() };
        })
    };
    check(text("/a/b"), &[], &[], &["a/ 0755", "a/b=hello\n 0644"]);
    check(text("/a/"), &[], &[], &["a/ 0755", "a/EOF=hello\n 0644"]);
    check(
        with(text("/a"), |copy| (copy.mode, copy.owner) = (Some(Mode::Octal(0o755)), Some("3:4".into()))),
        &[],
        &[],
        &["a=hello\n 0755 3:4"],
    );
}

#[test]
fn attributes_and_times() {
    let source = MemoryTree::new(&["d/f=x", "d/s/"]).change("d/f", |entry| {
        entry.xattrs =
            [(b"user.k".to_vec(), b"1".to_vec()), (b"security.capability".to_vec(), b"c".to_vec())].into();
        entry.mtime = Timestamp { seconds: -5, nanoseconds: 7 };
    });
    let applied = try_copies(vec![copy("d", "/o")], &source, &MemoryTree::new(&[])).expect("copied");
    let entry = |path: &str| applied.diff.lookup(Path::new(path)).expect("looked").expect("there");
    assert_eq!(entry("o/f").xattrs, [(b"security.capability".to_vec(), b"c".to_vec())].into());
    assert_eq!(entry("o/f").mtime, Timestamp { seconds: -5, nanoseconds: 7 });
    assert_eq!(entry("o").mtime, Timestamp { seconds: 1_000_000_000, nanoseconds: 0 });
    assert_eq!(entry("o/s").mtime, Timestamp::default());
}

#[test]
fn mkdir() {
    let made = |path: &str, owner: &str, base: &[&str]| {
        let action =
            FileAction::Mkdir { path: path.into(), mode: 0o755, owner: owner.into(), mtime_s: Some(7) };
        let op = FileOp { base: Some(InputIndex(0)), actions: vec![action] };
        let base: Arc<dyn Tree> = Arc::new(MemoryTree::new(base));
        apply(&op, base, &|_| unreachable!("no copies"), Path::new("/nowhere")).map(|applied| applied.diff)
    };
    let entry = |diff: &Diff, path: &str| diff.lookup(Path::new(path)).expect("looked").expect("there");
    let diff = made("/a/b", "5:6", &["a/ 0700"]).expect("made");
    assert_eq!((entry(&diff, "a").mode, entry(&diff, "a").uid), (0o700, 0));
    let made_entry = entry(&diff, "a/b");
    assert_eq!((made_entry.mode, made_entry.uid, made_entry.gid, made_entry.mtime.seconds), (0o755, 5, 6, 7));
    let diff = made("/l/x", "", &["l->/later"]).expect("made");
    assert!(entry(&diff, "later/x").is_dir());
    assert!(made("/a", "", &["a/"]).expect("nothing to do").is_empty());
    assert_eq!(made("/f/x", "", &["f"]).err().expect("refused").to_string(), "mkdir /f: not a directory");
}
