//! Merges of eight times the budget and more hold no more than the budget.
#![cfg(target_os = "linux")]

mod vocabularies;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use wgmerge::checkpoint::encode_header;
use wgmerge::dtype::DType;

use crate::support::big::{big_model, write_model};
use crate::support::command::wgmerge;
use crate::support::process::{peak_mib, watched};

/// What a process holds besides its buffers: the program, its stacks, headers and plan.
const BESIDES_MIB: u64 = 8;

/// A method with its parameters, whether it takes a base, and in which budgets of MiB it is run.
type Row = (&'static [&'static str], bool, &'static [u64]);

const ROWS: &[Row] = &[
    (&["linear"], false, &[64, 128]),
    (&["slerp"], false, &[64]),
    (&["ties", "-p", "density=0.2"], true, &[64]),
    (
        &["ties", "-p", "density=0.2", "-p", "scope=model"],
        true,
        &[64],
    ),
    (
        &["dare_linear", "-p", "drop=0.5", "-p", "rescale=l1"],
        true,
        &[64],
    ),
];

#[test]
fn merges_far_larger_than_the_budget_stay_within_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let models: Vec<PathBuf> = (0..3)
        .map(|number| {
            let path = folder.path().join(format!("{number}.safetensors"));
            big_model(&path, number + 1);
            path
        })
        .collect();
    for (method, base, budgets) in ROWS {
        for budget in *budgets {
            let mut command = wgmerge();
            command.args(["merge", "--device", "cpu", "--quiet", "--force", "-M"]);
            command.args(*method).arg("--memory");
            command.arg(format!("{budget}MiB"));
            let rest = match base {
                true => {
                    command.arg("--base").arg(&models[0]);
                    &models[1..]
                }
                // Slerp takes two models, which are eight times the budget of 64 MiB.
                false if method[0] == "slerp" => &models[..2],
                false => &models[..],
            };
            command.args(rest).arg("-o");
            command.arg(folder.path().join("out.safetensors"));
            let peak = peak_mib(&mut command);
            println!("{method:?} in {budget} MiB: {peak} MiB");
            assert!(
                peak <= budget + BESIDES_MIB,
                "{method:?} in {budget} MiB held {peak} MiB"
            );
            let mut again = wgmerge();
            again.args(["verify", "--device", "cpu", "--quiet", "--memory"]);
            again.arg(format!("{budget}MiB")).arg("out.safetensors");
            let peak = peak_mib(again.current_dir(folder.path()));
            assert!(
                peak <= budget + BESIDES_MIB,
                "the verification of {method:?} in {budget} MiB held {peak} MiB"
            );
        }
    }
    let mut quick = wgmerge();
    quick.args(["verify", "--quick", "out.safetensors"]);
    let peak = peak_mib(quick.current_dir(folder.path()));
    assert!(peak <= 48, "{peak} MiB of a mapped file were held");
}

/// Recipes: deep, with a random mask of torch, with sums over rows, and with an iteration.
const RECIPES: &[&[&str]] = &[
    &[
        "merge \"weighted_sum\" &0 &1 alpha=0.5",
        "merge \"subtract\" &1 &2",
        "merge \"add_difference\" &3 &4 0.7",
        "merge \"subtract\" &1 &0",
        "merge \"subtract\" &2 &0",
        "merge \"ties_sum\" &6 &7 k=0.4",
        "merge \"add_difference\" &5 &8 1.0",
    ],
    &[
        "merge \"subtract\" &1 &0",
        "merge \"subtract\" &2 &0",
        "merge \"ties_sum_with_dropout\" &3 &4 probability=0.5 seed=7",
        "merge \"add_difference\" &0 &5 1.0",
    ],
    &[
        "merge \"subtract\" &1 &0",
        "merge \"subtract\" &2 &0",
        "merge \"model_stock\" &3 &4",
        "merge \"add_difference\" &0 &5 1.0",
    ],
    &["merge \"geometric_median\" &0 &1 &2 maxiter=3"],
];

#[test]
fn recipes_far_larger_than_the_budget_stay_within_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut head = "version 0.1.0\n".to_owned();
    for number in 0..3 {
        let name = format!("{number}.safetensors");
        big_model(&folder.path().join(&name), number + 1);
        head += &format!("model \"{name}\"\n");
    }
    let (recipe, output) = (
        folder.path().join("r.mecha"),
        folder.path().join("out.safetensors"),
    );
    for lines in RECIPES {
        let text = format!("{head}{}\n", lines.join("\n"));
        std::fs::write(&recipe, text).expect("written");
        let mut command = wgmerge();
        command.args(["run", "--device", "cpu", "--quiet", "--force"]);
        command.args(["--memory", "64MiB"]).arg(&recipe);
        command.arg("-o").arg(&output);
        let peak = peak_mib(&mut command);
        println!("{lines:?}: {peak} MiB");
        assert!(peak <= 64 + BESIDES_MIB, "{lines:?} held {peak} MiB");
    }
}

/// Adapters of a high rank, whose factors for one tensor take 16 MiB: they take turns.
#[test]
fn adapters_stay_within_the_budget() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stems = (0..8).map(|number| {
        let (block, attention, kind) = (number / 4, number / 2 % 2, number % 2 + 1);
        format!("down_blocks.{block}.attentions.{attention}.transformer_blocks.0.attn{kind}.to_q")
    });
    let stems: Vec<String> = stems.collect();
    let base = stems.iter();
    let base = base.map(|stem| (format!("unet.{stem}.weight"), vec![4096, 4096]));
    write_model(&folder.path().join("base.safetensors"), 1, base);
    let mut text = "version 0.1.0\nmodel \"base.safetensors\"\n".to_owned();
    for number in 1..=4 {
        let factors = stems.iter().flat_map(|stem| {
            let stem = format!("lora_unet_{}", stem.replace('.', "_"));
            [
                (format!("{stem}.lora_up.weight"), vec![4096, 128]),
                (format!("{stem}.lora_down.weight"), vec![128, 4096]),
            ]
        });
        let name = format!("{number}.safetensors");
        write_model(&folder.path().join(&name), number, factors);
        let (model, sum) = (number * 3 - 2, number * 3 - 3);
        text += &format!("model \"{name}\"\n");
        text += &format!("merge \"convert_'sd1-kohya_kohya_lora'_to_base\" &{model}\n");
        text += &format!("merge \"add_difference\" &{sum} &{} 0.001\n", model + 1);
    }
    std::fs::write(folder.path().join("r.mecha"), text).expect("written");
    for budget in [48, 64, 128] {
        let mut command = wgmerge();
        command.args(["run", "--device", "cpu", "--quiet", "--force"]);
        command.arg("--memory").arg(format!("{budget}MiB"));
        command.arg(folder.path().join("r.mecha")).arg("-o");
        command.arg(folder.path().join("out.safetensors"));
        let peak = peak_mib(&mut command);
        println!("in {budget} MiB: {peak} MiB");
        assert!(peak <= budget, "in {budget} MiB held {peak} MiB");
    }
}

/// Writes an f32 model of one tensor whose values lie within 2,048 steps of 1, so that the finest
/// counts of a selection fill up.
fn narrow_model(path: &Path, seed: u32) {
    let shape = [1024, 512];
    let entry = ("t", &DType::F32, &shape[..], 0..4 * 1024 * 512);
    let mut bytes = encode_header(std::iter::once(entry), &[], 8).expect("a sound header");
    let mut state = seed;
    for _ in 0..1024 * 512 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes.extend((0x3f80_0000 + (state >> 21)).to_le_bytes());
    }
    std::fs::write(path, bytes).expect("room for a model");
}

/// Many tensors, many models, many outputs, whole models of which everything is tied: the budget
/// holds, or the merge is refused before it begins, with what it needs.
#[test]
fn all_that_grows_is_in_the_budget() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(format!("{name}.safetensors"));
    let small = |count: usize| (0..count).map(|at| (format!("layers.{at}.weight"), vec![8, 2]));
    write_model(&path("many"), 1, small(12_000));
    write_model(&path("some"), 2, small(1_000));
    for number in 0..3 {
        narrow_model(&path(&format!("narrow{number}")), number + 1);
    }
    let narrow = |at: usize| format!("narrow{}", at % 3);
    let ties = ["ties", "-p", "density=0.2", "-p", "scope=model"];
    let cases: [(&[&str], Vec<String>); 4] = [
        (&["weighted_sum"], vec!["many".to_owned(); 2]),
        (&["linear"], vec!["some".to_owned(); 40]),
        (
            &["weighted_sum", "--sweep", "alpha=0:1:0.05"],
            vec!["some".to_owned(); 2],
        ),
        (&ties, (0..15).map(narrow).collect()),
    ];
    for (arguments, models) in &cases {
        for budget in [24, 32, 64, 256] {
            let mut command = wgmerge();
            command.args(["merge", "--device", "cpu", "--quiet", "--force", "-M"]);
            command.args(*arguments).arg("--memory");
            command.arg(format!("{budget}MiB"));
            let mut models = models.iter().map(|name| path(name));
            if arguments[0] == "ties" {
                command.arg("--base").args(models.next());
            }
            command.args(models).arg("-o").arg(path("out"));
            let (code, peak, said) = watched(&mut command);
            println!("{arguments:?} in {budget} MiB: {code:?}, {peak} MiB");
            match code {
                Some(0) => assert!(
                    peak > 4 && peak <= budget + BESIDES_MIB,
                    "{arguments:?} in {budget} MiB held {peak} MiB"
                ),
                Some(2) if budget < 256 => assert!(
                    said.contains("the headers and the plan of") && said.contains("raise --memory"),
                    "{said}"
                ),
                _ => panic!("{arguments:?} in {budget} MiB: {code:?}\n{said}"),
            }
        }
    }
}

/// Writes a model of sparse shards with an index: some gigabytes in many tensors.
fn sharded_model(folder: &Path, shards: usize, each: usize) {
    std::fs::create_dir(folder).expect("a folder");
    let mut map = Vec::new();
    for shard in 0..shards {
        let file = format!("model-{:05}-of-{shards:05}.safetensors", shard + 1);
        let bytes = 2 * 512 * 128;
        let names = (0..each).map(|at| format!("model.layers.{shard}.mlp.experts.{at}.up.weight"));
        let names: Vec<String> = names.collect();
        let entries = names.iter().enumerate().map(|(at, name)| {
            let start = at as u64 * bytes;
            let shape: &[u64] = &[512, 128];
            (name.as_str(), &DType::BF16, shape, start..start + bytes)
        });
        let header = encode_header(entries, &[], 8).expect("a sound header");
        let path = folder.join(&file);
        std::fs::write(&path, &header).expect("written");
        let sparse = File::options().write(true).open(&path).expect("there");
        let len = header.len() as u64 + each as u64 * bytes;
        sparse.set_len(len).expect("sparse files");
        map.extend(names.iter().map(|name| format!("\"{name}\":\"{file}\"")));
    }
    let index = format!("{{\"weight_map\":{{{}}}}}", map.join(","));
    std::fs::write(folder.join("model.safetensors.index.json"), index).expect("written");
}

/// What a plan takes is little more than what it holds: names, places and jobs of each tensor.
#[test]
fn a_plan_takes_little_more_than_it_holds() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let models = ["a", "b"].map(|name| folder.path().join(name));
    for model in &models {
        sharded_model(model, 12, 2_000);
    }
    let peak = |models: &[PathBuf]| {
        let mut command = wgmerge();
        command.args(["plan", "--device", "cpu", "-M"]);
        command.args(["weighted_sum", "-p", "alpha=0.3"]);
        command.args(models).stdout(Stdio::null());
        peak_mib(&mut command)
    };
    let peak = peak(&models);
    println!("{peak} MiB");
    assert!(
        peak <= 40,
        "the plan of 24,000 tensors of two models held {peak} MiB"
    );
}
