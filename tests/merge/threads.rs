//! `--threads` is how many threads compute, whatever a merge computes.

use std::path::Path;

use crate::support::big::write_model;
use crate::support::command::wgmerge;
use crate::support::process::times;

/// Writes models: three of some tensors, and an adapter for them.
fn models(folder: &Path) {
    let stems = (0..8).map(|number| {
        let (block, attention, kind) = (number / 4, number / 2 % 2, number % 2 + 1);
        format!("down_blocks.{block}.attentions.{attention}.transformer_blocks.0.attn{kind}.to_q")
    });
    let stems: Vec<String> = stems.collect();
    for number in 0..3 {
        let tensors = stems.iter();
        let tensors = tensors.map(|stem| (format!("unet.{stem}.weight"), vec![1024, 1024]));
        write_model(
            &folder.join(format!("{number}.safetensors")),
            number + 1,
            tensors,
        );
    }
    let factors = stems.iter().flat_map(|stem| {
        let stem = format!("lora_unet_{}", stem.replace('.', "_"));
        [
            (format!("{stem}.lora_up.weight"), vec![1024, 64]),
            (format!("{stem}.lora_down.weight"), vec![64, 1024]),
        ]
    });
    write_model(&folder.join("lora.safetensors"), 7, factors);
}

/// What is computed beside the batches: sums over rows, random masks of torch, ranks, and deltas of
/// adapters.
const RECIPES: &[&[&str]] = &[
    &[
        "merge \"subtract\" &1 &0",
        "merge \"subtract\" &2 &0",
        "merge \"model_stock\" &4 &5",
        "merge \"add_difference\" &0 &6 1.0",
    ],
    &[
        "merge \"subtract\" &1 &0",
        "merge \"subtract\" &2 &0",
        "merge \"ties_sum_with_dropout\" &4 &5 probability=0.5 seed=7",
        "merge \"add_difference\" &0 &6 1.0",
    ],
    &[
        "merge \"subtract\" &1 &0",
        "merge \"subtract\" &2 &0",
        "merge \"ties_sum_with_dropout\" &4 &5 probability=0.5 della_eps=0.1 seed=7",
        "merge \"add_difference\" &0 &6 1.0",
    ],
    &[
        "merge \"convert_'sd1-kohya_kohya_lora'_to_base\" &3",
        "merge \"add_difference\" &0 &4 0.5",
    ],
];

#[test]
fn one_thread_computes_as_long_as_the_merge_takes_at_most() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    models(folder.path());
    let mut head = "version 0.1.0\n".to_owned();
    for name in ["0", "1", "2", "lora"] {
        head += &format!("model \"{name}.safetensors\"\n");
    }
    for lines in RECIPES {
        let text = format!("{head}{}\n", lines.join("\n"));
        std::fs::write(folder.path().join("r.mecha"), text).expect("written");
        let mut command = wgmerge();
        command.current_dir(folder.path());
        command.args([
            "run",
            "--device",
            "cpu",
            "--quiet",
            "--force",
            "--threads",
            "1",
        ]);
        command.args(["r.mecha", "-o", "out.safetensors"]);
        let (user, passed) = times(&mut command);
        println!("{lines:?}: {user:.2} s of computing in {passed:.2} s");
        assert!(user > 0.02, "{lines:?}: nothing was computed");
        assert!(
            user <= passed * 1.1 + 0.05,
            "{lines:?}: {user} s in {passed} s"
        );
    }
}
