//! Adapters that are refused, and what is said about them.

use super::{ADDED, Family, TURNED, factor};
use crate::support::models::{floats, write};
use crate::support::tensors::tensor;
use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;

/// Where a delta is not finite there is none, whatever stands in for models.
#[test]
fn nothing_of_the_base_stands_in_for_a_delta() {
    let family = Family::new();
    let stem = "lora_te2_text_projection";
    let factors = [
        floats(
            &format!("{stem}.lora_up.weight"),
            Float::F32,
            &[24, 1],
            &[f32::NAN; 24],
        ),
        factor(&format!("{stem}.lora_down.weight"), &[1, 40], 62).0,
    ];
    write(&family.path("lora.safetensors"), &factors);
    family.refused(&ADDED, &[], &["lora.safetensors", "is not finite"]);
    let base = Checkpoint::open(&family.path("base.safetensors")).expect("sound");
    for policy in ["zero", "base"] {
        let merged = family.merged(&ADDED, &["--on-nan", policy]);
        assert_eq!(tensor(&merged, TURNED), tensor(&base, TURNED), "{policy}");
    }
}

#[test]
fn what_is_no_factor_is_refused() {
    let family = Family::new();
    for name in [
        "lora_te2_text_projection.dora_scale",
        "lora_te2_text_projection.hada_w1_a",
        "lora_te2_no_such_layer.lora_up.weight",
        "lora_te2_text_model_encoder_layers_0_self_attn_k_proj.lora_up.weight",
    ] {
        family.with(name, &[22, 1]);
        family.refused(&ADDED, &[], &["line 4", "1 tensor,", name, "sdxl-kohya"]);
    }
}

#[test]
fn factors_that_do_not_fit_are_refused() {
    let family = Family::new();
    family.with("lora_te2_text_projection.lora_mid.weight", &[3, 2, 1, 1]);
    family.refused(
        &ADDED,
        &[],
        &["do not fit each other", "lora_mid.weight` F32 [3, 2, 1, 1]"],
    );
    family.with("lora_te2_text_projection.alpha", &[2]);
    family.refused(&ADDED, &[], &["do not fit each other", "alpha` F32 [2]"]);
}

/// A delta of other rows is another tensor's, though it has as many elements.
#[test]
fn a_delta_is_not_reshaped_over_its_rows() {
    let family = Family::new();
    let stem = "lora_te2_text_projection";
    let factors = [
        factor(&format!("{stem}.lora_up.weight"), &[40, 2], 61).0,
        factor(&format!("{stem}.lora_down.weight"), &[2, 24], 62).0,
    ];
    write(&family.path("lora.safetensors"), &factors);
    family.refused(&ADDED, &[], &["F32 [24, 40] in", "F32 [40, 24] in"]);
}

/// The product of sums is not the sum of products.
#[test]
fn factors_are_not_merged_one_by_one() {
    let family = Family::new();
    let lines = [
        "model \"base.safetensors\"",
        "model \"lora.safetensors\"",
        "merge \"weighted_sum\" &1 &1 alpha=0.5",
        "merge \"convert_'sdxl-kohya_kohya_lora'_to_base\" &2",
        "merge \"convert_'sdxl-kohya'_to_'sdxl-sgm'\" &3",
        "merge \"add_difference\" &0 &4",
        "merge \"fallback\" &5 &0",
    ];
    family.refused(&lines, &[], &["line 4", "convert each adapter to its base"]);
}

#[test]
fn a_delta_is_no_model() {
    let family = Family::new();
    let mut lines = ADDED;
    lines[4] = "merge \"weighted_sum\" &0 &3 alpha=0.5";
    family.refused(&lines, &[], &["line 6", "task vector (delta)"]);
    // Without a default, what the adapter does not touch would be lost.
    family.refused(&ADDED[..5], &[], &["has nothing for", "\"fallback\""]);
}

/// Where there is not enough memory for the factors, that is said beforehand.
#[test]
fn factors_count_as_memory() {
    let family = Family::new();
    let stem = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q";
    let factors = [
        factor(&format!("{stem}.lora_up.weight"), &[700, 3000], 50).0,
        factor(&format!("{stem}.lora_down.weight"), &[3000, 1001], 51).0,
    ];
    write(&family.path("lora.safetensors"), &factors);
    family.refused(&ADDED, &["--memory", "30MiB"], &["raise --memory"]);
}
