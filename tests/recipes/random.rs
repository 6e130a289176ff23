//! Recipes by chance: made-up graphs are planned or refused in time, and texts with any fault are
//! read or refused. Each test goes on for as long as `WGMERGE_FUZZ_SECONDS` says.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use wgmerge::checkpoint::{TensorInfo, Tensors};
use wgmerge::dtype::DType;
use wgmerge::plan::{self, Limits, Output, Source};
use wgmerge::recipe::Fault;
use wgmerge::recipe::mecha::{parse, read, write};
use wgmerge::recipe::{Missing, Options, check_names, draw, spaces};

use crate::support::random::Rng;

/// No recipe that fits on a few pages may take longer to plan, even on a busy machine.
const LONGEST: Duration = Duration::from_secs(20);

/// Whether a test that began then goes on.
fn goes_on(begun: Instant) -> bool {
    let told = std::env::var("WGMERGE_FUZZ_SECONDS").ok();
    let seconds = told.and_then(|told| told.parse().ok()).unwrap_or(1.0);
    begun.elapsed() < Duration::from_secs_f64(seconds)
}

/// What graphs are made of. `A` is the node before, `B` and `C` any node, `D` a dict, `N` a number.
const LINES: &[&str] = &[
    "merge \"weighted_sum\" A B alpha=N",
    "merge \"weighted_sum\" B A alpha=D",
    "merge \"weighted_sum\" A B C",
    "merge \"n_average\" A B C",
    "merge \"slerp\" A B N",
    "merge \"subtract\" A B",
    "merge \"add_difference\" A B N",
    "merge \"add_difference\" B A C",
    "merge \"scale\" A N",
    "merge \"perpendicular_component\" A B",
    "merge \"geometric_sum\" A B alpha=N",
    "merge \"geometric_sum\" B A C",
    "merge \"multiply_quotient\" A B C N",
    "merge \"tensor_sum\" A B width=N offset=N",
    "merge \"add_cosine_a\" A B N",
    "merge \"add_cosine_b\" B A C",
    "merge \"dropout\" A B probability=N seed=3",
    "merge \"add_common_features\" A B C beta=N",
    "merge \"train_difference_mask\" A B C",
    "merge \"clamp\" A B C stiffness=N",
    "merge \"ties_sum\" A B C k=N vote_sgn=1",
    "merge \"ties_sum_extended\" A B apply_median=true",
    "merge \"ties_sum_with_dropout\" A B probability=N della_eps=N",
    "merge \"model_stock\" A B C",
    "merge \"geometric_median\" A B C",
    "merge \"fallback\" A B",
    "merge \"fallback\" B A",
    "merge \"cast\" A dtype=\"float16\"",
    "merge \"cast\" A dtype=\"int8\"",
    "merge \"cast\" A dtype=B",
    "merge \"get_dtype\" A",
    "merge \"get_rank_from_ratio\" A N",
    "merge \"truncate_rank\" A B",
    "merge \"stack\" A B",
    "merge \"omit_non_finite\" A",
    "merge \"omit_non_finite\" A false true",
    "merge \"pick_component\" A \"vae\"",
    "merge \"convert_sd1_blocks_to_ldm\" D",
    "merge \"convert_'sd1-kohya'_to_'sd1-ldm'\" A",
    "literal N model_config=\"singleton-mecha\"",
    "literal D",
    "dict k0=N k1=A",
    "dict D k0=N IN00=N",
];

/// The first lines of a recipe.
const HEAD: &str = "version 0.1.0\nmodel \"x\"\nmodel \"y\"\nmodel \"z\" merge_space=\"delta\"\n\
    dict k0=0.5 k1=0.25\n";

/// A recipe by chance: few kinds of lines often give chains, many give thickets.
fn graph(dice: &mut Rng) -> String {
    let mut text = HEAD.to_owned();
    let kinds: Vec<&str> = (0..=dice.below(4)).map(|_| *dice.pick(LINES)).collect();
    let mut dicts = vec![3];
    // Most graphs are small; some are long.
    let most = *dice.pick(&[6, 20, 60, 400]);
    let end = 4 + dice.below(most);
    for number in 4..=end {
        let near = dice.below(3) == 0;
        let line = match dice.below(4) {
            0 => *dice.pick(LINES),
            _ => *dice.pick(&kinds),
        };
        for word in line.split_inclusive(' ') {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (format!("{name}="), value),
                None => (String::new(), word),
            };
            let end = if value.ends_with(' ') { " " } else { "" };
            let value = match value.trim_end() {
                "A" => format!("&{}", number - 1),
                "B" if near => format!("&{}", dice.below(3)),
                "B" | "C" => format!("&{}", dice.below(number)),
                "D" => format!("&{}", dice.pick(&dicts)),
                "N" => format!("{}", dice.below(5) as f64 / 4.0),
                other => other.to_owned(),
            };
            let _ = write!(text, "{name}{value}{end}");
        }
        text.push('\n');
        if line.starts_with("dict") {
            dicts.push(number);
        }
    }
    text
}

/// The headers of models of a few tensors. The second lacks one.
fn headers(count: usize) -> Vec<Tensors> {
    let of = |model: usize| {
        let mut tensors = Tensors::default();
        for number in 0..5 - usize::from(model == 1) {
            let start = 100 + 64 * number as u64;
            let info = TensorInfo {
                dtype: DType::F32,
                shape: [4, 4].into(),
                file: 0,
                span: start..start + 64,
                strides: None,
                coding: None,
            };
            tensors.insert(format!("k{number}"), info);
        }
        tensors
    };
    (0..count).map(of).collect()
}

/// Reads and plans a recipe; whether it was planned.
fn planned(text: &str, missing: Missing) -> Result<bool, Fault> {
    let options = Options {
        missing,
        ..Options::default()
    };
    let recipe = read(&parse(text)?, options, Arc::default())?;
    if spaces(&recipe).is_err() || check_names(&recipe).is_err() {
        return Ok(false);
    }
    let (headers, metadata) = (headers(recipe.models.len()), IndexMap::new());
    let sources: Vec<Source<'_>> = headers
        .iter()
        .zip(&recipe.models)
        .map(|(tensors, path)| Source {
            path: path.clone(),
            tensors,
            metadata: &metadata,
            entries: tensors,
            markers: &[],
            undecoded: None,
            fingerprint: String::new(),
            files: vec![PathBuf::from("x")],
            is_folder: false,
        })
        .collect();
    let limits = Limits {
        memory: 1 << 30,
        threads: 1,
        device: None,
        measures: false,
    };
    let plan = plan::build(&recipe, &sources, &Output::File, &limits);
    if let Err(fault) = &plan {
        assert!(!fault.to_string().is_empty());
    }
    Ok(plan.is_ok())
}

#[test]
fn graphs_are_planned_or_refused_in_time() {
    let begun = Instant::now();
    let (mut seed, mut fine) = (0, 0);
    while goes_on(begun) || fine < 20 {
        let text = graph(&mut Rng::new(seed));
        let missing = [Missing::Error, Missing::Skip, Missing::Base][seed as usize % 3];
        let one = Instant::now();
        let result = std::panic::catch_unwind(|| planned(&text, missing));
        let result = result.unwrap_or_else(|_| panic!("seed {seed}:\n{text}"));
        assert!(one.elapsed() < LONGEST, "seed {seed}:\n{text}");
        fine += usize::from(result.unwrap_or(false));
        seed += 1;
        assert!(seed < 100_000 || fine > 0, "nothing is ever planned");
    }
}

/// Texts of recipes from the data, and made-up ones.
fn texts() -> Vec<String> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut texts: Vec<String> = (0..20).map(|seed| graph(&mut Rng::new(seed))).collect();
    for folder in ["mecha", "recipes", "legacy", "adapters"] {
        let entries = std::fs::read_dir(data.join(folder)).expect("the data");
        let mut paths: Vec<PathBuf> = entries
            .map(|entry| entry.expect("an entry").path())
            .collect();
        paths.sort_unstable();
        for path in paths {
            if path
                .extension()
                .is_some_and(|extension| extension == "mecha")
            {
                texts.push(std::fs::read_to_string(path).expect("a recipe"));
            }
        }
    }
    texts
}

/// What is put into texts.
const PIECES: &[&str] = &[
    "\"",
    "\\",
    "=",
    "&",
    "&0",
    "&99999999999999999999",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "#",
    "é",
    "\u{201d}",
    "\u{feff}",
    "\u{0}",
    "dict ",
    "literal ",
    "model \"a\"",
    "call \"n_average\" &0 &0",
    "parameter \"a\" \"base\"",
    "lora \"a\"",
    "version 0.1.0\n",
    "True",
    "1e999",
    "nan",
    "-0.0",
    "1_0",
    "key=",
    "merge_method: linear\n",
    "merge \"stack\" &0",
    "null",
    "\"infer\"",
    "merge_space=\"param\"",
    "model_config=\"sd1-ldm\"",
];

/// A text with some changes by chance.
fn mutated(text: &str, dice: &mut Rng) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=dice.below(4) {
        let at = dice.below(characters.len() + 1);
        let end = (at + dice.below(12)).min(characters.len());
        match dice.below(4) {
            0 => drop(characters.drain(at..end)),
            1 => {
                let copy: Vec<char> = characters[at..end].to_vec();
                let to = dice.below(characters.len() + 1);
                characters.splice(to..to, copy);
            }
            2 => characters.truncate(if dice.below(8) == 0 { at } else { usize::MAX }),
            _ => drop(characters.splice(at..at, dice.pick(PIECES).chars())),
        }
    }
    characters.into_iter().collect()
}

/// A fault can be shown whatever it is about, and lies between characters.
fn shown(fault: &Fault, text: &str) {
    assert!(text.is_char_boundary(fault.span.start), "{fault:?}");
    assert!(text.is_char_boundary(fault.span.end), "{fault:?}");
    let (line, column) = fault.place(text);
    assert!(line > 0 && column > 0);
    assert!(!fault.render("r.mecha", text, false).is_empty());
}

/// A text that was written, read and written again.
fn rewritten(text: &str) -> String {
    let script = parse(text).unwrap_or_else(|fault| panic!("{fault}:\n{text}"));
    let recipe = read(&script, Options::default(), Arc::default());
    let recipe = recipe.unwrap_or_else(|fault| panic!("{fault}:\n{text}"));
    write(&recipe).expect("words").to_string()
}

/// Reads a text, writes it and reads that again.
fn round(text: &str) -> Result<(), Fault> {
    let script = parse(text)?;
    let formatted = script.to_string();
    let again = parse(&formatted).unwrap_or_else(|fault| panic!("{fault}:\n{formatted}"));
    assert_eq!(again.to_string(), formatted, "formatted twice");
    let recipe = read(&script, Options::default(), Arc::default());
    let formatted = read(&again, Options::default(), Arc::default());
    assert_eq!(recipe.is_ok(), formatted.is_ok(), "the same once formatted");
    let recipe = recipe?;
    let drawings = [draw::tree, draw::dot, draw::mermaid].map(|draw| draw(&recipe));
    assert!(drawings.iter().all(|drawing| !drawing.is_empty()));
    assert!(draw::depth(&recipe) <= recipe.nodes.len());
    let _ = (spaces(&recipe), check_names(&recipe));
    if let Ok(written) = write(&recipe) {
        // Reading puts constants before what needs them, so the order settles with the second text.
        let again = rewritten(&written.to_string());
        assert_eq!(rewritten(&again), again, "written twice");
    }
    Ok(())
}

#[test]
fn changed_texts_are_read_or_refused() {
    let (begun, texts) = (Instant::now(), texts());
    let mut seed = 0;
    while goes_on(begun) {
        let mut dice = Rng::new(seed);
        let text = mutated(dice.pick(&texts).as_str(), &mut Rng::new(!seed));
        let result = std::panic::catch_unwind(|| {
            if let Err(fault) = round(&text) {
                shown(&fault, &text);
            }
        });
        assert!(result.is_ok(), "seed {seed}:\n{text}");
        seed += 1;
    }
    assert!(seed > 20, "{seed} texts");
}
