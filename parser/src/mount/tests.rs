//! Mounts: their fields, defaults and errors.

use super::*;

fn read(value: &str) -> Result<Mount, MountError> {
    parse(value, |text| Ok(text.replace("$v", "a,b")))
}

fn some(text: &str) -> Option<String> {
    Some(text.to_string())
}

#[test]
fn fields_of_a_cache_are_read() {
    let cache = "type=cache,id=i,target=/t,source=/s,from=f,sharing=LOCKED,mode=0755,uid=1,gid=2,ro";
    let expected = Mount {
        kind: MountType::Cache,
        from: some("f"),
        source: some("/s"),
        target: some("/t"),
        is_readonly: true,
        id: some("i"),
        sharing: Some(Sharing::Locked),
        mode: Some(0o755),
        uid: Some(1),
        gid: Some(2),
        ..Mount::default()
    };
    assert_eq!(read(cache), Ok(expected));
}

#[test]
fn fields_of_a_secret_are_read() {
    let expected = Mount {
        kind: MountType::Secret,
        id: some("i"),
        env: some("E"),
        is_readonly: true,
        is_required: true,
        ..Mount::default()
    };
    assert_eq!(read("type=secret,id=i,env=E,required"), Ok(expected));
}

#[track_caller]
fn check_readonly(value: &str, expected: bool) {
    assert_eq!(read(value).map(|mount| mount.is_readonly), Ok(expected), "{value}");
}

#[test]
fn only_caches_and_tmpfs_are_writable_by_default() {
    check_readonly("target=/t", true);
    check_readonly("type=cache,target=/t", false);
    check_readonly("type=tmpfs,target=/t", false);
    check_readonly("type=secret,id=x", true);
    check_readonly("type=ssh", true);
}

#[test]
fn readonly_and_readwrite_override_the_default() {
    check_readonly("type=bind,target=/t,rw", false);
    check_readonly("target=/t,readwrite=true", false);
    check_readonly("target=/t,rw=0", true);
    check_readonly("type=cache,target=/t,readonly=1", true);
}

#[test]
fn fields_are_split_before_they_are_expanded() {
    check_target("target=$v", "a,b");
}

#[test]
fn fields_can_be_quoted_as_in_csv() {
    check_target("\"target=a,b\"", "a,b");
    check_target("\"target=a\"\"b\"", "a\"b");
}

#[test]
fn keys_can_be_written_in_any_case() {
    check_target("DST=/t", "/t");
}

#[track_caller]
fn check_target(value: &str, expected: &str) {
    assert_eq!(read(value).map(|mount| mount.target), Ok(some(expected)), "{value}");
}

#[track_caller]
fn check_error(value: &str, expected: &str) {
    assert_eq!(read(value).expect_err("this mount is wrong").to_string(), expected);
}

#[test]
fn malformed_csv_is_an_error() {
    check_error("", "failed to parse csv mounts: EOF");
    check_error("\"a", "failed to parse csv mounts: extraneous or missing \" in quoted-field");
    check_error("target=a\"b", "failed to parse csv mounts: bare \" in non-quoted-field");
}

#[test]
fn unknown_keys_are_errors() {
    check_error("typ=cache", "unexpected key 'typ' in 'typ=cache' (did you mean type?)");
    check_error("whatever=1", "unexpected key 'whatever' in 'whatever=1'");
}

#[test]
fn unknown_words_are_errors() {
    check_error("type=tmp", "unsupported mount type \"tmp\" (did you mean tmpfs?)");
    check_error("type=cache,sharing=lock", "unsupported sharing value \"lock\" (did you mean locked?)");
}

#[test]
fn malformed_values_are_errors() {
    check_error("target", "invalid field 'target' must be a key=value pair");
    check_error("ro=maybe", "invalid value for ro: maybe");
    check_error("type=cache,mode=9", "invalid value 9 for mode");
    check_error("type=cache,uid=-1", "invalid value -1 for uid");
    check_error("type=cache,gid=x", "invalid value x for gid");
    check_error("type=tmpfs,size=big", "invalid value for size: big");
}

#[test]
fn keys_of_other_types_are_errors() {
    check_error("size=1k", "unexpected key 'size' for mount type 'bind'");
    check_error("required,type=secret", "unexpected key 'required' for mount type 'bind'");
    check_error("type=cache,required=true", "unexpected key 'required' for mount type 'cache'");
}

#[test]
fn bind_and_tmpfs_mounts_have_no_owner_and_mode() {
    check_error("mode=755", "mode not allowed for \"bind\" type mounts");
    check_error("type=tmpfs,uid=1", "uid not allowed for \"tmpfs\" type mounts");
    check_error("gid=1", "gid not allowed for \"bind\" type mounts");
}

#[test]
fn only_caches_are_shared() {
    check_error("sharing=shared", "invalid cache sharing set for bind mount");
    check_error("type=ssh,sharing=shared", "invalid cache sharing set for ssh mount");
}

#[test]
fn fields_of_ssh_mounts_must_be_consistent() {
    check_error("type=ssh,source=x", "ssh does not support source");
}

#[test]
fn fields_of_secrets_must_be_consistent() {
    check_error("type=secret,id=x,from=y", "secret mount should not have a from");
    check_error("type=secret,id=x,sharing=shared", "secret mount should not define sharing");
    check_error("type=secret", "invalid secret mount. one of source, target required");
    check_error("type=secret,id=x,source=y", "both source and id can't be set");
}

#[test]
fn fields_with_variables_are_not_checked_before_expansion() {
    assert_eq!(check("type=$t,wrong=$x,anything"), Ok(()));
}

#[test]
fn a_variable_in_from_is_an_error() {
    let error = check("target=/t,from=$stage").expect_err("from is never expanded");
    let expected = "'from' doesn't support variable expansion, define alias stage instead";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_trailing_dollar_in_from_is_allowed() {
    assert_eq!(check("from=a$"), Ok(()));
}
