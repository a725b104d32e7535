//! `dsbuild context`, and the check that looks at the context.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::env::{Ran, TestEnv};

const IGNORE: &str = "# not for the image\ndata/\nnode_modules\n*.log\n!keep.log\n*.swp\n";

/// Returns a project with a file of each kind.
fn project() -> TestEnv {
    let env = TestEnv::bare();
    env.file("Dockerfile", "FROM scratch\nCOPY src /src\nCOPY data/raw /data\n")
        .file(".dockerignore", IGNORE)
        .file("data/raw/a.csv", "1234567890")
        .file("data/raw/b.csv", "12345")
        .file("node_modules/left/a.js", "a")
        .file("src/node_modules/in/b.js", "bb")
        .file("src/main.py", "print()\n")
        .file("debug.log", "x")
        .file("keep.log", "yy")
        .file(".env", "TOKEN=1\n");
    symlink("/mnt/big", env.path("context/big")).expect("linked");
    fs::write(env.path("context").join(OsStr::from_bytes(b"caf\xe9")), "c").expect("written");
    env
}

fn report(env: &TestEnv, args: &[&str]) -> Value {
    let all = [&["context", "context", "--format", "json"], args].concat();
    serde_json::from_str(&env.dsbuild(&all).success().stdout()).expect("JSON on stdout")
}

#[test]
fn the_report_shows_sizes_excluded_files_and_problems() {
    let env = project();
    let text = env.dsbuild(&["context", "context"]).success().stdout();
    let folder = fs::canonicalize(env.path("context")).expect("it is there");
    let text = text.replace(folder.to_str().expect("a UTF-8 path"), "CONTEXT");
    let expected = r#"context      CONTEXT
ignore file  CONTEXT/.dockerignore (5 patterns)
Dockerfile   CONTEXT/Dockerfile

In the context: 129B, 8 files, 3 folders
      10B         2 files   src/
     119B         6 files   (files at the top)

Largest files
      61B   .dockerignore
      47B   Dockerfile
       8B   .env
       8B   src/main.py
       2B   keep.log
       2B   src/node_modules/in/b.js
       1B   caf\xe9

Excluded: 17B, 4 files
      15B         2 files   2 data/          data/
       1B          1 file   3 node_modules   node_modules/
       1B          1 file   4 *.log          debug.log

Included again
       2B          1 file   5 !keep.log   keep.log

Worth a look
  ! files in the context that may hold secrets: .env
    exclude them, and pass them to a RUN with --mount=type=secret
  ! line 3 of the Dockerfile will fail: "/data/raw" is not in the context: .dockerignore:2 excludes it ("data/")
  ! no COPY, ADD or mount uses 11B, 4 files: .env, keep.log, caf\xe9 and 1 more
  ! .dockerignore:3: "node_modules" matches at the top only, so that "src/node_modules" is in the context: to match at any depth, write "**/node_modules"
  ! symlinks that leave the context: big -> /mnt/big
    the image gets the symlinks, not their targets
  - these lines match nothing: 6 *.swp
"#;
    assert_eq!(text, expected);
}

#[test]
fn the_json_report_has_the_same_facts() {
    let env = project();
    let report = report(&env, &[]);
    assert_eq!(report["total"], json!({"size_bytes": 129, "files": 8, "folders": 3, "partial": false}));
    let data = &report["ignored"][0];
    assert_eq!(
        (&data["line"], &data["pattern"], &data["size_bytes"]),
        (&json!(2), &json!("data/"), &json!(15))
    );
    assert_eq!(data["paths"][0]["path"], "data");
    assert_eq!(report["taken_back"][0]["paths"][0]["path"], "keep.log");
    assert_eq!(report["usage"]["failures"][0]["left_out_by"]["line"], 2);
    assert_eq!(report["gitignore_habits"][0]["instead"], "**/node_modules");
    assert_eq!(report["idle_lines"], json!([{"line": 6, "pattern": "*.swp", "redundant": false}]));
    let odd =
        report["largest"].as_array().expect("a list").iter().find(|file| file.get("path_base64").is_some());
    assert_eq!(odd.map(|file| &file["path_base64"]), Some(&json!("Y2Fm6Q==")));
}

/// Runs `dsbuild context` with these arguments on the project.
fn list(args: &[&str]) -> Ran {
    project().dsbuild(&[&["context", "context"], args].concat())
}

#[test]
fn excluded_paths_are_listed_with_the_line_that_excludes_them() {
    assert_eq!(
        list(&["--ignored"]).success().stdout(),
        ".dockerignore:2:data/\tdata/\n.dockerignore:4:*.log\tdebug.log\n.dockerignore:3:node_modules\tnode_modules/\n"
    );
}

#[test]
fn included_paths_are_listed_as_text_or_as_exact_bytes() {
    let included = list(&["--included"]).success().stdout();
    let expected = ".dockerignore\n.env\nDockerfile\nbig\ncaf\\xe9\nkeep.log\nsrc/\nsrc/main.py\n";
    assert!(included.starts_with(expected), "{included}");
    let exact = list(&["--included", "-z"]).success().0.stdout;
    assert!(exact.split(|&byte| byte == 0).any(|path| path == b"caf\xe9"));
}

#[test]
fn the_line_that_decides_about_a_path_is_shown() {
    assert_eq!(
        list(&["--why", "data/raw/a.csv", "--why", "keep.log", "--why", "./src/none"]).success().stdout(),
        ".dockerignore:2:data/\tdata/raw/a.csv\n.dockerignore:5:!keep.log\tkeep.log\n::\tsrc/none\n"
    );
    list(&["--why", "../x"]).fails(1);
}

#[test]
fn an_ignore_file_beside_the_dockerfile_is_used_instead() {
    let env = project();
    env.file("prod.Dockerfile", "FROM scratch\nCOPY . .\n").file("prod.Dockerfile.dockerignore", "*\n!src\n");
    let file = env.path("context/prod.Dockerfile");
    let report = report(&env, &["-f", file.to_str().expect("a UTF-8 path")]);
    assert_eq!(report["total"]["files"], 2);
    assert_eq!(report["usage"], json!({"failures": [], "not_taken": []}));
    assert!(
        report["ignore_file"].as_str().is_some_and(|name| name.ends_with("/prod.Dockerfile.dockerignore"))
    );
    env.dsbuild(&["context", "context", "-f", "none"]).fails(1);
}

#[test]
fn a_directory_needs_neither_dockerfile_nor_ignore_file() {
    let env = TestEnv::bare();
    env.file("a", "1");
    let report = report(&env, &[]);
    assert_eq!((&report["usage"], &report["ignore_file"]), (&Value::Null, &Value::Null));
    env.dsbuild(&["context", "none"]).fails(1);
    env.file("Dockerfile", "FROM scratch\nFORM x\n");
    let text = env.dsbuild(&["context", "context"]).success().stdout();
    assert!(text.contains("the files that the Dockerfile uses are unknown: line 2: "), "{text}");
}

#[test]
fn the_check_for_gitignore_habits_runs_on_demand() {
    let env = project();
    const TEXT: &str = "FROM scratch\nCOPY src /src\n";
    env.build(TEXT, &["--check"]).success();
    let own = format!("# check=experimental=own\n{TEXT}");
    let text = env.build(&own, &["--check"]).fails(1).stdout();
    let expected = "\
Check complete, 1 warning has been found!

WARNING: GitignoreHabit
\"node_modules\" matches at the top only, so that \"src/node_modules\" is in the context: to match at any depth, write \"**/node_modules\"
hint: write **/NAME for any depth, NAME/** for the content of folders of that name, [^a] for any character but a
.dockerignore:3
--------------------
   1 |     # not for the image
   2 |     data/
   3 | >>> node_modules
   4 |     *.log
   5 |     !keep.log
--------------------
";
    assert_eq!(text, expected);
    let report: Value =
        serde_json::from_str(&env.build(&own, &["--check", "--format", "json"]).fails(1).stdout())
            .expect("JSON on stdout");
    let warning = &report["warnings"][0];
    assert_eq!((&warning["rule"], &warning["line"]), (&json!("GitignoreHabit"), &json!(3)));
    assert_eq!(warning["location"]["sourceIndex"], 1);
    assert_eq!(report["sources"][1]["filename"], ".dockerignore");
    assert!(warning["fix"].as_str().is_some_and(|fix| fix.contains("**/NAME")));
    let failing = format!("# check=experimental=GitignoreHabit;error=true\n{TEXT}");
    let text = env.build(&failing, &["--check"]).fails(1);
    assert!(text.stderr().contains("lint violation found for rules: GitignoreHabit"), "{}", text.stderr());
}
