//! Devices of the machine, by specs of our own.

use std::fs;

use crate::env::{TestEnv, skip_unless};

impl TestEnv {
    /// Describes devices; gives the flag that leads there.
    fn spec(&self, name: &str, text: &str) -> String {
        let folder = self.path("cdi");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(name), text).expect("a file");
        self.give("cdi");
        format!("--cdi-spec-dir={}", folder.display())
    }
}

/// Zeros from `/dev/many/zeros`, a folder, two variables and a group.
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
fn privileged_a_run_has_the_devices_it_asks_for() {
    let env = skip_unless!(TestEnv::new());
    let specs = zeros(&env);
    let dockerfile = "FROM base\n\
        RUN --device=vendor1.com/device=foo,required --device=vendor2.com/device \\\n\
            head -c 3 /dev/many/zeros | wc -c > /seen && cat /opt/data/f >> /seen && echo $FOO $ALL >> /seen && \\\n\
            id -G >> /seen; echo x > /opt/data/f || echo read-only >> /seen\n\
        RUN echo $FOO >> /seen; ls -d /opt /dev/many >> /seen || true\n\
        CMD [\"sh\", \"-c\", \"cat /seen; ls -d /opt; echo $FOO\"]\n";
    let told = env.build(dockerfile, &["--allow", "device", &specs]).success().stderr();
    assert!(told.contains("\"vendor2.com/device\" is not registered; the step runs without it"), "{told}");
    let ran = env.dsbuild(&["run", "--rm", "--network", "none", "t"]);
    let seen = ran.stdout();
    let seen: Vec<&str> = seen.lines().collect();
    assert_eq!(seen[..3], ["3", "data", "injected all"]);
    assert!(seen[3].split(' ').any(|group| group == "7"), "{seen:?}");
    assert_eq!(seen[4..], ["read-only", "", ""]);
    // What a name stands for does not count: the step is found where there is no such device, too.
    fs::remove_dir_all(env.path("cdi")).expect("a folder can be removed");
    let told = env.build(dockerfile, &["--allow", "device", &specs]).success().stderr();
    assert!(told.contains("CACHED"), "{told}");
}

#[test]
fn privileged_devices_must_be_allowed_and_there() {
    let env = skip_unless!(TestEnv::new());
    let specs = zeros(&env);
    let build = |request: &str, allow: &[&str]| {
        let dockerfile = format!("FROM base\nRUN --device={request} test -c /dev/many/zeros\n");
        env.build(&dockerfile, &[&[specs.as_str()], allow].concat())
    };
    let told = build("vendor1.com/device=foo", &[]).fails(1).stderr();
    assert!(told.contains("vendor1.com/device=foo is requested by the build but not allowed"), "{told}");
    assert!(told.contains("Dockerfile:2") && told.contains("--allow device=NAME"), "{told}");
    build("vendor1.com/device=good", &["--allow", "device=vendor1.com/device=foo"]).success();
    build("vendor1.com/device=*", &["--allow", "device=vendor1.com/device"]).success();
    build("x.com/y", &["--allow", "device=vendor1.com/device=foo,alias=x.com/y"]).success();
    let told = build("vendor1.com/device=no,required", &["--allow", "device"]).fails(1).stderr();
    assert!(told.contains("required device \"vendor1.com/device=no\" is not registered"), "{told}");
    assert!(told.contains("nvidia-ctk cdi generate"), "{told}");
    env.spec("vendor2.json", "{\"cdiVersion\": \"0.6.0\",\n\"kinds\": \"vendor2.com/device\"}");
    let told = build("vendor2.com/device,required", &["--allow", "device"]).fails(1).stderr();
    assert!(told.contains("vendor2.json: unknown field `kinds`") && told.contains("line 2"), "{told}");
    let check = env.dsbuild(&["build", "--check", "--allow", "device", "context"]).success();
    assert!(check.stdout().contains("no warnings"), "{}", check.stdout());
}

/// A spec as `nvidia-ctk cdi generate` writes it: libraries under their full names, and hooks for all others.
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
