//! What a report says of tensors and of blocks of them.

mod card;
mod page;
mod preview;
mod several;
mod terminal;

use wgmerge::keys::blocks::{Kind, expert, places};
use wgmerge::report::{Comparison, Form, Report, State, Survival, Tensor};

/// Names of several architectures, with what they are.
const NAMES: &[(&str, Kind)] = &[
    ("model.layers.0.self_attn.q_proj.weight", Kind::Query),
    ("model.layers.0.self_attn.k_proj.bias", Kind::Key),
    ("model.layers.0.self_attn.q_norm.weight", Kind::Norm),
    ("model.layers.0.self_attn.o_proj.weight", Kind::Out),
    ("model.layers.0.mlp.experts.3.down_proj.weight", Kind::Mlp),
    ("model.layers.0.mlp.experts.gate_up_proj", Kind::Mlp),
    ("model.layers.0.mlp.gate.weight", Kind::Router),
    ("model.embed_tokens.weight", Kind::Embedding),
    ("lm_head.weight", Kind::Embedding),
    ("transformer.h.2.attn.c_proj.weight", Kind::Out),
    ("transformer.h.2.attn.c_attn.weight", Kind::Joined),
    ("transformer.h.2.mlp.c_proj.weight", Kind::Mlp),
    ("transformer.h.2.ln_1.weight", Kind::Norm),
    (
        "bert.encoder.layer.1.attention.output.dense.weight",
        Kind::Out,
    ),
    ("bert.encoder.layer.1.output.dense.weight", Kind::Mlp),
    (
        "bert.encoder.layer.1.attention.self.query.weight",
        Kind::Query,
    ),
    (
        "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_out.0.weight",
        Kind::Out,
    ),
    (
        "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.ff.net.0.proj.weight",
        Kind::Mlp,
    ),
    (
        "model.diffusion_model.input_blocks.1.0.in_layers.2.weight",
        Kind::Convolution,
    ),
    ("model.diffusion_model.time_embed.0.weight", Kind::Embedding),
    ("double_blocks.4.img_attn.proj.weight", Kind::Out),
    ("double_blocks.4.img_attn.qkv.weight", Kind::Joined),
    ("double_blocks.4.img_mod.lin.weight", Kind::Modulation),
    ("double_blocks.4.txt_mlp.2.bias", Kind::Mlp),
    ("alphas_cumprod", Kind::Other),
];

#[test]
fn names_say_what_tensors_are() {
    for (name, kind) in NAMES {
        assert_eq!(Kind::of(name), *kind, "{name}");
    }
    assert_eq!(
        expert("model.layers.0.mlp.experts.3.down_proj.weight"),
        Some(3)
    );
    assert_eq!(expert("model.layers.0.mlp.experts.gate_up_proj"), None);
}

#[test]
fn blocks_are_those_of_the_family_and_models_beside_the_network_are_blocks_too() {
    let sdxl = [
        "conditioner.embedders.0.transformer.text_model.encoder.layers.3.mlp.fc1.weight",
        "conditioner.embedders.1.model.transformer.resblocks.3.mlp.c_fc.weight",
        "model.diffusion_model.input_blocks.4.0.in_layers.0.weight",
        "model.diffusion_model.middle_block.1.proj_in.weight",
        "first_stage_model.decoder.conv_in.weight",
    ];
    let blocks = [
        "conditioner.embedders.0",
        "conditioner.embedders.1",
        "IN04",
        "M00",
    ];
    assert_eq!(places(&sdxl)[..4], blocks);
    assert_eq!(places(&sdxl)[4], "first_stage_model");
    let llama = [
        "model.embed_tokens.weight",
        "model.layers.11.mlp.up_proj.weight",
    ];
    assert_eq!(places(&llama), ["others", "model.layers.11"]);
}

fn compared(a: &[f64], b: &[f64]) -> Comparison {
    let sum = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| f(*a, *b)).sum();
    Comparison {
        elements: a.len() as u64,
        a_squares: sum(&|a, _| a * a),
        b_squares: sum(&|_, b| b * b),
        products: sum(&|a, b| a * b),
        change_squares: sum(&|a, b| (b - a) * (b - a)),
        ..Comparison::default()
    }
}

fn tensor(key: &str, block: &str, comparison: Comparison) -> Tensor {
    let form = Form {
        dtype: "F32".to_owned(),
        shape: vec![comparison.elements],
    };
    let own = Tensor::new(key.to_owned(), block.to_owned(), State::Compared, form);
    Tensor {
        comparison: Some(comparison),
        ..own
    }
}

#[test]
fn a_block_has_the_numbers_of_its_elements_not_means_of_its_tensors() {
    let (a, b) = ([3.0, 4.0, 0.0, 12.0], [4.0, 3.0, 5.0, 12.0]);
    let report = Report {
        tensors: vec![
            tensor("x", "one", compared(&a[..1], &b[..1])),
            tensor("y", "one", compared(&a[1..], &b[1..])),
        ],
        ..Report::default()
    };
    let block = report.blocks()["one"].comparison.clone().expect("compared");
    assert_eq!(block, compared(&a, &b));
    assert_eq!(block.norm_a(), 13.0);
    assert_eq!(block.relative_change(), Some(27.0_f64.sqrt() / 13.0));
    let cosine = 168.0 / (13.0 * 194.0_f64.sqrt());
    let found = block.cosine().expect("neither is zero");
    assert!((found - cosine).abs() < 1e-15, "{found} is not {cosine}");
}

#[test]
fn a_cosine_near_one_keeps_its_digits() {
    // b is a turned by an angle; the cosine's distance from one is half its square.
    let angle = 1e-6_f64;
    let found = compared(&[1.0, 0.0], &[angle.cos(), angle.sin()]);
    let apart = 1.0 - found.cosine().expect("neither is zero");
    assert!(
        (apart / (angle * angle / 2.0) - 1.0).abs() < 1e-3,
        "{apart}"
    );
    assert_eq!(compared(&[1.5, -2.0], &[1.5, -2.0]).cosine(), Some(1.0));
    assert_eq!(compared(&[1.5, -2.0], &[-3.0, 4.0]).cosine(), Some(-1.0));
    assert_eq!(compared(&[1.0], &[0.0]).cosine(), None);
}

#[test]
fn json_has_norms_and_ratios_and_null_where_there_is_no_ratio() {
    let zero = serde_json::to_value(compared(&[0.0], &[1.0])).expect("JSON");
    assert_eq!(zero["norm_b"], 1.0);
    assert!(zero["relative_change"].is_null() && zero["cosine"].is_null());
    let survival = Survival {
        elements: 4,
        intended_squares: 4.0,
        kept_squares: 1.0,
        products: 2.0,
        changed: 1,
        ..Survival::default()
    };
    let survival = serde_json::to_value(survival).expect("JSON");
    let found = (&survival["survival"], &survival["intended_norm"]);
    assert_eq!(found, (&0.5.into(), &2.0.into()));
    assert_eq!(survival["changed_share"], 0.25);
}
