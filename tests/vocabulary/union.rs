//! Tokenizers made of several.

use wgmerge::vocabulary::{CountedTokenizer, Tokenizer, add_texts, union};

use super::{bpe, text, tokenizer, tokens};

fn all(tokenizer: &Tokenizer) -> CountedTokenizer<'_> {
    CountedTokenizer {
        tokenizer,
        counted: u32::MAX,
    }
}

#[test]
fn tokens_of_others_come_behind_in_a_fixed_order() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let base = tokenizer(
        root.path(),
        "base",
        &bpe(&["<s>", "a", "b"], &[("<s>", 0), ("<i>", 3)]),
    );
    let second = bpe(&["<s>", "z", "a", "y"], &[("<s>", 0), ("<t>", 4)]);
    let second = tokenizer(root.path(), "second", &second);
    let third = bpe(&["x", "b", "y"], &[("<i>", 3), ("<u>", 4)]);
    let third = tokenizer(root.path(), "third", &third);
    let found = union(all(&base), &[all(&second), all(&third)]);
    assert_eq!(
        tokens(&found),
        ["<s>", "a", "b", "<i>", "z", "y", "x", "<t>", "<u>"]
    );
    // The base's own settings stay; what was a plain token elsewhere is plain here.
    let added = |name: &str| {
        found
            .added()
            .find(|token| token.content == name)
            .expect("added")
    };
    assert!(added("<i>").special && !added("<i>").normalized);
    assert!(!added("z").special && added("z").normalized);
    // Nothing is new in the other direction but what the base has.
    let same = union(all(&base), &[all(&base)]);
    assert_eq!(same, base);
}

#[test]
fn tokens_without_rows_are_left_out() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let base = tokenizer(root.path(), "base", &bpe(&["a", "b", "ab"], &[("<i>", 3)]));
    let second = tokenizer(root.path(), "second", &bpe(&["c", "d"], &[("<j>", 2)]));
    let part = |tokenizer, counted| CountedTokenizer { tokenizer, counted };
    let found = union(part(&base, 2), &[part(&second, 1)]);
    assert_eq!(tokens(&found), ["a", "b", "c"]);
    let json = text(&found, None, "tokenizer.json").expect("an edited text");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["model"]["vocab"], serde_json::json!({"a": 0, "b": 1}));
    // A merge that makes a token that is gone is gone too.
    assert_eq!(json["model"]["merges"], serde_json::json!([]));
    assert_eq!(json["added_tokens"].as_array().map(Vec::len), Some(1));
    assert_eq!(json["added_tokens"][0]["id"], 2);
}

#[test]
fn texts_are_added_once() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let mut own = tokenizer(root.path(), "own", &bpe(&["a", "b"], &[]));
    add_texts(&mut own, ["b", "<new>", "<new>"]);
    assert_eq!(tokens(&own), ["a", "b", "<new>"]);
}
