//! The files of a result's tokenizer.

use std::path::PathBuf;

use wgmerge::vocabulary::{
    CHAT_TEMPLATES, CountedTokenizer, Tokenizer, TokenizerContent, add_texts, chat_template,
};

use super::{bpe, folder, text};

#[test]
fn what_did_not_change_is_copied() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let files = [
        ("tokenizer.json", bpe(&["a", "b"], &[])),
        (
            "tokenizer_config.json",
            r#"{"chat_template": "x"}"#.to_owned(),
        ),
        ("tokenizer.model", "sentences".to_owned()),
        ("config.json", "{}".to_owned()),
    ];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let own = Tokenizer::read(&folder(root.path(), "own", &files)).expect("sound");
    let found = own.files(None).expect("files");
    let names: Vec<&str> = found.iter().map(|file| file.name).collect();
    assert_eq!(
        names,
        ["tokenizer.json", "tokenizer_config.json", "tokenizer.model"]
    );
    assert!(
        found
            .iter()
            .all(|file| matches!(file.content, TokenizerContent::Copy(_)))
    );
}

#[test]
fn json_is_edited_field_by_field() {
    let root = tempfile::tempdir().expect("a temporary folder");
    // Numbers that no double holds, spaces and the order of fields.
    let json = r#"{"z": 0.10000000000000000001, "added_tokens": [], "model":
        {"type": "Unigram", "unk_id": 0,
        "vocab": [["<unk>", -1.0e-7], ["▁a", -12345678901234567890.5]]},
        "a": {"x" :  1}}"#;
    let config = r#"{"model_max_length": 1000000000000000019884624838656, "pad_token": "<pad>",
        "added_tokens_decoder": {}, "chat_template": "{{ own }}"}"#;
    let files = [
        ("tokenizer.json", json),
        ("tokenizer_config.json", config),
        ("tokenizer.model", "stale"),
        ("added_tokens.json", "{}"),
    ];
    let mut own = Tokenizer::read(&folder(root.path(), "own", &files)).expect("sound");
    add_texts(&mut own, ["<new>"]);
    let found = text(&own, None, "tokenizer.json").expect("an edited text");
    for kept in [
        "0.10000000000000000001",
        "-1.0e-7",
        "-12345678901234567890.5",
        r#"{"x" :  1}"#,
    ] {
        assert!(found.contains(kept), "{found}");
    }
    let value: serde_json::Value = serde_json::from_str(&found).expect("JSON");
    let fields: Vec<&String> = value.as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["z", "added_tokens", "model", "a"]);
    assert_eq!(value["added_tokens"][1]["content"], "<new>");
    assert_eq!(value["added_tokens"][1]["id"], 3);
    let found = text(&own, None, "tokenizer_config.json").expect("an edited text");
    assert!(found.contains("1000000000000000019884624838656"), "{found}");
    let value: serde_json::Value = serde_json::from_str(&found).expect("JSON");
    assert_eq!(value["added_tokens_decoder"]["3"]["content"], "<new>");
    // The template has a file of its own in the newer layout.
    assert!(value.get("chat_template").is_none());
    assert_eq!(
        text(&own, None, "chat_template.jinja").as_deref(),
        Some("{{ own }}")
    );
    let names: Vec<&str> = own
        .files(None)
        .expect("files")
        .iter()
        .map(|file| file.name)
        .collect();
    assert_eq!(
        names,
        [
            "tokenizer.json",
            "tokenizer_config.json",
            "chat_template.jinja"
        ]
    );
}

#[test]
fn tokens_that_are_gone_are_named_no_more() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let config = r#"{"bos_token": "<s>", "pad_token": {"content": "<pad>"},
        "additional_special_tokens": ["<pad>", "<s>"]}"#;
    let json = bpe(&["<s>", "a"], &[("<s>", 0), ("<pad>", 2)]);
    let files = [
        ("tokenizer.json", json.as_str()),
        ("tokenizer_config.json", config),
    ];
    let own = Tokenizer::read(&folder(root.path(), "own", &files)).expect("sound");
    let part = CountedTokenizer {
        tokenizer: &own,
        counted: 2,
    };
    let found = text(&part.stripped(), None, "tokenizer_config.json").expect("an edited text");
    let value: serde_json::Value = serde_json::from_str(&found).expect("JSON");
    let expected = serde_json::json!({"bos_token": "<s>", "additional_special_tokens": ["<s>"]});
    assert_eq!(value, expected);
}

#[test]
fn the_older_layout_keeps_its_files() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let files = [
        ("vocab.json", r#"{"a": 0, "b": 1}"#),
        ("merges.txt", "a b\n"),
        ("added_tokens.json", r#"{"<x>": 2}"#),
        ("tokenizer_config.json", "{}"),
    ];
    let mut own = Tokenizer::read(&folder(root.path(), "own", &files)).expect("sound");
    add_texts(&mut own, ["<new>"]);
    let names: Vec<&str> = own
        .files(None)
        .expect("files")
        .iter()
        .map(|file| file.name)
        .collect();
    let expected = [
        "tokenizer_config.json",
        "added_tokens.json",
        "vocab.json",
        "merges.txt",
    ];
    assert_eq!(names, expected);
    let added = text(&own, None, "added_tokens.json").expect("an edited text");
    let added: serde_json::Value = serde_json::from_str(&added).expect("JSON");
    assert_eq!(added, serde_json::json!({"<x>": 2, "<new>": 3}));
}

#[test]
fn templates_are_given_by_name_by_majority_or_as_they_are() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let model = |name: &str, template: Option<&str>| -> PathBuf {
        let files = template.map(|text| ("chat_template.jinja", text));
        folder(root.path(), name, files.as_slice())
    };
    let models = [
        model("none", None),
        model("first", Some("{{ a }}")),
        model("second", Some("{{ b }}\n")),
        model("third", Some("{{ b }}")),
    ];
    let chosen = |wanted: &str, models: &[PathBuf]| chat_template(wanted, models).expect("sound");
    assert_eq!(chosen("auto", &models).as_deref(), Some("{{ b }}"));
    assert_eq!(chosen("auto", &models[..3]).as_deref(), Some("{{ a }}"));
    assert_eq!(chosen("auto", &models[..1]), None);
    // A base that is listed too is one model.
    let twice = [&models[1..2], &models[1..]].concat();
    assert_eq!(chosen("auto", &twice).as_deref(), Some("{{ b }}"));
    let literal = "{% for m in messages %}{{ m }}{% endfor %}";
    assert_eq!(chosen(literal, &models).as_deref(), Some(literal));
    for own in CHAT_TEMPLATES {
        assert_eq!(chosen(own.name, &models).as_deref(), Some(own.text));
        assert!(own.text.contains("messages"), "{}", own.name);
    }
}
