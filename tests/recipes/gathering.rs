//! Matrices whose rows are gathered from several models, against matrices that a plain loop
//! gathers and files hold.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;
use wgmerge::exec::cpu::Level;
use wgmerge::merge::{Device, Merge, Settings, Silent};
use wgmerge::recipe::{
    GatheredRows, Gathering, NodeId, Options, OutputDType, Recipe, RecipeNode, Route, Rule,
    merge_of,
};
use wgmerge::vocabulary::{Row, RowMap, RowOf};

use crate::support::models::{Tensor, floats, values, write};
use crate::support::random::random;
use crate::support::tensors::tensor;

const COLUMNS: u64 = 33;

/// The rows of one tensor.
#[derive(Debug)]
struct Embedding(GatheredRows);

impl Gathering for Embedding {
    fn rows(&self, name: &str) -> Option<GatheredRows> {
        (name == "embed.weight").then(|| self.0.clone())
    }
}

/// What rows are drawn of.
struct Kinds {
    mean: bool,
    average: bool,
}

/// Rows of `models` matrices with so many rows each: runs, single rows, and what is computed.
fn rows(count: usize, sizes: &[u32], kinds: &Kinds, state: &mut u64) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut draw = |below: usize| (random(state) % below as u64) as usize;
    let row = |draw: &mut dyn FnMut(usize) -> usize| {
        let source = draw(sizes.len());
        RowOf {
            source: source as u16,
            row: draw(sizes[source] as usize) as u32,
        }
    };
    while rows.len() < count {
        match draw(8) {
            0 => rows.push(Row::Zero),
            1 if kinds.mean => rows.push(Row::Mean((0..3).map(|_| row(&mut draw)).collect())),
            2 if kinds.average => rows.push(Row::Average),
            3..=5 => {
                let first = row(&mut draw);
                let most = sizes[usize::from(first.source)] - first.row;
                let run = draw(40).min(most as usize) as u32;
                rows.extend((0..run).map(|at| {
                    Row::Of(RowOf {
                        row: first.row + at,
                        ..first
                    })
                }));
            }
            _ => rows.push(Row::Of(row(&mut draw))),
        }
    }
    rows.truncate(count);
    rows
}

/// The gathered matrix, by a plain loop.
fn gathered(rows: &[Row], sources: &[Vec<f32>]) -> Vec<f32> {
    let columns = COLUMNS as usize;
    let of = |own: &RowOf, column: usize| {
        sources[usize::from(own.source)][own.row as usize * columns + column]
    };
    let value = |row: &Row, column: usize| match row {
        Row::Zero | Row::Average => 0.0,
        Row::Of(own) => of(own, column),
        Row::Mean(terms) => {
            let sum: f64 = terms.iter().map(|own| f64::from(of(own, column))).sum();
            (sum / terms.len() as f64) as f32
        }
    };
    let mut found: Vec<f32> = rows
        .iter()
        .flat_map(|row| (0..columns).map(|column| value(row, column)))
        .collect();
    for column in 0..columns {
        let plain = rows
            .iter()
            .enumerate()
            .filter(|(_, row)| **row != Row::Average);
        let plain: Vec<f64> = plain
            .map(|(at, _)| f64::from(found[at * columns + column]))
            .collect();
        let mean = (plain.iter().sum::<f64>() / plain.len() as f64) as f32;
        let averages = rows
            .iter()
            .enumerate()
            .filter(|(_, row)| **row == Row::Average);
        averages.for_each(|(at, _)| found[at * columns + column] = mean);
    }
    found
}

/// A matrix with so many rows and a tensor that is no matrix of rows.
fn model(path: &Path, float: Float, rows: u32, seed: u64) -> PathBuf {
    let n = u64::from(rows) * COLUMNS;
    let tensors = [
        floats(
            "embed.weight",
            float,
            &[u64::from(rows), COLUMNS],
            &values(n as usize, seed, seed),
        ),
        other(float, seed),
    ];
    write(path, &tensors);
    path.to_owned()
}

fn other(float: Float, seed: u64) -> Tensor {
    floats(
        "other.weight",
        float,
        &[50, COLUMNS],
        &values(50 * COLUMNS as usize, 7, seed),
    )
}

/// A merge whose models are first gathered, each by its own map.
fn with_gathering(mut recipe: Recipe, maps: Vec<Vec<Row>>) -> Recipe {
    let merge = recipe.nodes.pop();
    let count = recipe.nodes.len();
    for (number, rows) in maps.into_iter().enumerate() {
        // The map's sources are the model itself, then the others in order.
        let others = (0..count).filter(|other| *other != number);
        let map = GatheredRows {
            inputs: (0..count).collect(),
            map: Rule(Arc::new(RowMap::new(rows).expect("few rows"))),
        };
        recipe.nodes.push(RecipeNode::Route {
            route: Route::Gather(Rule(Arc::new(Embedding(map)))),
            inputs: [number]
                .into_iter()
                .chain(others)
                .map(NodeId::new)
                .collect(),
        });
    }
    let mut merge = merge.expect("a merge");
    merge.renumber(&mut |id| NodeId::new(id.index() + count));
    recipe.nodes.push(merge);
    recipe
}

/// Resources of a merge.
struct Means {
    memory: u64,
    threads: usize,
    device: Option<Device>,
}

fn run(recipe: &Recipe, output: &Path, means: Means) -> Vec<u8> {
    let settings = Settings {
        output: output.to_owned(),
        reads: Vec::new(),
        overwrite: true,
        memory: means.memory,
        threads: means.threads,
        device: means.device,
        level: Level::detect(),
        proof: wgmerge::merge::Proof::Full,
        min_survival: None,
    };
    let mut recipe = recipe.clone();
    // Neither graphs nor paths are told, so that outputs are equal where tensors are.
    recipe.options.metadata = wgmerge::recipe::Metadata::None;
    let merge = Merge::prepare(recipe, settings).expect("a sound recipe");
    let reads = merge.plan().summary().bytes_read;
    let report = merge
        .run(&Silent, &AtomicBool::new(false))
        .expect("a merge");
    let within =
        reads.least <= report.bytes_read && reads.most.is_none_or(|most| report.bytes_read <= most);
    assert!(within, "{} read, but {reads:?} planned", report.bytes_read);
    std::fs::read(output).expect("the output")
}

fn in_turn() -> Vec<Means> {
    let cpu = [(1 << 30, 1), (64 << 20, 3), (24 << 20, 1)];
    let means = cpu.into_iter().map(|(memory, threads)| Means {
        memory,
        threads,
        device: None,
    });
    #[allow(unused_mut, reason = "only with devices")]
    let mut means: Vec<Means> = means.collect();
    #[cfg(feature = "gpu")]
    means.extend(crate::support::backends::devices().iter().map(|gpu| Means {
        memory: 256 << 20,
        threads: 2,
        device: Some(Device::gpu(Arc::clone(gpu))),
    }));
    means
}

/// A merge of gathered models is that of files with the gathered matrices.
fn compare(method: &str, types: [Float; 3], kinds: &Kinds, parameters: &[&str]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sizes = [400, 700, 531];
    let mut state = 5;
    let paths: Vec<PathBuf> = (0..3)
        .map(|at| {
            let path = folder.path().join(format!("{at}.safetensors"));
            model(&path, types[at], sizes[at], at as u64 + 1)
        })
        .collect();
    let (mut maps, mut files) = (Vec::new(), Vec::new());
    for at in 0..3 {
        let order = [at].into_iter().chain((0..3).filter(|other| *other != at));
        let order: Vec<usize> = order.collect();
        let own: Vec<u32> = order.iter().map(|source| sizes[*source]).collect();
        let rows = rows(900, &own, kinds, &mut state);
        let sources = order.iter().map(|source| {
            let found = Checkpoint::open(&paths[*source]).expect("sound");
            tensor(&found, "embed.weight")
        });
        let matrix = gathered(&rows, &sources.collect::<Vec<_>>());
        let path = folder.path().join(format!("gathered-{at}.safetensors"));
        let float = match kinds.mean || kinds.average || types.iter().any(|t| *t != types[0]) {
            true => Float::F32,
            false => types[at],
        };
        let embed = floats("embed.weight", float, &[900, COLUMNS], &matrix);
        write(&path, &[embed, other(types[at], at as u64 + 1)]);
        maps.push(rows);
        files.push(path);
    }
    let parameters: Vec<String> = parameters.iter().map(|&text| text.into()).collect();
    let recipe = |paths: &[PathBuf]| {
        let options = Options {
            dtype: OutputDType::Float(types[0]),
            ..Options::default()
        };
        let (base, models) = (paths[0].clone(), paths[1..].to_vec());
        merge_of(method, Some(base), models, &parameters, options).expect("sound")
    };
    let output = folder.path().join("out.safetensors");
    let plain = Means {
        memory: 1 << 30,
        threads: 1,
        device: None,
    };
    let expected = run(&recipe(&files), &output, plain);
    let recipe = with_gathering(recipe(&paths), maps);
    for means in in_turn() {
        let (memory, threads, gpu) = (means.memory, means.threads, means.device.is_some());
        let found = run(&recipe, &output, means);
        assert!(
            found == expected,
            "{method} {types:?} {memory} {threads} GPU: {gpu}"
        );
    }
}

#[test]
fn rows_are_those_of_a_plain_loop() {
    use Float::{BF16, F16, F32};
    let copied = Kinds {
        mean: false,
        average: false,
    };
    let computed = Kinds {
        mean: true,
        average: true,
    };
    for types in [[F32; 3], [BF16; 3], [BF16, F32, F16]] {
        for kinds in [&copied, &computed] {
            compare("task_arithmetic", types, kinds, &["weight=0.5,0.75"]);
        }
    }
    compare("ties", [BF16; 3], &computed, &["density=0.5"]);
    compare("ties", [F16, BF16, F32], &copied, &["density=0.5"]);
    compare("dare_ties", [BF16; 3], &computed, &["density=0.5"]);
}

#[test]
fn a_gathered_model_alone_is_copied_or_decoded() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let models: Vec<PathBuf> = [Float::BF16, Float::BF16]
        .into_iter()
        .zip(1..)
        .map(|(float, at)| model(&folder.path().join(format!("{at}.st")), float, 300, at))
        .collect();
    let merge = merge_of("linear", None, models.clone(), &[], Options::default()).expect("sound");
    let sources: Vec<Vec<f32>> = models
        .iter()
        .map(|path| tensor(&Checkpoint::open(path).expect("sound"), "embed.weight"))
        .collect();
    for mean in [false, true] {
        let kinds = Kinds {
            mean,
            average: false,
        };
        let rows = rows(500, &[300, 300], &kinds, &mut 9);
        let mut recipe = with_gathering(merge.clone(), vec![rows.clone(); 2]);
        recipe.nodes.truncate(3);
        let output = folder.path().join("out.safetensors");
        run(&recipe, &output, in_turn().remove(0));
        let found = Checkpoint::open(&output).expect("sound");
        let info = found.get("embed.weight").expect("the matrix");
        // It has the type of the model whose matrix it is, whatever it is computed in.
        assert_eq!(info.dtype, Float::BF16.dtype());
        let expected = floats("", Float::BF16, &[], &gathered(&rows, &sources));
        let mut bytes = vec![0; info.bytes() as usize];
        found
            .read_at(info.file, info.span.start, &mut bytes)
            .expect("its bytes");
        assert!(bytes == expected.bytes);
        assert_eq!(
            found.get("other.weight").expect("it passes").shape.to_vec(),
            [50, COLUMNS]
        );
    }
}

#[test]
fn what_cannot_be_gathered_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    let models = vec![
        model(&path("a"), Float::F32, 300, 1),
        model(&path("b"), Float::F32, 200, 2),
    ];
    let recipe = |row: u32| {
        let merge = merge_of("linear", None, models.clone(), &[], Options::default());
        let rows = vec![Row::Of(RowOf { source: 1, row })];
        with_gathering(merge.expect("sound"), vec![rows.clone(), rows])
    };
    let refused = |recipe: Recipe| {
        let settings = Settings::new(path("out.safetensors"));
        let refused = Merge::prepare(recipe, settings).err();
        refused.expect("a refusal").to_string()
    };
    // Of the first model's map row 250 is one of the second model, which has 200.
    let fault = refused(recipe(250));
    assert!(
        fault.contains("fewer rows than their vocabularies"),
        "{fault}"
    );
    assert!(fault.contains("[200, 33]"), "{fault}");
    // The result of a merge has no bytes from which rows could be read.
    let mut nested = recipe(100);
    let merged = NodeId::new(nested.nodes.len() - 1);
    let route = nested.nodes[2].clone();
    let RecipeNode::Route { route, .. } = route else {
        panic!("a gathering")
    };
    let inputs = vec![merged, NodeId::new(0)];
    nested.nodes.push(RecipeNode::Route { route, inputs });
    let fault = refused(nested);
    assert!(fault.contains("write a merge to a folder first"), "{fault}");
}
