//! Methods of files, as the command takes them.

use std::path::Path;

use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;

use crate::support::command::{prints, refuses, said, says, wgmerge};
use crate::support::models::{floats, values, write};
use crate::support::tensors::tensor;

const COUNT: usize = 5000;

/// The method files of the page, by the names of their methods.
fn of_the_page() -> Vec<(String, String)> {
    let page = include_str!("../../docs/METHOD_FILES.md");
    let blocks = page.split("```wgsl\n").skip(1);
    let texts = blocks.map(|block| block.split("```").next().expect("an end").to_owned());
    texts
        .map(|text| {
            let name = text
                .lines()
                .find_map(|line| line.strip_prefix("//! name: "));
            (name.expect("a name").to_owned(), text)
        })
        .collect()
}

/// A folder with three models and the page's method files.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("scratch");
    for model in 0..3 {
        let tensors = [floats("w", Float::F32, &[COUNT as u64], &own(model))];
        write(
            &folder.path().join(format!("{model}.safetensors")),
            &tensors,
        );
    }
    std::fs::create_dir(folder.path().join("methods")).expect("scratch");
    for (name, text) in of_the_page() {
        let path = folder.path().join(format!("methods/{name}.wgsl"));
        std::fs::write(path, text).expect("scratch");
    }
    folder
}

/// The values of a model.
fn own(model: u64) -> Vec<f32> {
    values(COUNT, 11, model)
}

fn merged(folder: &Path, name: &str) -> Vec<f32> {
    let checkpoint = Checkpoint::open(&folder.join(name)).expect("a sound output");
    tensor(&checkpoint, "w")
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn the_pages_methods_do_what_they_say() {
    let scratch = folder();
    let folder = scratch.path();
    let names: Vec<String> = of_the_page().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["soft_add", "median_of", "mosaic"]);
    let [a, b, c] = [0, 1, 2].map(own);
    let (t, alpha) = (0.01_f32, 0.5_f32);
    says(
        folder,
        &[
            "merge",
            "--method-file",
            "methods/soft_add.wgsl",
            "-M",
            "soft_add",
            "-p",
            "t=0.01",
            "-p",
            "alpha=0.5",
            "0.safetensors",
            "1.safetensors",
            "-o",
            "soft.safetensors",
        ],
    );
    let soft = a.iter().zip(&b).map(|(a, b)| {
        let d = b - a;
        match d.abs() <= t {
            true => *a,
            false => a + alpha * d.signum() * (d.abs() - t),
        }
    });
    let soft: Vec<f32> = soft.collect();
    assert_eq!(bits(&merged(folder, "soft.safetensors")), bits(&soft));
    for (models, output) in [(2, "two.safetensors"), (3, "three.safetensors")] {
        let inputs = ["0.safetensors", "1.safetensors", "2.safetensors"];
        let mut arguments = vec!["merge", "--method-file", "methods", "-M", "median_of"];
        arguments.extend(&inputs[..models]);
        says(folder, &[&arguments[..], &["-o", output]].concat());
        let median = (0..COUNT).map(|i| {
            let mut own = [a[i], b[i], c[i]][..models].to_vec();
            own.sort_by(f32::total_cmp);
            (own[(models - 1) / 2] + own[models / 2]) / 2.0
        });
        assert_eq!(
            bits(&merged(folder, output)),
            bits(&median.collect::<Vec<f32>>())
        );
    }
}

#[test]
fn a_random_number_is_drawn_for_each_element() {
    let scratch = folder();
    let folder = scratch.path();
    let mosaic = |seed: &str, output: &str| {
        let models = ["0.safetensors", "1.safetensors", "2.safetensors"];
        let flags = [
            "merge",
            "--method-file=methods",
            "-M",
            "mosaic",
            "-p",
            "weight=1,0,3",
        ];
        says(
            folder,
            &[&flags[..], &models, &["--seed", seed, "-o", output]].concat(),
        );
        merged(folder, output)
    };
    let first = mosaic("1", "1.out.safetensors");
    assert_eq!(bits(&first), bits(&mosaic("1", "2.out.safetensors")));
    assert_ne!(bits(&first), bits(&mosaic("2", "3.out.safetensors")));
    let [a, c] = [0, 2].map(own);
    let of_a = (0..COUNT).filter(|i| first[*i] == a[*i]).count();
    let of_c = (0..COUNT).filter(|i| first[*i] == c[*i]).count();
    assert!(
        (COUNT..COUNT + 20).contains(&(of_a + of_c)),
        "{of_a} and {of_c}"
    );
    // A quarter, and four standard deviations.
    assert!((1127..=1373).contains(&of_a), "{of_a} of {COUNT}");
}

#[test]
fn recipes_take_them_and_outputs_tell_them() {
    let scratch = folder();
    let folder = scratch.path();
    let recipe = "version 0.1.0\nmodel \"0.safetensors\"\nmodel \"1.safetensors\"\n\
                  merge \"soft_add\" &0 &1 t=0.01\nmerge \"weighted_sum\" &2 &1 alpha=0.25\n";
    std::fs::write(folder.join("r.mecha"), recipe).expect("scratch");
    let unknown = refuses(folder, &["run", "r.mecha", "o.safetensors"]);
    assert!(
        unknown.contains("there is no method \"soft_add\""),
        "{unknown}"
    );
    let output = wgmerge()
        .current_dir(folder)
        .env("WGMERGE_METHODS", folder.join("methods"))
        .args(["run", "r.mecha", "o.safetensors"])
        .output()
        .expect("the binary runs");
    assert!(output.status.success(), "{}", said(&output));
    let (a, b) = (own(0), own(1));
    let wanted = a.iter().zip(&b).map(|(a, b)| {
        let d = b - a;
        let soft = match d.abs() <= 0.01 {
            true => *a,
            false => a + d.signum() * (d.abs() - 0.01),
        };
        soft + 0.25 * (b - soft)
    });
    assert_eq!(
        bits(&merged(folder, "o.safetensors")),
        bits(&wanted.collect::<Vec<f32>>())
    );
    let told = prints(folder, &["inspect", "--json", "o.safetensors"]);
    assert!(
        told.contains("abs(d) <= t"),
        "the text of the method is in the record: {told}"
    );
    let page = prints(folder, &["methods", "soft_add", "--method-file", "methods"]);
    assert!(page.contains("in [0, inf); default 0.001"), "{page}");
    says(folder, &["plan", "r.mecha", "--method-file", "methods"]);
    says(
        folder,
        &["recipe", "check", "r.mecha", "--method-file", "methods"],
    );
}

/// Files that are refused: what they say, what is said of it, and where.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "fn f(a: f32) -> f32 { return a; }",
        "the method has no name",
        "bad.wgsl:1:1",
    ),
    ("//! name: F\n", "`F` is no name", "bad.wgsl:1:5"),
    (
        "//! name: f\n//! summary: s\n",
        "the method has no input",
        "bad.wgsl:1:5",
    ),
    (
        "//! name: f\n//! colour: red\n",
        "a header does not say `colour`",
        "bad.wgsl:2:5",
    ),
    (
        "//! name: f\n//! input a\n",
        "a line of a header is `WHAT: VALUE`",
        "bad.wgsl:2:5",
    ),
    (
        "//! name: f\n//! input a: weights\n",
        "`weights` is no merge space",
        "bad.wgsl:2:5",
    ),
    (
        "//! name: f\n//! parameter t = 2 in [0, 1]: how far\n",
        "the default 2 is not in [0, 1]",
        "bad.wgsl:2:5",
    ),
    (
        "//! name: f\n//! parameter t in [0, 1]: far\n",
        "has no default",
        "bad.wgsl:2:5",
    ),
    (
        "//! name: f\n//! parameter t = 1 in 0..1: far\n",
        "`0..1` is no range",
        "bad.wgsl:2:5",
    ),
    (
        "//! name: f\n//! summary: s\n//! input a: weight\nfn g(a: f32) -> f32 { return a; }",
        "there is no function `f`",
        "bad.wgsl:1:5",
    ),
    (
        "//! name: f\n//! summary: s\n//! input a: weight\nfn f(b: f32) -> f32 { return b; }",
        "the header has no input and no parameter `b`",
        "bad.wgsl:4:1",
    ),
    (
        "//! name: f\n//! summary: s\n//! input a: weight\nfn f() -> f32 { return 1.0; }",
        "the function does not take the input `a`",
        "bad.wgsl:4:1",
    ),
    (
        "//! name: f\n//! summary: s\n//! input a: weight\nfn f(a: u32) -> f32 { return 1; }",
        "`a` must be of type f32",
        "bad.wgsl:4:1",
    ),
    (
        "//! name: f\n//! summary: s\n//! input a: weight\nfn f(a: f32) -> f32 {\n  return a +;\n}",
        "expected expression",
        "bad.wgsl:5:13",
    ),
    (
        "//! name: f\n//! summary: s\n//! input a: weight\nfn f(a: f32) -> f32\n{ return log(a); }",
        "`log` is not taken",
        "bad.wgsl:5:10",
    ),
    (
        "//! name: f\n//! summary: s\n//! input a: weight\nfn f(a: f32) -> f32 {\n  return b;\n}",
        "no definition in scope for identifier: `b`",
        "bad.wgsl:5:10",
    ),
    (
        "//! name: stack\n//! summary: s\n//! input a: any\nfn stack(a: f32) -> f32 { return a; }",
        "recipes have a route `stack`",
        "bad.wgsl:1:1",
    ),
    (
        "//! name: linear\n//! summary: s\n//! input a: any\nfn linear(a: f32) -> f32 {return a;}",
        "there is a method `linear` already",
        "bad.wgsl:1:1",
    ),
];

#[test]
fn files_that_no_merge_asks_for_stop_none() {
    let scratch = folder();
    let folder = scratch.path();
    std::fs::write(folder.join("methods/broken.wgsl"), "//! name: broken\n").expect("scratch");
    let run = |arguments: &[&str]| {
        let paths = [folder.join("methods"), folder.join("nowhere.wgsl")];
        let paths = std::env::join_paths(paths).expect("paths");
        let mut command = wgmerge();
        command.current_dir(folder).env("WGMERGE_METHODS", paths);
        command.args(arguments).output().expect("the binary runs")
    };
    let models = ["0.safetensors", "1.safetensors", "-o"];
    let merge = |method: &str, output: &str| {
        run(&[&["merge", "-M", method], &models[..], &[output]].concat())
    };
    for (method, output) in [
        ("n_average", "a.safetensors"),
        ("soft_add", "b.safetensors"),
    ] {
        let ended = merge(method, output);
        let text = said(&ended);
        assert!(ended.status.success(), "{text}");
        for part in [
            "warning: ",
            "broken.wgsl:1:5: the method has no input",
            "nowhere.wgsl",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    let ended = merge("broken", "c.safetensors");
    let text = said(&ended);
    assert_eq!(ended.status.code(), Some(2), "{text}");
    assert!(
        text.contains("broken.wgsl:1:5") && !text.contains("warning"),
        "{text}"
    );
    assert!(!folder.join("c.safetensors").exists());
}

#[test]
fn a_mark_of_the_bytes_order_is_no_part_of_a_text() {
    let scratch = folder();
    let folder = scratch.path();
    let path = folder.join("methods/soft_add.wgsl");
    let text = std::fs::read_to_string(&path).expect("a method");
    std::fs::write(&path, format!("\u{feff}{text}")).expect("scratch");
    let page = prints(folder, &["methods", "soft_add", "--method-file", "methods"]);
    assert!(page.contains("soft_add"), "{page}");
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_place() {
    let scratch = folder();
    let folder = scratch.path();
    for (text, wanted, place) in REFUSED {
        std::fs::write(folder.join("bad.wgsl"), text).expect("scratch");
        let said = refuses(folder, &["methods", "--method-file", "bad.wgsl"]);
        assert!(
            said.contains(wanted) && said.contains(place),
            "{text}: {said}"
        );
    }
    let models = ["0.safetensors", "1.safetensors", "-o", "o.safetensors"];
    let flags = [
        "merge",
        "--method-file",
        "methods",
        "-M",
        "soft_add",
        "-p",
        "t=-1",
    ];
    let said = refuses(folder, &[&flags[..], &models].concat());
    assert!(
        said.contains("`t` of `soft_add` is -1, but must be in [0, inf)"),
        "{said}"
    );
    let missing = refuses(folder, &["methods", "--method-file", "nowhere.wgsl"]);
    assert!(missing.contains("nowhere.wgsl"), "{missing}");
    assert!(!folder.join("o.safetensors").exists());
}
