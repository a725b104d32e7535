//! Builds from end to end.

use crate::env::{TestEnv, skip_unless};

#[test]
fn privileged_an_image_contains_what_all_instructions_made() {
    let env = skip_unless!(TestEnv::new());
    env.file("app/main.txt", "main\n").file("app/skip.log", "no\n").file(".dockerignore", "**/*.log\n");
    env.build(
        "FROM base AS made\n\
         RUN mkdir /out && echo made > /out/made.txt\n\
         FROM base\n\
         ARG WHO=world\n\
         ENV GREETING=\"hello $WHO\"\n\
         WORKDIR /srv\n\
         COPY app/ ./\n\
         COPY --from=made --chown=app:app /out/made.txt made/\n\
         RUN <<EOF\n\
         echo $GREETING > greeting.txt\n\
         EOF\n\
         USER app\n\
         CMD [\"sh\", \"-c\", \"cat greeting.txt made/made.txt; ls; id -u; stat -c %u made/made.txt\"]\n",
        &["--build-arg", "WHO=you"],
    )
    .success();
    let ran = env.dsbuild(&["run", "--rm", "--network", "none", "t"]).success();
    assert_eq!(ran.stdout(), "hello you\nmade\ngreeting.txt\nmade\nmain.txt\n1000\n1000\n");
}

#[test]
fn privileged_mounts_leave_nothing_in_the_image() {
    let env = skip_unless!(TestEnv::new());
    env.file("data.txt", "data\n");
    std::fs::write(env.path("token"), "s3cret").expect("files can be written");
    env.build(
        "FROM base\n\
         RUN --mount=type=bind,source=data.txt,target=/in/data.txt \
             --mount=type=secret,id=token --mount=type=tmpfs,target=/scratch --mount=type=cache,target=/cache \
             cat /in/data.txt > /seen && wc -c < /run/secrets/token >> /seen && touch /scratch/x /cache/y\n\
         RUN find / -xdev -name '*in*' -o -xdev -name token | grep -v -e bin -e busybox > /left || true\n\
         CMD [\"sh\", \"-c\", \"cat /seen; ls -d /in /run /scratch /cache 2>/dev/null; cat /left\"]\n",
        &["--secret", "id=token,src=token"],
    )
    .success();
    let ran = env.dsbuild(&["run", "--rm", "--network", "none", "t"]);
    assert_eq!(ran.stdout(), "data\n6\n");
}

#[test]
fn privileged_a_cache_mount_keeps_its_files_from_one_build_to_the_next() {
    let env = skip_unless!(TestEnv::new());
    let step = |n: u32| {
        format!(
            "FROM base\nENV N={n}\nRUN --mount=type=cache,target=/c echo $N >> /c/all; cat /c/all > /all\nCMD [\"cat\", \"/all\"]\n"
        )
    };
    env.build(&step(1), &[]).success();
    env.build(&step(2), &[]).success();
    let ran = env.dsbuild(&["run", "--rm", "--network", "none", "t"]).success();
    assert_eq!(ran.stdout(), "1\n2\n");
}

#[test]
fn privileged_independent_stages_run_at_the_same_time() {
    let env = skip_unless!(TestEnv::new());
    let mut dockerfile = String::new();
    for stage in 0..6 {
        dockerfile += &format!("FROM base AS s{stage}\nRUN sleep 1 && echo {stage} > /f\n");
    }
    dockerfile += "FROM base\n";
    for stage in 0..6 {
        dockerfile += &format!("COPY --from=s{stage} /f /f{stage}\n");
    }
    let started = std::time::Instant::now();
    env.build(&dockerfile, &[]).success();
    // One after another, the stages sleep for six seconds.
    assert!(started.elapsed().as_secs_f64() < 4.0, "the stages ran one after another");
}

#[test]
fn privileged_the_command_build_can_be_left_out() {
    let env = skip_unless!(TestEnv::new());
    env.file("Dockerfile", "FROM base\nLABEL a=b\n");
    env.dsbuild(&["-t", "short", "context"]).success();
    env.dsbuild(&["build", "-t", "long", "context"]).success();
    let images = env.dsbuild(&["images"]).success().stdout();
    let id = |name: &str| {
        let line =
            images.lines().find(|line| line.starts_with(name)).expect("the image is listed").to_owned();
        line.split_whitespace().nth(2).expect("it has an id").to_owned()
    };
    assert_eq!(id("short"), id("long"));
}

#[test]
fn privileged_a_host_may_have_several_addresses() {
    let env = skip_unless!(TestEnv::new());
    let dockerfile = "FROM base\nRUN grep shelf /etc/hosts > /seen\nCMD [\"cat\", \"/seen\"]\n";
    env.build(dockerfile, &["--add-host", "shelf:10.0.0.5", "--add-host", "shelf:10.0.0.6"]).success();
    let ran = env.dsbuild(&["run", "--rm", "--network", "none", "t"]).success();
    assert_eq!(ran.stdout(), "10.0.0.5\tshelf\n10.0.0.6\tshelf\n");
}

#[test]
fn privileged_from_takes_an_image_id() {
    let env = skip_unless!(TestEnv::new());
    let id = env.digest("FROM base\nRUN echo found > /f\nCMD [\"cat\", \"/f\"]\n");
    let image = env.dsbuild(&["images", "--quiet"]).success().stdout();
    let short = image.lines().find(|line| id.contains(*line)).expect("the image is listed").to_owned();
    let digits = id.trim_start_matches("sha256:");
    for name in [id.as_str(), digits, &short] {
        env.build(&format!("FROM {name}\nLABEL from={short}\n"), &[]).success();
        let ran = env.dsbuild(&["run", "--rm", "--network", "none", "t"]).success();
        assert_eq!(ran.stdout(), "found\n", "{name}");
        assert_eq!(
            env.dsbuild(&["run", "--rm", "--network", "none", name]).success().stdout(),
            "found\n",
            "{name}"
        );
    }
}

#[test]
fn privileged_an_image_id_that_the_store_lacks_is_asked_of_no_registry() {
    let env = skip_unless!(TestEnv::new());
    let error = env.build(&format!("FROM sha256:{}\n", "0".repeat(64)), &[]).fails(1).stderr();
    assert!(error.contains("not found") && !error.contains("cannot reach"), "{error}");
}
