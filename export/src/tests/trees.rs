//! Files as a directory and as a tar.

use std::path::{Path, PathBuf};

use super::{Built, TIMES};

fn tar_names(tar: &[u8]) -> Vec<PathBuf> {
    let mut archive = tar::Archive::new(tar);
    let entries = archive.entries().expect("a tar");
    entries.map(|entry| entry.expect("an entry").path().expect("a name").into_owned()).collect()
}

#[test]
fn the_files_of_a_result_are_exported() {
    let built = Built::new(&["linux/amd64"]);
    let dir = built.env.path("out");
    built.export(dir.to_str().expect("text"), TIMES);
    assert_eq!(std::fs::read_to_string(dir.join("etc/base")).expect("read"), "base");
    assert_eq!(std::fs::read_to_string(dir.join("own")).expect("read"), "own");
    let (_, tar) = built.export("-", TIMES);
    let names = tar_names(&tar);
    assert!(names.iter().any(|name| name == Path::new("etc/base")), "{names:?}");
}

#[test]
fn each_platform_has_a_directory() {
    let built = Built::new(&["linux/amd64", "linux/arm/v7"]);
    let dir = built.env.path("out");
    built.export(&format!("type=local,dest={}", dir.display()), TIMES);
    for folder in ["linux_amd64", "linux_arm_v7"] {
        assert!(dir.join(folder).join("own").is_file(), "{folder}");
    }
    let (_, tar) = built.export("type=tar", TIMES);
    let names = tar_names(&tar);
    for name in ["linux_amd64/own", "linux_arm_v7/etc/base"] {
        assert!(names.iter().any(|found| found == Path::new(name)), "{name} is not in {names:?}");
    }
    built.try_export("type=tar,platform-split=false", TIMES).expect_err("one directory");
    built.try_export("type=local,platform-split=false,dest=x", TIMES).expect_err("one directory");
    let single = Built::new(&["linux/amd64"]);
    let dir = single.env.path("out");
    single.export(&format!("type=local,platform-split=true,dest={}", dir.display()), TIMES);
    assert!(dir.join("linux_amd64/own").is_file());
}

#[test]
fn an_output_that_cannot_be_written_is_an_error() {
    let built = Built::new(&["linux/amd64"]);
    let dir = built.env.path("folder");
    std::fs::create_dir(&dir).expect("create");
    built.try_export(&format!("type=oci,dest={}", dir.display()), TIMES).expect_err("there is a directory");
    built.try_export("type=oci,tar=false", TIMES).expect_err("no directory is named");
    built.try_export("type=local", TIMES).expect_err("no directory is named");
}

#[test]
fn platforms_that_differ_in_the_version_of_the_system_do_not_collide() {
    let built = Built::new(&["windows(1.1.0)/amd64", "windows(1.2.3)/amd64"]);
    let dir = built.env.path("out");
    built.export(&format!("type=local,dest={}", dir.display()), TIMES);
    for folder in ["windows(1.1.0)_amd64", "windows(1.2.3)_amd64"] {
        assert!(dir.join(folder).join("own").is_file(), "{folder}");
    }
}
