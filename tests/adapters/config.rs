//! PEFT's configurations, and what is said where a file is not as it should be.

use wgmerge::adapters::{Effect, Entry, Form, Names, Of, PeftConfig, Reading, Scale};
use wgmerge::dtype::DType;

use super::file::{folder, open};
use super::merged::merged;

fn entry(name: &str, shape: &[u64]) -> Entry {
    Entry {
        name: name.to_owned(),
        dtype: DType::from_name("F32").expect("a type"),
        shape: shape.to_vec(),
    }
}

#[test]
fn what_cannot_be_merged_is_refused() {
    let refused = [
        ("[]", "no object"),
        ("{", "EOF"),
        (r#"{"layer_replication": [[0, 4]]}"#, "layer_replication"),
        (r#"{"use_qalora": true}"#, "use_qalora"),
        (
            r#"{"alora_invocation_tokens": [1]}"#,
            "alora_invocation_tokens",
        ),
        (r#"{"init_lora_weights": "pissa_niter_4"}"#, "pissa_niter_4"),
        (r#"{"rank_pattern": {"(": 4}}"#, "rank_pattern"),
        (r#"{"alpha_pattern": {"x": "y"}}"#, "is no number"),
    ];
    for (text, word) in refused {
        let error = PeftConfig::parse(text).expect_err(text);
        assert!(error.contains(word), "{text}: {error}");
    }
    let text = r#"{"peft_type": "LORA", "layer_replication": null, "init_lora_weights": "eva"}"#;
    let config = PeftConfig::parse(text);
    assert_eq!(config.expect("a configuration").peft_type, "LORA");
}

#[test]
fn half_a_pair_is_incomplete() {
    let whole = ["lora_up.weight", "lora_down.weight", "alpha"];
    let modules = [("a", &whole[..1]), ("b", &whole[1..]), ("c", &whole[..])];
    let entries = modules.iter().flat_map(|(module, parts)| {
        let entry = |part: &&str| entry(&format!("lora_unet_{module}.{part}"), &[4, 4]);
        parts.iter().map(entry).collect::<Vec<Entry>>()
    });
    let reading = Reading::of(entries, None);
    assert_eq!(
        reading.incomplete,
        [
            "`lora_unet_a` has no right factor",
            "`lora_unet_b` has no left factor"
        ]
    );
    assert_eq!(reading.adapted.len(), 1);
}

#[test]
fn every_entry_without_effect_is_told() {
    let folder = folder("dropped_keys");
    let base = open(&folder.join("base.safetensors"));
    let adapter = open(&folder.join("mixed.lora.safetensors"));
    let merged = merged(&base, &adapter, None, 1.0);
    for told in [
        "bundle_emb.mytoken.string_to_param.* is unknown",
        "some_unknown_key is unknown",
        "bias_indices is unknown",
        "no module `lora_te1_text_model_encoder_layers_7_mlp_fc1`",
        "no module `lora_unet_down_blocks_9_attentions_0_proj_in`",
    ] {
        let is_told = merged.faults.iter().any(|fault| fault.contains(told));
        assert!(is_told, "{told}: {:#?}", merged.faults);
    }
    let made: Vec<&String> = merged.made.keys().collect();
    assert_eq!(made.len(), 2, "{made:?}");
}

#[test]
fn what_does_not_fit_is_told_with_both_shapes() {
    let folder = folder("dropped_keys");
    let base = open(&folder.join("base.safetensors"));
    let adapter = open(&folder.join("shape_mismatch.lora.safetensors"));
    let merged = merged(&base, &adapter, None, 1.0);
    assert_eq!(merged.faults.len(), 1, "{:?}", merged.faults);
    assert!(merged.faults[0].contains("[8, 8]"), "{}", merged.faults[0]);
}

#[test]
fn fused_attention_of_clip_g_takes_three_adapters() {
    let prefix = "conditioner.embedders.1.model.transformer.resblocks.3.attn";
    let base = [
        entry(&format!("{prefix}.in_proj_weight"), &[24, 8]),
        entry(&format!("{prefix}.in_proj_bias"), &[24]),
        entry(&format!("{prefix}.out_proj.weight"), &[8, 8]),
    ];
    let names = Names::of(base.into_iter());
    let layer = "lora_te2_text_model_encoder_layers_3_self_attn";
    for (number, part) in ["q", "k", "v"].into_iter().enumerate() {
        let rows = number as u64 * 8..number as u64 * 8 + 8;
        for (of, tensor) in [(Of::Weight, "in_proj_weight"), (Of::Bias, "in_proj_bias")] {
            let found = names.places(&format!("{layer}_{part}_proj"), of);
            let found = found.expect("a module").expect("a tensor");
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].key, format!("{prefix}.{tensor}"));
            assert_eq!(found[0].rows, rows);
        }
    }
    let unmatched = names.places("lora_te2_text_model_encoder_layers_4_mlp_fc1", Of::Weight);
    let unmatched = unmatched.expect_err("there is none");
    assert_eq!(unmatched.nearest.len(), 2);
}

#[test]
fn names_that_two_modules_share_are_ambiguous() {
    let base = [
        entry("a.b_c.weight", &[2, 2]),
        entry("a_b.c.weight", &[2, 2]),
    ];
    let names = Names::of(base.into_iter());
    let error = names
        .places("lora_unet_a_b_c", Of::Weight)
        .expect_err("two modules");
    assert!(error.is_ambiguous);
    assert_eq!(error.nearest, ["a.b_c.weight", "a_b.c.weight"]);
    assert!(names.places("a.b_c", Of::Weight).is_ok());
}

#[test]
fn the_metadata_of_diffusers_has_a_configuration_for_each_model() {
    let text = r#"{"transformer.lora_alpha": 8, "transformer.alpha_pattern": {"to_k": 2},
        "text_encoder.lora_alpha": 6, "text_encoder.use_rslora": true, "lora_alpha": 4}"#;
    let configs = PeftConfig::packed(text).expect("configurations");
    let entries = [
        "transformer.a.to_q",
        "transformer.a.to_k",
        "text_encoder.b",
        "c",
    ];
    let entries = entries.into_iter().flat_map(|module| {
        let entry = |part: &str| entry(&format!("{module}.{part}.weight"), &[4, 4]);
        ["lora_A", "lora_B"].map(entry)
    });
    let reading = Reading::packed(entries, &configs);
    let scales: Vec<(&str, Scale)> = reading
        .adapted
        .iter()
        .map(|adapted| (adapted.target.as_str(), adapted.effects[0].scale))
        .collect();
    let expected = [
        ("transformer.a.to_k", Scale::Number(0.5)),
        ("transformer.a.to_q", Scale::Number(2.0)),
        ("text_encoder.b", Scale::Number(3.0)),
        ("c", Scale::Number(1.0)),
    ];
    assert_eq!(scales, expected);
}

#[test]
fn numbers_of_convolutions_are_of_what_the_configuration_says() {
    let config = r#"{"peft_type": "IA3", "feedforward_modules": ["conv_in"]}"#;
    let config = PeftConfig::parse(config).expect("a configuration");
    let entries = ["conv_in", "conv_out"].map(|module| {
        let name = format!("base_model.model.{module}.ia3_l");
        entry(&name, &[1, 4, 1, 1])
    });
    let reading = Reading::of(entries.into_iter(), Some(&config));
    let forms = |effects: &[Effect]| -> Vec<Form> {
        effects.iter().map(|effect| effect.form.clone()).collect()
    };
    let outputs = Form::Ia3 { is_input: false };
    assert_eq!(
        forms(&reading.adapted[0].effects),
        [Form::Ia3 { is_input: true }]
    );
    assert_eq!(
        forms(&reading.adapted[1].effects),
        [outputs.clone(), outputs]
    );
}

#[test]
fn language_models_of_another_class_have_the_same_modules() {
    let names = |prefix: &str| {
        let name = format!("{prefix}layers.3.mlp.up_proj.weight");
        Names::of([entry(&name, &[8, 4])].into_iter())
    };
    let prefixes = [
        "",
        "model.",
        "model.language_model.",
        "language_model.model.",
    ];
    for base in ["model.", "model.language_model.", "language_model.model."] {
        let names = names(base);
        for adapter in &prefixes[1..] {
            for wrapped in ["", "base_model.model."] {
                let target = format!("{wrapped}{adapter}layers.3.mlp.up_proj");
                assert!(
                    names.places(&target, Of::Weight).is_ok(),
                    "{target} of {base}"
                );
            }
        }
    }
    // A name as it is goes before all that it may be meant for.
    let both = ["layers.0.a.weight", "model.layers.0.a.weight"].map(|name| entry(name, &[2, 2]));
    let names = Names::of(both.into_iter());
    for (target, key) in [
        ("layers.0.a", "layers.0.a.weight"),
        (
            "base_model.model.model.layers.0.a",
            "model.layers.0.a.weight",
        ),
    ] {
        let places = names.places(target, Of::Weight).expect("a module");
        assert_eq!(places.expect("a weight")[0].key, key);
    }
}

#[test]
fn the_two_names_of_an_unet_lead_to_each_other() {
    let pairs = [
        ("input_blocks.0.0", "conv_in"),
        ("input_blocks.3.0.op", "down_blocks.0.downsamplers.0.conv"),
        (
            "input_blocks.5.1.proj_in",
            "down_blocks.1.attentions.1.proj_in",
        ),
        (
            "input_blocks.7.0.skip_connection",
            "down_blocks.2.resnets.0.conv_shortcut",
        ),
        ("middle_block.0.in_layers.2", "mid_block.resnets.0.conv1"),
        ("middle_block.1.norm", "mid_block.attentions.0.norm"),
        ("output_blocks.2.1.conv", "up_blocks.0.upsamplers.0.conv"),
        ("output_blocks.5.2.conv", "up_blocks.1.upsamplers.0.conv"),
        (
            "output_blocks.4.1.proj_out",
            "up_blocks.1.attentions.1.proj_out",
        ),
        ("label_emb.0.2", "add_embedding.linear_2"),
        ("out.2", "conv_out"),
    ];
    for (original, diffusers) in pairs {
        for (base, adapter) in [(original, diffusers), (diffusers, original)] {
            let key = format!("{base}.weight");
            let names = Names::of([entry(&key, &[4, 4])].into_iter());
            let underscored = format!("lora_unet_{}", adapter.replace('.', "_"));
            for target in [format!("unet.{adapter}"), underscored] {
                let places = names.places(&target, Of::Weight).expect("a module");
                assert_eq!(places.expect("a weight")[0].key, key, "{target}");
            }
        }
    }
}
