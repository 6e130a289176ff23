//! What is read of a tokenizer's files.

use wgmerge::vocabulary::{Tokenizer, counted_tokens, has_tokens, template_of, vocabulary_rows};

use super::{bpe, folder, tokenizer, tokens};

fn refused(files: &[(&str, &str)]) -> String {
    let root = tempfile::tempdir().expect("a temporary folder");
    let folder = folder(root.path(), "model", files);
    let fault = Tokenizer::read(&folder).expect_err("a refusal").to_string();
    assert!(fault.contains("model"), "{fault} names no file");
    fault
}

#[test]
fn every_kind_of_model_has_its_tokens() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let own = tokenizer(
        root.path(),
        "bpe",
        &bpe(&["<s>", "a", "b"], &[("<s>", 0), ("<x>", 3)]),
    );
    assert_eq!(tokens(&own), ["<s>", "a", "b", "<x>"]);
    let unigram = r#"{"model": {"type": "Unigram", "vocab": [["<unk>", 0.0], ["▁a", -2.5]]}}"#;
    assert_eq!(
        tokens(&tokenizer(root.path(), "unigram", unigram)),
        ["<unk>", "▁a"]
    );
    let words = r#"{"model": {"vocab": {"b": 1, "a": 0}, "unk_token": "a"}}"#;
    assert_eq!(tokens(&tokenizer(root.path(), "words", words)), ["a", "b"]);
    let pair = [
        ("vocab.json", r#"{"a": 0, "b": 1}"#),
        ("merges.txt", "#version: 0.2\na b\n"),
        ("added_tokens.json", r#"{"<y>": 3, "<x>": 2}"#),
    ];
    let pair = folder(root.path(), "pair", &pair);
    assert_eq!(
        tokens(&Tokenizer::read(&pair).expect("sound")),
        ["a", "b", "<x>", "<y>"]
    );
}

#[test]
fn files_beside_it_add_tokens_once() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let config = r#"{
        "added_tokens_decoder": {
            "0": {"content": "<s>", "special": true},
            "3": {"content": "<tool>", "single_word": true}
        },
        "bos_token": "<s>",
        "pad_token": {"content": "<pad>", "lstrip": false},
        "model_max_length": 64
    }"#;
    let files = [
        ("tokenizer.json", bpe(&["<s>", "a", "b"], &[("<s>", 0)])),
        ("tokenizer_config.json", config.to_owned()),
        ("added_tokens.json", r#"{"<tool>": 3}"#.to_owned()),
    ];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let own = Tokenizer::read(&folder(root.path(), "model", &files)).expect("sound");
    assert_eq!(tokens(&own), ["<s>", "a", "b", "<tool>", "<pad>"]);
    let tool = own.added().find(|token| token.content == "<tool>");
    assert!(tool.expect("it was added").single_word);
    let pad = own.added().find(|token| token.content == "<pad>");
    assert!(pad.expect("it was added").special);
}

#[test]
fn what_is_no_tokenizer_is_refused_by_file_and_field() {
    assert!(refused(&[]).contains("has no tokenizer"));
    let fault = refused(&[("tokenizer.model", "x")]);
    assert!(fault.contains("save_pretrained"), "{fault}");
    let fault = refused(&[("vocab.json", "{}")]);
    assert!(fault.contains("merges.txt"), "{fault}");
    let fault = refused(&[("tokenizer.json", "{")]);
    assert!(fault.contains("tokenizer.json cannot be read"), "{fault}");
    let fault = refused(&[("tokenizer.json", "{}")]);
    assert!(fault.contains("`model`"), "{fault}");
    let fault = refused(&[("tokenizer.json", r#"{"model": {}}"#)]);
    assert!(fault.contains("`model.vocab`"), "{fault}");
    let fault = refused(&[("tokenizer.json", r#"{"model": {"vocab": {"a": -1}}}"#)]);
    assert!(
        fault.contains("`model.vocab`") && fault.contains("-1"),
        "{fault}"
    );
    let added = r#"{"model": {"vocab": {}}, "added_tokens": 3}"#;
    let fault = refused(&[("tokenizer.json", added)]);
    assert!(fault.contains("`added_tokens`"), "{fault}");
    let decoder = r#"{"added_tokens_decoder": {"x": {}}}"#;
    let sound = r#"{"model": {"vocab": {}}}"#;
    let files = [
        ("tokenizer.json", sound),
        ("tokenizer_config.json", decoder),
    ];
    let fault = refused(&files);
    assert!(fault.contains("`added_tokens_decoder`"), "{fault}");
}

#[test]
fn a_configuration_counts_tokens() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let counted = |text: &str| {
        let folder = folder(root.path(), "model", &[("config.json", text)]);
        counted_tokens(&folder).map_err(|fault| fault.to_string())
    };
    assert_eq!(counted_tokens(root.path()), Ok(None));
    assert_eq!(counted("{}"), Ok(None));
    assert_eq!(counted(r#"{"vocab_size": 12}"#), Ok(Some(12)));
    assert_eq!(
        counted(r#"{"text_config": {"vocab_size": 13}}"#),
        Ok(Some(13))
    );
    let fault = counted(r#"{"vocab_size": "many"}"#).expect_err("a refusal");
    assert!(
        fault.contains("`vocab_size`") && fault.contains("many"),
        "{fault}"
    );
}

#[test]
fn templates_are_found_where_versions_keep_them() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let found = |name: &str, files: &[(&str, &str)]| {
        template_of(&folder(root.path(), name, files)).expect("sound")
    };
    assert_eq!(found("none", &[("tokenizer_config.json", "{}")]), None);
    assert_eq!(
        found("own", &[("chat_template.jinja", "{{ x }}")]).as_deref(),
        Some("{{ x }}")
    );
    let config = [("tokenizer_config.json", r#"{"chat_template": "{{ y }}"}"#)];
    assert_eq!(found("config", &config).as_deref(), Some("{{ y }}"));
    let several = r#"{"chat_template": [{"name": "tool", "template": "t"},
        {"name": "default", "template": "d"}]}"#;
    let several = found("several", &[("tokenizer_config.json", several)]);
    assert_eq!(several.as_deref(), Some("d"));
}

#[test]
fn names_and_shapes_tell_which_tensors_have_tokens() {
    let yes = [
        "model.embed_tokens.weight",
        "transformer.wte.weight",
        "shared.weight",
        "decoder.embed_tokens.weight",
        "embeddings.word_embeddings.weight",
        "backbone.embedding.weight",
        "model.tok_embeddings.weight",
        "gpt_neox.embed_in.weight",
        "embed_out.weight",
        "lm_head.weight",
        "output.weight",
        "model.layers.61.embed_tokens.weight",
        "model.layers.61.shared_head.head.weight",
    ];
    let no = [
        "model.layers.0.self_attn.q_proj.weight",
        "transformer.wpe.weight",
        "embeddings.position_embeddings.weight",
        "embeddings.token_type_embeddings.weight",
        "vision.embeddings.patch_embedding.weight",
        "model.norm.weight",
    ];
    for name in yes {
        assert!(has_tokens(name, &[66, 8], 66), "{name}");
        assert!(!has_tokens(name, &[64, 8], 66), "{name}");
    }
    for name in no {
        assert!(!has_tokens(name, &[66, 8], 66), "{name}");
    }
    assert!(has_tokens("lm_head.bias", &[66], 66));
    let shapes: [(&str, &[u64]); 3] = [
        ("lm_head.weight", &[70, 8]),
        ("model.embed_tokens.weight", &[72, 8]),
        ("model.norm.weight", &[8]),
    ];
    let rows = |said| vocabulary_rows(shapes.iter().copied(), said);
    // The configuration is right where an embedding agrees.
    assert_eq!(rows(Some(70)), Some(70));
    assert_eq!(rows(Some(32)), Some(72));
    assert_eq!(rows(None), Some(72));
    assert_eq!(vocabulary_rows(shapes[2..].iter().copied(), Some(8)), None);
}
