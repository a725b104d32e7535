//! The same inputs give the same digest for every user, in every directory and at any time.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::env::{TestEnv, skip_unless};
use crate::user::TestUser;

const DOCKERFILE: &str = "FROM base\n\
    WORKDIR /srv\n\
    COPY . .\n\
    RUN mkdir out && cat sub/* > out/all && ln out/all out/link && touch out/new\n\
    LABEL kind=test\n\
    CMD [\"cat\", \"out/all\"]\n";

fn context(env: &TestEnv) {
    for n in 0..20 {
        env.file(&format!("sub/{n}.txt"), &format!("{n}\n"));
    }
}

#[test]
fn privileged_two_clean_builds_have_the_same_digest() {
    let env = skip_unless!(TestEnv::new());
    context(&env);
    let first = env.digest(DOCKERFILE);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let second = env.clean();
    touch_everything(&second);
    assert_eq!(second.digest(DOCKERFILE), first);
}

/// Gives all files other times and owners, as another user's checkout has.
fn touch_everything(env: &TestEnv) {
    let context = env.path("context");
    let run = |program: &str, args: &[&str]| {
        assert!(Command::new(program).args(args).arg(&context).status().expect("it runs").success());
    };
    run("chown", &["-R", "1234:1234"]);
    let touched =
        Command::new("find").arg(&context).args(["-exec", "touch", "-d", "2031-01-01", "{}", "+"]).status();
    assert!(touched.expect("find runs").success());
}

#[test]
fn privileged_an_exported_layout_always_has_the_same_bytes() {
    let env = skip_unless!(TestEnv::new());
    context(&env);
    let export = |env: &TestEnv, name: &str| {
        env.build(DOCKERFILE, &["--output", &format!("type=oci,dest={name}")]).success();
        fs::read(env.path(name)).expect("the layout was written")
    };
    let first = export(&env, "one.tar");
    assert!(first == export(&env.clean(), "two.tar"), "two clean builds differ");
    assert!(first == export(&env, "three.tar"), "a cached export differs");
}

#[test]
fn privileged_umask_and_directory_do_not_change_the_digest() {
    let env = skip_unless!(TestEnv::new());
    context(&env);
    let first = env.digest(DOCKERFILE);
    let other = env.clean();
    other.give("context");
    fs::set_permissions(other.path("context"), fs::Permissions::from_mode(0o700)).expect("modes can be set");
    other.file("Dockerfile", DOCKERFILE);
    assert_eq!(other_digest(&other), first);
}

/// Builds the context under another umask, time zone and locale; returns the digest.
fn other_digest(env: &TestEnv) -> String {
    let mut command = env.program("sh");
    command.args(["-c", "umask 077; exec \"$0\" -t t --iidfile iid context"]).arg(env.binary());
    let built = command.env("TZ", "Pacific/Chatham").env("LC_ALL", "C").status();
    assert!(built.expect("sh runs").success());
    fs::read_to_string(env.path("iid")).expect("the id was written")
}

/// Dockerfile with everything that can depend on the user who builds: owners, special modes, links, home directories,
/// whiteouts, and facts that commands see. (Commands see real times as well, and the kernel's owners of `/sys`.)
const OWNERS: &str = "FROM base AS made\n\
    RUN mkdir -p /out/d && echo a > /out/d/a && chown -R app:nogroup /out/d && chmod 4755 /out/d/a && ln /out/d/a /out/b\n\
    FROM base\n\
    COPY --chown=app sub /sub\n\
    COPY --from=made /out /out\n\
    RUN rm -r /out/d && touch /new && chown nobody /new && ln -s new /soft && find / -xdev -newer /etc/passwd > /dev/null\n\
    RUN --mount=type=cache,target=/c mkfifo /fifo || true; echo c > /c/c; id > /id; umask >> /id; env | sort >> /id; cat /proc/self/uid_map | wc -l\n\
    USER app\n\
    WORKDIR /home/of/app\n\
    RUN touch /tmp/mine; id >> /tmp/mine; stat -c '%n %u %g %a %h' / /* /sub/* /out/* . | grep -v -e '^/proc ' -e '^/sys ' >> /tmp/mine\n";

#[test]
fn privileged_two_users_get_the_same_digest() {
    let user = skip_unless!(TestUser::new("two"));
    let roots = skip_unless!(TestEnv::of(None));
    context(&roots);
    let theirs = skip_unless!(TestEnv::of(Some(user.0.clone())));
    context(&theirs);
    touch_everything(&theirs);
    for dockerfile in [DOCKERFILE, OWNERS] {
        let first = roots.digest(dockerfile);
        std::thread::sleep(std::time::Duration::from_millis(1100));
        theirs.file("Dockerfile", dockerfile);
        assert_eq!(other_digest(&theirs), first, "{dockerfile}");
    }
}

/// A.5: the tar of a layer has no times later than the clamp of the store, and only the files that are derived from it know
/// them. Without these the step runs again, where a later source date shows the times.
#[test]
fn a_layer_that_has_lost_its_real_times_is_built_again_where_they_show() {
    let env = TestEnv::bare();
    env.file("f", "content");
    let touched = Command::new("touch").args(["-d", "2001-02-03"]).arg(env.path("context/f")).status();
    assert!(touched.expect("touch runs").success());
    let build = |epoch: Option<&str>| {
        let mut command = env.command(&["build", "--progress=plain", "--iidfile=iid", "context"]);
        command.envs(epoch.map(|epoch| ("SOURCE_DATE_EPOCH", epoch)));
        let ran = crate::env::Ran(command.output().expect("dsbuild runs")).success();
        (fs::read_to_string(env.path("iid")).expect("an id"), ran.stderr().contains("CACHED"))
    };
    env.file("Dockerfile", "FROM scratch\nCOPY f /f\n");
    let (first, _) = build(Some("1000000000"));
    assert_eq!(build(Some("1000000000")), (first.clone(), true));
    let (without_date, _) = build(None);
    fs::remove_dir_all(env.store().join("layers")).expect("removed");
    assert_eq!(build(None), (without_date, true), "no time shows");
    assert_eq!(build(Some("1000000000")), (first, false));
}
