//! The text of recipes: what is read, what is refused, and what is written.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use wgmerge::recipe::Options;
use wgmerge::recipe::mecha::{ArgumentValue, Dialect, Line, Script, parse, read, write};

fn values(text: &str) -> Vec<ArgumentValue> {
    let script = parse(text).unwrap_or_else(|fault| panic!("{}", fault.render("x", text, false)));
    let last = script.instructions().last().expect("an instruction");
    last.arguments
        .iter()
        .map(|argument| argument.value.clone())
        .collect()
}

/// The rendered fault of a text.
#[track_caller]
fn fault(text: &str) -> String {
    let fault = parse(text).expect_err("a fault");
    fault.render("x.mecha", text, false)
}

/// The recipes of a folder of data, by name.
fn recipes(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(folder);
    let entries = std::fs::read_dir(folder).expect("the data");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let recipes = paths.filter(|path| path.extension().is_some_and(|e| e == "mecha"));
    recipes
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy();
            let text = std::fs::read_to_string(&path).expect("a recipe");
            (name.into_owned(), text)
        })
        .collect()
}

/// Recipes of real networks, all of which end as sd-mecha finalizes them.
fn golden() -> Vec<String> {
    recipes("mecha").into_iter().map(|(_, text)| text).collect()
}

/// Recipes of stand-ins, as sd-mecha writes a graph.
fn stand_ins() -> Vec<(String, String)> {
    recipes("recipes")
}

#[test]
fn what_sd_mecha_writes_is_printed_as_it_was() {
    for text in golden() {
        let script = parse(&text).expect("a recipe of sd-mecha");
        assert_eq!(script.to_string(), text);
    }
}

/// Recipes that come back with other forms of the same numbers, or their lines in another order.
const RESPELT: &[&str] = &[
    "blocks_sd1_int",
    "cast_per_block",
    "cast_to_dtype_of",
    "dropout_rescale_",
    "rank_from_ratio_",
];

#[test]
fn what_sd_mecha_writes_is_written_from_the_graph_as_it_was() {
    let mut same = 0;
    for (name, text) in stand_ins() {
        let script = parse(&text).expect("a recipe of sd-mecha");
        let Ok(recipe) = read(&script, Options::default(), Arc::default()) else {
            continue;
        };
        let written = write(&recipe)
            .expect("a recipe in sd-mecha's words")
            .to_string();
        if written == text {
            same += 1;
        } else {
            let known = RESPELT.iter().any(|start| name.starts_with(start));
            assert!(known, "{name}:\n{written}\ninstead of\n{text}");
        }
    }
    assert!(same > 150, "{same} recipes");
}

#[test]
fn tolerates_what_sd_mecha_does_not() {
    let plain = parse("version 0.1.0\nmodel \"a\"").expect("the plain form");
    for text in [
        "version 0.1.0\nmodel \"a\"\n",
        "version 0.1.0\n\n\nmodel \"a\"\n\n",
        "version 0.1.0\r\nmodel \"a\"\r\n",
        "\u{feff}version 0.1.0 \nmodel\t\"a\"",
        "\n  version 0.1.0\n  model \"a\"",
    ] {
        let script = parse(text).expect(text);
        assert_eq!(script.to_string(), plain.to_string(), "{text:?}");
    }
    let commented = "# before\nversion 0.1.0\n# between\nmodel \"a\"\n# after\n";
    let script = parse(commented).expect("comments");
    assert_eq!(script.instructions().count(), 1);
    assert_eq!(script.instructions().next().expect("one").line, 4);
}

#[test]
fn values_of_every_kind() {
    let text = "version 0.1.0\ndict a=null b=true c=false d=3 e=-0.5 f=1e-06 g=.5 h=5. i=+3 \
                j=1_000 k=inf l=-inf m=1E5 n=\"a b\" o=\"x=y\" p=123456789012345678901";
    let wanted = [
        ArgumentValue::Null,
        ArgumentValue::Flag(true),
        ArgumentValue::Flag(false),
        ArgumentValue::Integer(3),
        ArgumentValue::Float(-0.5),
        ArgumentValue::Float(1e-6),
        ArgumentValue::Float(0.5),
        ArgumentValue::Float(5.0),
        ArgumentValue::Integer(3),
        ArgumentValue::Integer(1000),
        ArgumentValue::Float(f64::INFINITY),
        ArgumentValue::Float(f64::NEG_INFINITY),
        ArgumentValue::Float(1e5),
        ArgumentValue::Text("a b".to_owned()),
        ArgumentValue::Text("x=y".to_owned()),
        ArgumentValue::Float(123_456_789_012_345_678_901.0),
    ];
    assert_eq!(values(text), wanted);
    let ArgumentValue::Float(nan) = values("version 0.1.0\ndict a=nan")[0] else {
        panic!("a float");
    };
    assert!(nan.is_nan());
    let path = "version 0.1.0\nmodel \"x=y \\\"z\\\\.safetensors\"";
    assert_eq!(
        values(path),
        [ArgumentValue::Text("x=y \"z\\.safetensors".to_owned())]
    );
    let lines = ArgumentValue::Text("two\nlines".to_owned());
    assert_eq!(values(&format!("version 0.1.0\nmodel {lines}")), [lines]);
}

#[test]
fn without_a_header_it_is_the_old_form() {
    let text = "model \"a.safetensors\" \"sd1\" \"base\"\nmodel \"b\" \"sd1\" \"base\"\n\
                merge \"weighted_sum\" &0 &1 alpha=0.3";
    let script = parse(text).expect("a legacy recipe");
    assert_eq!(script.dialect, Dialect::Legacy);
    assert_eq!(script.to_string(), text);
}

/// A recipe of sd-mecha 0.0.x, and what it means in the words of today.
const OLD: &[(&str, &str)] = &[
    (
        "model \"a\" \"sdxl\" \"base\"\nmodel \"b\" \"sdxl\" \"base\"\n\
         merge \"weighted_sum\" &0 &1 alpha=0.3",
        "model \"a.safetensors\" model_config=\"sdxl-sgm\" merge_space=\"weight\"\n\
         model \"b.safetensors\" model_config=\"sdxl-sgm\" merge_space=\"weight\"\n\
         merge \"weighted_sum\" &0 &1 alpha=0.3\nmerge \"omit_component\" &2 \"vae\"\n\
         merge \"omit_component\" &3 \"scheduler\"\nmerge \"fallback\" &4 &0\n\
         merge \"fallback\" &5 &1",
    ),
    // Then one fifth was kept unless said otherwise, and the switch had the other sense.
    (
        "model \"a\" null \"lora\"\nmodel \"b\" null \"lora\"\nmerge \"ties_sum\" &0 &1",
        "model \"a.safetensors\" merge_space=\"delta\"\n\
         model \"b.safetensors\" merge_space=\"delta\"\n\
         merge \"ties_sum\" &0 &1 k=0.2 vote_sgn=true",
    ),
    (
        "model \"a\" null \"lora\"\nmodel \"b\" null \"lora\"\n\
         merge \"ties_sum\" &0 &1 k=0.5 vote_sgn=1.0",
        "model \"a.safetensors\" merge_space=\"delta\"\n\
         model \"b.safetensors\" merge_space=\"delta\"\n\
         merge \"ties_sum\" &0 &1 k=0.5 vote_sgn=false",
    ),
];

#[test]
fn the_old_form_keeps_its_meaning() {
    let written = |text: &str| {
        let script = parse(text).expect(text);
        let recipe = read(&script, Options::default(), Arc::default());
        let recipe = recipe.unwrap_or_else(|fault| panic!("{}", fault.render("x", text, false)));
        write(&recipe).expect("in words of today").to_string()
    };
    for (old, new) in OLD {
        assert_eq!(written(old), written(&format!("version 0.1.0\n{new}")));
    }
}

/// Block dicts of the old form that are wrong, and what is said about them.
const OLD_BLOCKS: &[(&str, &str)] = &[
    (
        "dict sd1_unet_block_in12=1.0",
        "`sd1_unet_block_in12` is no block of sd1 (did you mean `sd1_unet_block_in11`?)",
    ),
    ("dict sd1_vae_default=1.0", "`sd1_vae_default` is no block"),
    (
        "dict sd9_unet_block_in1=1.0",
        "block of no known architecture",
    ),
    (
        "dict sd1_unet_block_in1=\"x\"",
        "the weight of a block is a number",
    ),
];

#[test]
fn unknown_blocks_of_the_old_form_are_refused() {
    for (dict, message) in OLD_BLOCKS {
        let text = format!("{dict}\nmodel \"a\" \"sd1\" \"base\"");
        let script = parse(&text).expect("a text");
        let fault = read(&script, Options::default(), Arc::default()).expect_err("old blocks");
        let shown = fault.render("x.mecha", &text, false);
        assert!(
            shown.contains("x.mecha:1:6") && shown.contains(message),
            "{shown}"
        );
    }
}

/// Texts that are wrong, and what is said about them.
const FAULTS: &[(&str, &[&str])] = &[
    (
        "version 0.2.0\nmodel \"a\"",
        &["version 0.2.0", "x.mecha:1:9", "0.1.0 is read"],
    ),
    (
        "version\nmodel \"a\"",
        &["the version is missing", "`version 0.1.0`"],
    ),
    ("version 0.1.0", &["no instruction"]),
    (
        "version 0.1.0\nmerge \"x\" &0",
        &["&0", "x.mecha:2:11", "nothing comes before"],
    ),
    (
        "version 0.1.0\nmodel \"a\"\nmerge \"x\" &1",
        &[
            "`&1` refers",
            "x.mecha:3:11",
            "only &0 to &0",
            "counted from 0",
        ],
    ),
    (
        "version 0.1.0\nmodel \"a\"\nmerge \"x\" &b",
        &["`&b` is no reference", "x.mecha:3:11"],
    ),
    (
        "version 0.1.0\nmodel \"a",
        &["does not end", "x.mecha:2:7", "close it"],
    ),
    (
        "version 0.1.0\nmodel \"a\"b",
        &["right after a string", "x.mecha:2:10"],
    ),
    (
        "version 0.1.0\nmodel a.safetensors",
        &["is no value", "\"a.safetensors\""],
    ),
    ("version 0.1.0\ndict a=ture", &["did you mean `true`"]),
    (
        "version 0.1.0\ndict a=",
        &["write a value after the equals sign"],
    ),
    (
        "version 0.1.0\ndict a=1 a=2",
        &["`a` is given twice", "x.mecha:2:10"],
    ),
    (
        "model \"a\"\nliteral &0",
        &["`literal` is no instruction", "`version 0.1.0`"],
    ),
    (
        "version 0.1.0\nparameter \"a\"",
        &["`parameter` is no instruction"],
    ),
];

#[test]
fn faults_show_their_place() {
    let unknown = fault("version 0.1.0\nmodle \"a\"");
    assert_eq!(
        unknown,
        "\
error: unknown instruction `modle`
 --> x.mecha:2:1
  |
2 | modle \"a\"
  | ^^^^^ unknown
  |
  = help: did you mean `model`?"
    );
    for (text, parts) in FAULTS {
        let shown = fault(text);
        for part in *parts {
            assert!(shown.contains(part), "{part:?} in {shown}");
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    "[ -~äß\n]{0,12}"
}

fn value(count: usize) -> BoxedStrategy<ArgumentValue> {
    let plain = prop_oneof![
        Just(ArgumentValue::Null),
        any::<bool>().prop_map(ArgumentValue::Flag),
        any::<i64>().prop_map(ArgumentValue::Integer),
        any::<f64>()
            .prop_filter("comparable", |x| !x.is_nan())
            .prop_map(ArgumentValue::Float),
        text().prop_map(ArgumentValue::Text),
    ];
    match count {
        0 => plain.boxed(),
        _ => prop_oneof![plain, (0..count).prop_map(ArgumentValue::Reference)].boxed(),
    }
}

/// An instruction's command, and its arguments with their names.
type Meaning = (String, Vec<(Option<String>, ArgumentValue)>);

/// The values of a script's instructions, which is what must survive.
fn meaning(script: &Script) -> Vec<Meaning> {
    let instructions = script.lines.iter().filter_map(|line| match line {
        Line::Comment(_) => None,
        Line::Instruction(instruction) => Some(instruction),
    });
    instructions
        .map(|instruction| {
            let arguments = instruction.arguments.iter();
            let arguments = arguments.map(|a| (a.name.clone(), a.value.clone()));
            (instruction.command.word().to_owned(), arguments.collect())
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(200)
    })]

    #[test]
    fn what_is_printed_is_read_again(
        lines in prop::collection::vec(prop::collection::vec(value(0), 0..4), 1..6),
        references in prop::collection::vec(value(6), 0..4),
        name in "[a-z =\"\\\\]{1,6}",
    ) {
        let mut script = parse("version 0.1.0\ndict").expect("a script");
        let Line::Instruction(blank) = script.lines[0].clone() else {
            panic!("an instruction");
        };
        script.lines.clear();
        let argument = |value: &ArgumentValue, name: Option<&str>| {
            let mut one = parse("version 0.1.0\ndict a=1").expect("a script");
            let Some(Line::Instruction(instruction)) = one.lines.pop() else {
                panic!("an instruction");
            };
            let mut argument = instruction.arguments[0].clone();
            argument.name = name.map(str::to_owned);
            argument.value = value.clone();
            argument
        };
        for line in &lines {
            let mut instruction = blank.clone();
            instruction.arguments = line.iter().map(|value| argument(value, None)).collect();
            instruction.arguments.push(argument(&ArgumentValue::Null, Some(&name)));
            script.lines.push(Line::Instruction(instruction));
        }
        let mut last = blank.clone();
        let fits = |value: &&ArgumentValue| match value {
            ArgumentValue::Reference(number) => *number < lines.len(),
            _ => true,
        };
        last.arguments = references.iter().filter(fits).map(|v| argument(v, None)).collect();
        script.lines.push(Line::Instruction(last));
        let again = parse(&script.to_string());
        let again = again.unwrap_or_else(|fault| {
            panic!("{}", fault.render("x", &script.to_string(), false))
        });
        prop_assert_eq!(meaning(&again), meaning(&script));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "(version 0.1.0\n)?[ -~\n\t&=\"\\\\]{0,60}") {
        if let Err(fault) = parse(&text) {
            let _ = fault.render("x", &text, false);
            let (line, column) = fault.place(&text);
            prop_assert!(line >= 1 && column >= 1);
        }
    }
}
