//! Digests and chain IDs: parsing, printing and computing them.

use oci::{ChainId, DiffId, Digest, Hasher};
use proptest::prelude::*;

const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn only_the_canonical_text_form_is_parsed() {
    #[track_caller]
    fn check(text: &str, valid: bool) {
        let digest = text.parse::<Digest>();
        assert_eq!(digest.is_ok(), valid, "{text}");
        if let Ok(digest) = digest {
            assert_eq!(digest.to_string(), text);
        }
    }
    check(EMPTY, true);
    check(&EMPTY.to_uppercase(), false);
    check(&EMPTY.replace('e', "E"), false);
    check(&EMPTY[..70], false);
    check(&format!("{EMPTY}0"), false);
    check(&EMPTY[7..], false);
    check("sha256:", false);
    check("sha256:../../x", false);
    check(&format!("sha512:{}", "0".repeat(128)), false);
    check(&format!("sha256:{}", "é".repeat(32)), false);
    check("", false);
}

#[test]
fn digests_equal_those_of_sha256sum() {
    assert_eq!(Digest::of(b"").to_string(), EMPTY);
    let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(Digest::of(b"abc").to_string(), abc);
}

#[test]
fn each_layer_is_hashed_onto_the_chain_id_below() {
    let diff = |text: &str| DiffId(Digest::of(text.as_bytes()));
    let (a, b, c) = (diff("a"), diff("b"), diff("c"));
    let joined = |left: Digest, right: DiffId| Digest::of(format!("{left} {right}").as_bytes());
    assert_eq!(ChainId::of(&[]), None);
    assert_eq!(ChainId::of(&[a]), Some(ChainId(a.0)));
    assert_eq!(ChainId::of(&[a, b]), Some(ChainId(joined(a.0, b))));
    assert_eq!(ChainId::of(&[a, b, c]), Some(ChainId(joined(joined(a.0, b), c))));
}

#[test]
fn a_chain_id_equals_that_of_sha256sum() {
    // Computed with: printf 'sha256:%s sha256:%s' ca9781... 3e23e8... | sha256sum
    let layers = [DiffId(Digest::of(b"a")), DiffId(Digest::of(b"b"))];
    let expected = "sha256:51c0c8ace48498d6f5fee6b0592cc06f2da0f3cbe09c5a34a97dce85c3889676";
    assert_eq!(ChainId::of(&layers).expect("two layers").to_string(), expected);
}

#[test]
fn digests_are_strings_in_json() {
    let json = format!("{:?}", EMPTY);
    let digest: Digest = serde_json::from_str(&json).expect("a digest");
    assert_eq!(serde_json::to_string(&digest).expect("JSON"), json);
    assert_eq!(serde_json::to_string(&DiffId(digest)).expect("JSON"), json);
    serde_json::from_str::<Digest>("7").expect_err("no string");
    serde_json::from_str::<Digest>("\"sha256:7\"").expect_err("no digest");
}

proptest! {
    #[test]
    fn hex_digits_survive_a_round_trip(bytes in any::<[u8; 32]>()) {
        let digest = Digest::from_bytes(bytes);
        prop_assert_eq!(Digest::from_hex(&digest.hex()), Ok(digest));
        prop_assert_eq!(digest.as_bytes(), &bytes);
    }

    #[test]
    fn pieces_hash_to_the_digest_of_the_whole(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0_usize..300) {
        let (front, back) = bytes.split_at(at.min(bytes.len()));
        let mut hasher = Hasher::new();
        hasher.update(front);
        hasher.update(back);
        prop_assert_eq!(hasher.finish(), Digest::of(&bytes));
    }

    #[test]
    fn an_error_has_the_rejected_text(text in ".{0,80}") {
        let error = text.parse::<Digest>().expect_err("random text is no digest");
        prop_assert_eq!(error.text, text);
    }
}
