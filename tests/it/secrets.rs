//! Secrets that a RUN leaves in its layer.

use crate::env::{TestEnv, skip_unless};

const SECRET: &str = "--mount=type=secret,id=token";

/// F.38: a warning by default, an error with `--secrets=strict`; a RUN that only uses the secret has neither.
#[test]
fn privileged_a_secret_in_the_layer_is_found() {
    let env = skip_unless!(TestEnv::new());
    std::fs::write(env.path("token"), "hunter2-token\n").expect("files can be written");
    env.give("token");
    let build = |run: &str, args: &[&str]| {
        let dockerfile = format!("FROM base\nRUN {run}\n");
        env.build(
            &dockerfile,
            &[&["--network=none", "--no-cache", "--progress=plain", "--secret=id=token,src=token"], args]
                .concat(),
        )
    };
    let leaks = [
        (format!("{SECRET} cp /run/secrets/token /kept"), "the secret token in /kept"),
        (
            format!("{SECRET} printf %s u:$(cat /run/secrets/token) | busybox base64 > /kept"),
            "in /kept, in base64",
        ),
        (
            format!("{SECRET} od -An -tx1 /run/secrets/token | tr -d \" \" > /kept"),
            "in /kept, in hexadecimal",
        ),
        ("--mount=type=secret,id=token,env=TOKEN mkdir /d && echo $TOKEN > /d/kept".to_owned(), "in /d/kept"),
    ];
    for (run, expected) in leaks {
        let told = build(&run, &[]).success().stderr();
        assert!(told.contains(expected), "{run}: {told}");
        assert!(!told.contains("hunter2"), "{told}");
        let told = build(&run, &["--secrets=strict"]).fails(1).stderr();
        assert!(told.contains("error: the layer contains") && told.contains("hint:"), "{told}");
    }
    let used =
        format!("{SECRET} wc -c < /run/secrets/token > /n && cp /run/secrets/token /tmp/x && rm /tmp/x");
    let told = build(&used, &["--secrets=strict"]).success().stderr();
    assert!(!told.contains("contains the secret"), "{told}");
}
