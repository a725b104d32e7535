//! Builds for several platforms, and RUNs of a platform that only an emulator can run.
//!
//! The emulator is registered in a user namespace of the test, which has a `binfmt_misc` of its own since Linux 6.7: no
//! other program of this machine notices it, and nothing has to be undone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::env::{Ran, TestEnv, skip_unless};

/// Emulator of Debian's package `qemu-user-static`.
const QEMU: &str = "/usr/bin/qemu-aarch64-static";

/// Registers the emulator for 64-bit ARM if `$1` names it, and runs the other arguments.
///
/// The pattern matches the header of an ELF file: 64 bits, little endian, an executable or library, machine 183.
const BINFMT: &str = r#"
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc || exit 99
if [ -n "$1" ]; then
    magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    printf '%s' ":arm64:M::$magic:$mask:$1:F" > /proc/sys/fs/binfmt_misc/register || exit 99
fi
shift
exec "$@"
"#;

/// Runs dsbuild where nothing but `emulator` is registered.
fn emulated(env: &TestEnv, emulator: &str, args: &[&str]) -> Ran {
    let mut command = env.program("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", BINFMT, "sh", emulator]);
    command.arg(env.binary()).args(args);
    Ran(command.output().expect("unshare runs"))
}

/// Fails if the emulator is not installed.
fn needs_qemu() -> Result<(), String> {
    let is_installed = Path::new(QEMU).exists();
    is_installed.then_some(()).ok_or_else(|| "qemu-user-static is not installed".to_owned())
}

/// Fails if the kernel has no `binfmt_misc` for a user namespace.
fn needs_binfmt(env: &TestEnv) -> Result<(), String> {
    let mut command = env.program("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", BINFMT, "sh", "", "true"]);
    let is_mounted = command.status().expect("unshare runs").success();
    is_mounted.then_some(()).ok_or_else(|| "binfmt_misc cannot be mounted in a user namespace".to_owned())
}

/// Returns a static program for 64-bit ARM that writes `arm64` and a newline to the file `/made`.
fn arm64_program() -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    const HEADERS: u64 = 64 + 56;
    // openat(AT_FDCWD, "/made", O_WRONLY | O_CREAT, 0644); write(fd, "arm64\n", 6); exit(0)
    let code: [u32; 13] = [
        0x9280_0c60, // mov x0, #-100
        0x1000_0181, // adr x1, path
        0xd280_0822, // mov x2, #0x41
        0xd280_3483, // mov x3, #0644
        0xd280_0708, // mov x8, #56
        0xd400_0001, // svc #0, which leaves the descriptor in x0
        0x1000_0121, // adr x1, text
        0xd280_00c2, // mov x2, #6
        0xd280_0808, // mov x8, #64
        0xd400_0001, // svc #0
        0xd280_0000, // mov x0, #0
        0xd280_0ba8, // mov x8, #93
        0xd400_0001, // svc #0
    ];
    let data = b"/made\0\0\0arm64\n";
    let size = HEADERS + 4 * code.len() as u64 + data.len() as u64;
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let half = |value: u16, out: &mut Vec<u8>| out.extend(value.to_le_bytes());
    let word = |value: u32, out: &mut Vec<u8>| out.extend(value.to_le_bytes());
    let long = |value: u64, out: &mut Vec<u8>| out.extend(value.to_le_bytes());
    // An executable for machine 183; one program header follows this one.
    [2, 183].into_iter().for_each(|value| half(value, &mut elf));
    word(1, &mut elf);
    [BASE + HEADERS, 64, 0].into_iter().for_each(|value| long(value, &mut elf));
    word(0, &mut elf);
    [64, 56, 1, 0, 0, 0].into_iter().for_each(|value| half(value, &mut elf));
    // The whole file is mapped, to be read and executed.
    [1, 5].into_iter().for_each(|value| word(value, &mut elf));
    [0, BASE, BASE, size, size, 0x1000].into_iter().for_each(|value| long(value, &mut elf));
    code.into_iter().for_each(|instruction| word(instruction, &mut elf));
    elf.extend(data);
    elf
}

/// Creates an environment whose context has the program and a Dockerfile that runs it.
fn with_program() -> Result<TestEnv, String> {
    let env = TestEnv::new()?;
    needs_binfmt(&env)?;
    env.file("Dockerfile", "FROM scratch\nCOPY program /program\nRUN [\"/program\"]\n");
    let program = env.path("context/program");
    fs::write(&program, arm64_program()).expect("files can be written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("modes can be set");
    Ok(env)
}

#[test]
fn privileged_a_registered_emulator_runs_a_step_of_another_platform() {
    let env = skip_unless!(with_program());
    skip_unless!(needs_qemu());
    let build = ["build", "--platform=linux/arm64", "--network=none", "-o", "out", "context"];
    emulated(&env, QEMU, &build).success();
    assert_eq!(fs::read_to_string(env.path("out/made")).expect("the program wrote it"), "arm64\n");
}

#[test]
fn privileged_without_an_emulator_the_error_names_the_package() {
    let env = skip_unless!(with_program());
    let told = emulated(&env, "", &["build", "--platform=linux/arm64", "--network=none", "context"]);
    let told = told.fails(1).stderr();
    for part in [
        "the step runs on linux/arm64, this machine is linux/",
        "no emulator is registered",
        "Dockerfile:3",
        "qemu-user-static",
        "$BUILDPLATFORM",
    ] {
        assert!(told.contains(part), "no {part}: {told}");
    }
}

#[test]
fn privileged_several_platforms_are_built_by_a_cross_compiling_stage_and_chosen_by_name() {
    let env = skip_unless!(TestEnv::new());
    let dockerfile = "FROM --platform=$BUILDPLATFORM base AS build\n\
        ARG TARGETARCH\n\
        RUN echo $TARGETARCH > /arch\n\
        FROM scratch\n\
        COPY --from=build /arch /arch\n";
    let args = ["--platform=linux/amd64,linux/arm64,linux/amd64", "--network=none", "--output=type=image"];
    env.build(dockerfile, &[&args[..], &["--metadata-file=metadata.json"]].concat()).success();
    let metadata = fs::read_to_string(env.path("metadata.json")).expect("the build wrote it");
    assert!(metadata.contains("application/vnd.oci.image.index.v1+json"), "{metadata}");
    for arch in ["amd64", "arm64"] {
        env.file("Dockerfile", "FROM t\n");
        let platform = format!("--platform=linux/{arch}");
        env.dsbuild(&["build", &platform, "-o", arch, "context"]).success();
        let written = fs::read_to_string(env.path(arch).join("arch")).expect("it was copied");
        assert_eq!(written, format!("{arch}\n"));
    }
    let told = env.dsbuild(&["build", "--platform=linux/s390x", "context"]).fails(1).stderr();
    assert!(told.contains("linux/amd64, linux/arm64"), "{told}");
}
