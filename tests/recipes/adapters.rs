//! Adapters: LoRA and LoKr factors as deltas of their base.

mod merged;
mod refusals;

use std::path::{Path, PathBuf};

use super::{refuses, succeeds};
use crate::golden::close;
use crate::support::models::{Tensor, floats, values, write};
use crate::support::tensors::tensor;
use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::{DType, Float};
use wgmerge::exec::cpu::Level;

const QUERY: &str = "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_q.weight";
const KEY: &str = "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_k.weight";
const CONV: &str = "model.diffusion_model.input_blocks.1.0.in_layers.2.weight";
const FUSED: &str = "conditioner.embedders.1.model.transformer.resblocks.0.attn.in_proj_weight";
const TURNED: &str = "conditioner.embedders.1.model.text_projection";
const BIAS: &str = "model.diffusion_model.input_blocks.1.0.in_layers.2.bias";

/// Adds the adapter to the base, with a strength.
const ADDED: [&str; 7] = [
    "model \"base.safetensors\"",
    "model \"lora.safetensors\"",
    "merge \"convert_'sdxl-kohya_kohya_lora'_to_base\" &1",
    "merge \"convert_'sdxl-kohya'_to_'sdxl-sgm'\" &2",
    "merge \"add_difference\" &0 &3 alpha=0.5",
    "merge \"fallback\" &4 &0",
    "# what the adapter has nothing for stays",
];

/// A factor, and its values as they are read.
fn factor(name: &str, shape: &[u64], seed: u64) -> (Tensor, Vec<f64>) {
    let n = shape.iter().product::<u64>() as usize;
    let values = values(n, seed, 0);
    let wide = values.iter().map(|value| f64::from(*value)).collect();
    (floats(name, Float::F32, shape, &values), wide)
}

/// \[m, r\] times \[r, n\].
fn product(up: &[f64], down: &[f64], rank: usize) -> Vec<f64> {
    let columns = down.len() / rank;
    let rows = up.chunks_exact(rank);
    let element = |row: &[f64], column: usize| -> f64 {
        let terms = row.iter().zip(down[column..].iter().step_by(columns));
        terms.map(|(up, down)| up * down).sum()
    };
    rows.flat_map(|row| (0..columns).map(move |column| element(row, column)))
        .collect()
}

/// A base and an adapter of every kind, and the deltas worked out in f64.
struct Family {
    folder: tempfile::TempDir,
    deltas: Vec<(&'static str, Vec<f64>)>,
}

impl Family {
    fn new() -> Family {
        let mut family = Family {
            folder: tempfile::tempdir().expect("a temporary folder"),
            deltas: Vec::new(),
        };
        let base: &[(&str, &[u64])] = &[
            (QUERY, &[700, 1001]),
            (KEY, &[42, 30]),
            (CONV, &[33, 70, 3, 3]),
            (FUSED, &[66, 22]),
            (TURNED, &[40, 24]),
            (BIAS, &[33]),
        ];
        let tensors: Vec<Tensor> = base
            .iter()
            .zip(0..)
            .map(|((name, shape), seed)| factor(name, shape, seed).0)
            .collect();
        write(&family.path("base.safetensors"), &tensors);
        let mut factors = family.low_rank();
        factors.extend(family.tucker());
        factors.extend(family.kronecker());
        factors.extend(family.text());
        write(&family.path("lora.safetensors"), &factors);
        family
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A LoRA of 37 by alpha 3, larger than a chunk.
    fn low_rank(&mut self) -> Vec<Tensor> {
        let stem = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q";
        let (up, u) = factor(&format!("{stem}.lora_up.weight"), &[700, 37], 50);
        let (down, d) = factor(&format!("{stem}.lora_down.weight"), &[37, 1001], 51);
        let alpha = floats(&format!("{stem}.alpha"), Float::F32, &[], &[3.0]);
        let delta = product(&u, &d, 37).into_iter().map(|x| x * 3.0 / 37.0);
        self.deltas.push((QUERY, delta.collect()));
        vec![up, down, alpha]
    }

    /// A convolution with a Tucker core, without alpha.
    fn tucker(&mut self) -> Vec<Tensor> {
        let stem = "lora_unet_input_blocks_1_0_in_layers_2";
        let (up, u) = factor(&format!("{stem}.lora_up.weight"), &[33, 5, 1, 1], 52);
        let (mid, c) = factor(&format!("{stem}.lora_mid.weight"), &[5, 5, 3, 3], 53);
        let (down, d) = factor(&format!("{stem}.lora_down.weight"), &[5, 70, 1, 1], 54);
        let element = |at: usize| -> f64 {
            let (row, column, kernel) = (at / 630, at / 9 % 70, at % 9);
            let pairs = (0..5).flat_map(|i| (0..5).map(move |j| (i, j)));
            pairs
                .map(|(i, j)| u[row * 5 + i] * c[(i * 5 + j) * 9 + kernel] * d[j * 70 + column])
                .sum()
        };
        self.deltas
            .push((CONV, (0..33 * 630).map(element).collect()));
        vec![up, mid, down]
    }

    /// A LoKr with both operands in factors; alpha goes by the rank of the first.
    fn kronecker(&mut self) -> Vec<Tensor> {
        let stem = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_k";
        let named = |suffix: &str| format!("{stem}.lokr_{suffix}");
        let (w1_a, a) = factor(&named("w1_a"), &[6, 2], 55);
        let (w1_b, b) = factor(&named("w1_b"), &[2, 5], 56);
        let (w2_a, c) = factor(&named("w2_a"), &[7, 3], 57);
        let (w2_b, d) = factor(&named("w2_b"), &[3, 6], 58);
        let alpha = floats(&format!("{stem}.alpha"), Float::F32, &[], &[1.5]);
        let (outer, inner) = (product(&a, &b, 2), product(&c, &d, 3));
        let element = |at: usize| {
            let (row, column) = (at / 30, at % 30);
            outer[row / 7 * 5 + column / 6] * inner[row % 7 * 6 + column % 6] * 1.5 / 2.0
        };
        self.deltas.push((KEY, (0..42 * 30).map(element).collect()));
        vec![w1_a, w1_b, w2_a, w2_b, alpha]
    }

    /// One of three matrices that the target fuses, and one that it transposes.
    fn text(&mut self) -> Vec<Tensor> {
        let stem = "lora_te2_text_model_encoder_layers_0_self_attn_k_proj";
        let (up, u) = factor(&format!("{stem}.lora_up.weight"), &[22, 4], 59);
        let (down, d) = factor(&format!("{stem}.lora_down.weight"), &[4, 22], 60);
        let mut fused = vec![0.0; 66 * 22];
        fused[22 * 22..44 * 22].copy_from_slice(&product(&u, &d, 4));
        self.deltas.push((FUSED, fused));
        let stem = "lora_te2_text_projection";
        let (turned_up, u) = factor(&format!("{stem}.lora_up.weight"), &[24, 2], 61);
        let (turned_down, d) = factor(&format!("{stem}.lora_down.weight"), &[2, 40], 62);
        let delta = product(&u, &d, 2);
        let element = |at: usize| delta[at % 24 * 40 + at / 24];
        self.deltas
            .push((TURNED, (0..40 * 24).map(element).collect()));
        vec![up, down, turned_up, turned_down]
    }

    /// Writes a recipe and gives the arguments that run it.
    fn run<'o>(&self, lines: &[&str], options: &[&'o str]) -> Vec<&'o str> {
        let text = format!("version 0.1.0\n{}\n", lines.join("\n"));
        std::fs::write(self.path("r.mecha"), text).expect("written");
        let arguments = ["run", "r.mecha", "-o", "out.safetensors", "--force", "-q"];
        [&arguments, options].concat()
    }

    fn merged(&self, lines: &[&str], options: &[&str]) -> Checkpoint {
        succeeds(self.folder.path(), &self.run(lines, options));
        Checkpoint::open(&self.path("out.safetensors")).expect("sound")
    }

    #[track_caller]
    fn refused(&self, lines: &[&str], options: &[&str], parts: &[&str]) {
        let errors = refuses(self.folder.path(), &self.run(lines, options));
        for part in parts {
            assert!(errors.contains(part), "`{part}` in: {errors}");
        }
        assert!(!self.path("out.safetensors").exists());
    }

    /// Writes the adapter again with another tensor in place of the last.
    fn with(&self, name: &str, shape: &[u64]) {
        let stem = "lora_te2_text_projection";
        let tensors = [
            factor(&format!("{stem}.lora_up.weight"), &[24, 2], 61).0,
            factor(&format!("{stem}.lora_down.weight"), &[2, 40], 62).0,
            factor(name, shape, 63).0,
        ];
        let tensors: Vec<Tensor> = tensors.into_iter().collect();
        write(&self.path("lora.safetensors"), &tensors);
    }
}

#[test]
fn deltas_are_what_their_factors_make() {
    let family = Family::new();
    let base = Checkpoint::open(&family.path("base.safetensors")).expect("sound");
    let merged = family.merged(&ADDED, &[]);
    assert_eq!(merged.tensors().len(), 6);
    for (name, delta) in &family.deltas {
        let base = tensor(&base, name);
        let expected = base.iter().zip(delta);
        let expected: Vec<f32> = expected
            .map(|(base, delta)| (f64::from(*base) + 0.5 * delta) as f32)
            .collect();
        close(name, &tensor(&merged, name), &expected, 1e-6);
    }
    assert_eq!(tensor(&merged, BIAS), tensor(&base, BIAS));
}

/// Without a base the deltas themselves are the result, in the names of their config.
#[test]
fn an_adapter_converts_to_the_deltas_of_its_base() {
    let family = Family::new();
    let folder = family.folder.path();
    let arguments = [
        "convert",
        "lora.safetensors",
        "--to",
        "sdxl-sgm",
        "-o",
        "d.safetensors",
    ];
    succeeds(folder, &arguments);
    let found = Checkpoint::open(&family.path("d.safetensors")).expect("sound");
    assert_eq!(found.tensors().len(), family.deltas.len());
    for (name, delta) in &family.deltas {
        let expected: Vec<f32> = delta.iter().map(|delta| *delta as f32).collect();
        close(name, &tensor(&found, name), &expected, 1e-6);
    }
}

#[test]
fn the_bytes_depend_on_nothing_but_the_recipe() {
    let family = Family::new();
    // The same adapter several times stands for several: their factors take turns.
    let lines = [
        "model \"base.safetensors\"",
        "model \"lora.safetensors\"",
        "model \"other.safetensors\"",
        "merge \"convert_'sdxl-kohya_kohya_lora'_to_base\" &1",
        "merge \"convert_'sdxl-kohya_kohya_lora'_to_base\" &2",
        "merge \"ties_sum\" &3 &4 k=0.5",
        "merge \"convert_'sdxl-kohya'_to_'sdxl-sgm'\" &4",
        "merge \"add_difference\" &0 &6 alpha=0.5",
        "merge \"fallback\" &7 &0",
    ];
    let copied = std::fs::copy(
        family.path("lora.safetensors"),
        family.path("other.safetensors"),
    );
    copied.expect("a second adapter");
    let run = |options: &[&str], level: &str| {
        let arguments = family.run(&lines, options);
        let done = crate::support::command::wgmerge()
            .current_dir(family.folder.path())
            .args(&arguments)
            .env(Level::VARIABLE, level)
            .output()
            .expect("the binary runs");
        let errors = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{options:?}: {errors}");
        std::fs::read(family.path("out.safetensors")).expect("an output")
    };
    let expected = run(&[], "");
    for options in [
        &["--threads", "1"][..],
        &["--threads", "5", "--memory", "28MiB"],
        &["--memory", "4GiB"],
    ] {
        assert!(run(options, "") == expected, "{options:?}");
    }
    for level in ["baseline", "avx2", "avx512"] {
        match Level::named(level) {
            Ok(_) => assert!(run(&[], level) == expected, "{level}"),
            Err(missing) => println!("skipped {level}: {missing}"),
        }
    }
}

#[test]
fn whole_tensor_methods_see_the_deltas() {
    let family = Family::new();
    let lines = [
        "model \"lora.safetensors\"",
        "merge \"convert_'sdxl-kohya_kohya_lora'_to_base\" &0",
        "merge \"ties_sum\" &1 &1 &1 k=1.0",
    ];
    let merged = family.merged(&lines, &[]);
    let name = "unet.input_blocks.4.1.transformer_blocks.0.attn1.to_q.weight";
    let expected: Vec<f32> = family.deltas[0]
        .1
        .iter()
        .map(|delta| *delta as f32)
        .collect();
    // Three times the same, of which the elected mean is one.
    close(name, &tensor(&merged, name), &expected, 1e-6);
}

/// Some trainers write alpha as an integer, or as a list of one.
#[test]
fn alpha_is_a_number_of_any_kind() {
    let family = Family::new();
    let stem = "lora_te2_text_projection";
    let mut outputs = Vec::new();
    let bytes = [
        (DType::I64, &[][..], 6_i64.to_le_bytes().to_vec()),
        (DType::I32, &[1], 6_i32.to_le_bytes().to_vec()),
        (DType::F64, &[], 6_f64.to_le_bytes().to_vec()),
        (DType::F32, &[1], 6_f32.to_le_bytes().to_vec()),
    ];
    for (dtype, shape, bytes) in bytes {
        let factors = [
            factor(&format!("{stem}.lora_up.weight"), &[24, 2], 61).0,
            factor(&format!("{stem}.lora_down.weight"), &[2, 40], 62).0,
            Tensor {
                name: format!("{stem}.alpha"),
                dtype,
                shape: shape.to_vec(),
                bytes,
            },
        ];
        write(&family.path("lora.safetensors"), &factors);
        outputs.push(tensor(&family.merged(&ADDED, &[]), TURNED));
    }
    let base = Checkpoint::open(&family.path("base.safetensors")).expect("sound");
    assert_ne!(outputs[0], tensor(&base, TURNED));
    assert!(outputs.iter().all(|output| *output == outputs[0]));
}

/// A Kronecker product whose right operand is wider than what is computed at a time.
#[test]
fn a_wide_kronecker_product_is_computed_in_parts() {
    let family = Family::new();
    let stem = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q";
    let (w1, a) = factor(&format!("{stem}.lokr_w1"), &[2, 1], 55);
    let (w2_a, c) = factor(&format!("{stem}.lokr_w2_a"), &[3, 2], 57);
    let (w2_b, d) = factor(&format!("{stem}.lokr_w2_b"), &[2, 150_001], 58);
    write(&family.path("lora.safetensors"), &[w1, w2_a, w2_b]);
    let base = factor(QUERY, &[6, 150_001], 1);
    write(&family.path("base.safetensors"), &[base.0]);
    let inner = product(&c, &d, 2);
    let delta = a.iter().flat_map(|a| inner.iter().map(move |b| a * b));
    let expected = base.1.iter().zip(delta);
    let expected: Vec<f32> = expected.map(|(x, y)| (x + 0.5 * y) as f32).collect();
    let merged = family.merged(&ADDED, &[]);
    close(QUERY, &tensor(&merged, QUERY), &expected, 1e-6);
}

#[test]
fn an_adapter_is_recognised() {
    let models = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/recipes/models"
    ));
    let text = succeeds(models, &["inspect", "lora_xl.safetensors"]);
    assert!(
        text.contains("model config sdxl-kohya_kohya_lora"),
        "{text}"
    );
}
