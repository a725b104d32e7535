//! `RUN --device`: devices of this machine, described by specs of our own.

use std::fs;

use crate::env::{Ran, TestEnv, skip_unless};

impl TestEnv {
    /// Writes a spec; returns the flag that names its directory.
    fn spec(&self, name: &str, text: &str) -> String {
        let folder = self.path("cdi");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(name), text).expect("a file");
        self.give("cdi");
        format!("--cdi-spec-dir={}", folder.display())
    }
}

/// Writes a spec of a device with a node `/dev/many/zeros`, a directory, two variables and a group.
fn zeros(env: &TestEnv) -> String {
    let data = env.path("data");
    fs::create_dir_all(&data).expect("a folder");
    fs::write(data.join("f"), "data\n").expect("a file");
    env.give("data");
    env.spec(
        "vendor1.yaml",
        &format!(
            "cdiVersion: 0.7.0
kind: vendor1.com/device
containerEdits:
  env: [ALL=all]
devices:
- name: foo
  annotations:
    org.mobyproject.buildkit.device.class: good
  containerEdits:
    env: [FOO=injected]
    deviceNodes:
    - {{path: /dev/many/zeros, hostPath: /dev/zero}}
    mounts:
    - {{hostPath: {}, containerPath: /opt/data, options: [ro, nosuid, nodev, rbind, rprivate]}}
    additionalGids: [7]
",
            data.display()
        ),
    )
}

#[test]
fn privileged_a_run_gets_the_devices_that_it_asks_for() {
    let env = skip_unless!(TestEnv::new());
    let specs = zeros(&env);
    let dockerfile = "FROM base\n\
        RUN --device=vendor1.com/device=foo,required head -c 3 /dev/many/zeros | wc -c > /seen && \\\n\
            cat /opt/data/f >> /seen && echo $FOO $ALL >> /seen && id -G >> /seen; \\\n\
            echo x > /opt/data/f || echo read-only >> /seen\n\
        CMD [\"cat\", \"/seen\"]\n";
    env.build(dockerfile, &["--allow", "device", &specs]).success();
    let seen = env.dsbuild(&["run", "--rm", "--network", "none", "t"]).success().stdout();
    let seen: Vec<&str> = seen.lines().collect();
    assert_eq!(seen[..3], ["3", "data", "injected all"]);
    assert!(seen[3].split(' ').any(|group| group == "7"), "{seen:?}");
    assert_eq!(seen[4..], ["read-only"]);
}

#[test]
fn privileged_a_device_leaves_nothing_in_the_image() {
    let env = skip_unless!(TestEnv::new());
    let specs = zeros(&env);
    let dockerfile = "FROM base\n\
        RUN --device=vendor1.com/device=foo,required echo $FOO > /seen\n\
        RUN echo next $FOO >> /seen; ls -d /opt /dev/many >> /seen || true\n\
        CMD [\"sh\", \"-c\", \"cat /seen; ls -d /opt; echo run $FOO\"]\n";
    env.build(dockerfile, &["--allow", "device", &specs]).success();
    let ran = env.dsbuild(&["run", "--rm", "--network", "none", "t"]);
    assert_eq!(ran.stdout(), "injected\nnext\nrun\n");
}

#[test]
fn privileged_a_step_is_cached_whatever_a_device_stands_for() {
    let env = skip_unless!(TestEnv::new());
    let specs = zeros(&env);
    let dockerfile = "FROM base\nRUN --device=vendor1.com/device=foo test -c /dev/many/zeros\n";
    env.build(dockerfile, &["--allow", "device", &specs]).success();
    fs::remove_dir_all(env.path("cdi")).expect("a directory can be removed");
    let output = env.build(dockerfile, &["--allow", "device", &specs]).success().stderr();
    assert!(output.contains("CACHED"), "{output}");
}

#[test]
fn privileged_an_optional_device_may_be_missing() {
    let env = skip_unless!(TestEnv::new());
    let specs = zeros(&env);
    let dockerfile = "FROM base\nRUN --device=vendor2.com/device true\n";
    let output = env.build(dockerfile, &["--allow", "device", &specs]).success().stderr();
    let expected = "\"vendor2.com/device\" is not registered; the step runs without it";
    assert!(output.contains(expected), "{output}");
}

/// Builds a RUN with this `--device` and these `--allow` flags.
fn run_with_device(env: &TestEnv, request: &str, allow: &[&str]) -> Ran {
    let specs = zeros(env);
    let dockerfile = format!("FROM base\nRUN --device={request} test -c /dev/many/zeros\n");
    env.build(&dockerfile, &[&[specs.as_str()], allow].concat())
}

#[test]
fn privileged_a_device_must_be_allowed() {
    let env = skip_unless!(TestEnv::new());
    let error = run_with_device(&env, "vendor1.com/device=foo", &[]).fails(1).stderr();
    assert!(error.contains("vendor1.com/device=foo is requested by the build but not allowed"), "{error}");
    assert!(error.contains("Dockerfile:2") && error.contains("--allow device=NAME"), "{error}");
}

#[test]
fn privileged_a_device_is_allowed_by_name_class_or_alias() {
    let env = skip_unless!(TestEnv::new());
    let check =
        |request: &str, allow: &str| drop(run_with_device(&env, request, &["--allow", allow]).success());
    check("vendor1.com/device=good", "device=vendor1.com/device=foo");
    check("vendor1.com/device=*", "device=vendor1.com/device");
    check("x.com/y", "device=vendor1.com/device=foo,alias=x.com/y");
}

#[test]
fn privileged_a_required_device_must_exist() {
    let env = skip_unless!(TestEnv::new());
    let error =
        run_with_device(&env, "vendor1.com/device=no,required", &["--allow", "device"]).fails(1).stderr();
    assert!(error.contains("required device \"vendor1.com/device=no\" is not registered"), "{error}");
    assert!(error.contains("nvidia-ctk cdi generate"), "{error}");
}

#[test]
fn privileged_a_bad_spec_is_named_with_its_line() {
    let env = skip_unless!(TestEnv::new());
    env.spec("vendor2.json", "{\"cdiVersion\": \"0.6.0\",\n\"kinds\": \"vendor2.com/device\"}");
    let error =
        run_with_device(&env, "vendor2.com/device,required", &["--allow", "device"]).fails(1).stderr();
    assert!(error.contains("vendor2.json: unknown field `kinds`") && error.contains("line 2"), "{error}");
}

#[test]
fn privileged_a_check_needs_no_devices() {
    let env = skip_unless!(TestEnv::new());
    env.file("Dockerfile", "FROM base\nRUN --device=vendor2.com/device,required true\n");
    let check = env.dsbuild(&["build", "--check", "--allow", "device", "context"]).success();
    assert!(check.stdout().contains("no warnings"), "{}", check.stdout());
}

/// The spec is as `nvidia-ctk cdi generate` writes it: libraries under their full names, and hooks for other names.
#[test]
fn privileged_libraries_are_found_without_running_hooks() {
    let env = skip_unless!(TestEnv::new());
    let maps = fs::read_to_string("/proc/self/maps").expect("our own maps");
    let library = maps.split_whitespace().find(|word| word.contains("/libc.so")).expect("we use a C library");
    let hook = |arguments: &str| {
        format!(
            "{{hookName: createContainer, path: /missing/nvidia-cdi-hook, args: [nvidia-cdi-hook, {arguments}]}}"
        )
    };
    let specs = env.spec(
        "nvidia.yaml",
        &format!(
            "cdiVersion: 0.5.0
kind: nvidia.com/gpu
devices:
- name: all
  containerEdits:
    deviceNodes: [{{path: /dev/null}}]
containerEdits:
  env: [NVIDIA_VISIBLE_DEVICES=void]
  mounts:
  - {{hostPath: {library}, containerPath: /usr/lib64/libcuda.so.575.57.08, options: [ro, nosuid, nodev, bind]}}
  hooks:
  - {}
  - {}
  - {}
  - {}
",
            hook("create-symlinks, --link, \"libc.so.6::/usr/lib64/libcuda.so\""),
            hook("enable-cuda-compat, --host-driver-version=575.57.08"),
            hook("update-ldcache, --folder, /usr/lib64"),
            hook("disable-device-node-modification"),
        ),
    );
    let dockerfile = "FROM base\nENV LD_LIBRARY_PATH=/usr/local/cuda/lib64\n\
        RUN --device=nvidia.com/gpu=all,required ls /run/dsbuild/lib /usr/lib64 > /tmp/seen && \\\n\
            echo $LD_LIBRARY_PATH $NVIDIA_VISIBLE_DEVICES >> /tmp/seen && stat -c %s /usr/lib64/libcuda.so >> /tmp/seen\n\
        CMD [\"sh\", \"-c\", \"cat /tmp/seen; ls -d /run /usr/lib64; echo $LD_LIBRARY_PATH\"]\n";
    env.build(dockerfile, &["--allow", "device=nvidia.com/gpu=all", &specs]).success();
    let size = fs::metadata(library).expect("it is there").len();
    assert_eq!(
        env.dsbuild(&["run", "--rm", "--network", "none", "t"]).stdout(),
        format!(
            "/run/dsbuild/lib:\nlibc.so.6\nlibcuda.so\n\n/usr/lib64:\nlibc.so.6\nlibcuda.so\nlibcuda.so.575.57.08\n\
             /usr/local/cuda/lib64:/run/dsbuild/lib void\n{size}\n/usr/local/cuda/lib64\n"
        )
    );
}
