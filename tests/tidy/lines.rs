//! How long files, functions and lines are, and what no line may hold.

use super::{SourceFile, assert_none, files, in_crate, rust, sources};

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 70;
const COLUMNS: usize = 100;

/// The panics of the library: each states what the code around it makes sure of. A new one is
/// entered here by whoever can say why no input reaches it.
const EXPECTED: &[(&str, &str)] = &[
    ("src/merge/side/indexes.rs", "memory takes any text"),
    ("src/recipe/extend.rs", "any number is a strength"),
    ("src/recipe/extend.rs", "the table has add_difference"),
    ("src/recipe/extend.rs", "the table has clamp"),
    ("src/recipe/mergeflux/delta.rs", "the table has them"),
    ("src/recipe/mergeflux/mix.rs", "the table has linear"),
    ("src/loader/config.rs", "a sound expression"),
    ("src/loader/index.rs", "a sound expression"),
    ("src/recipe/mergeflux/window.rs", "a sound expression"),
    ("src/recipe/supermario/chain.rs", "the table has supermario"),
    (
        "compute/src/exec/cpu/formula.rs",
        "an argument per parameter",
    ),
    (
        "src/gpu/probe/experiments.rs",
        "an experiment has a few steps",
    ),
    (
        "compute/src/kernel/table.rs",
        "a batch is addressed in 32-bit words",
    ),
    (
        "compute/src/kernel/table.rs",
        "a layout is asked only for what its Program reads",
    ),
    ("compute/src/kernel/wgsl.rs", "a String takes all text"),
    (
        "compute/src/kernel/written/run.rs",
        "naga refuses what stands in no loop",
    ),
    (
        "compute/src/kernel/written/shaders.rs",
        "tests read the shader files",
    ),
    (
        "src/keys/config/builtin.rs",
        "the built-in configs are well formed",
    ),
    ("src/method/consensus.rs", "there is a vote"),
    ("src/method/consensus.rs", "there is an entry"),
    (
        "src/method/lowering.rs",
        "a method that requires a base is given one",
    ),
    (
        "src/method/lowering.rs",
        "a method is asked only where its single inputs are there",
    ),
    ("src/plan/memory.rs", "there is at least one lane"),
    ("src/recipe/mergekit/compose.rs", "the result comes last"),
    (
        "src/recipe/mergekit/composer.rs",
        "the text's models are listed",
    ),
    (
        "src/recipe/mergekit/composer.rs",
        "a merge comes behind those that it is made of",
    ),
    (
        "src/recipe/mergekit/merge.rs",
        "the table names methods that are there",
    ),
    (
        "src/recipe/mergekit/mixture/builder.rs",
        "numbers are checked when they are read",
    ),
    (
        "src/recipe/mergekit/mixture/read.rs",
        "the text's models are listed",
    ),
    (
        "src/recipe/mergekit/stack.rs",
        "a slice has a model with layers",
    ),
];

fn length(file: &SourceFile) -> Option<String> {
    let lines = file.text.lines().count();
    (lines > FILE_LINES).then(|| format!("{}: {lines} lines", file.path))
}

fn columns(file: &SourceFile) -> Vec<String> {
    let lines = file.text.lines().enumerate();
    lines
        .filter(|(_, line)| line.chars().count() > COLUMNS)
        .map(|(number, line)| {
            let columns = line.chars().count();
            format!("{}:{}: {columns} columns", file.path, number + 1)
        })
        .collect()
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

/// Whether a function begins on this line.
fn begins_function(line: &str) -> bool {
    let words = line.split_whitespace();
    let qualifiers = ["const", "async", "unsafe", "extern", "\"C\""];
    let mut words = words.skip_while(|word| word.starts_with("pub") || qualifiers.contains(word));
    words.next() == Some("fn")
}

/// Functions longer than a screen. As rustfmt has it, a function ends with the first brace that
/// stands below its beginning.
fn functions(file: &SourceFile) -> Vec<String> {
    let lines: Vec<&str> = file.text.lines().collect();
    let mut faults = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if !begins_function(line) {
            continue;
        }
        let head = lines[at..]
            .iter()
            .find(|line| line.ends_with(['{', ';', '}']));
        if head.is_none_or(|head| !head.ends_with('{')) {
            continue;
        }
        let closing = format!("{}}}", indent(line));
        let end = lines[at..]
            .iter()
            .position(|line| line.starts_with(&closing));
        let end = end.map_or(usize::MAX, |end| end + 1);
        if end > FUNCTION_LINES {
            faults.push(format!(
                "{}:{}: a function of {end} lines",
                file.path,
                at + 1
            ));
        }
    }
    faults
}

/// Whether `line` holds `word` as a whole.
fn holds(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .any(|(at, _)| !(word.starts_with(part) && line[..at].ends_with(part)))
}

fn forbidden(file: &SourceFile) -> Vec<String> {
    // Put together here, so that this file does not hold them.
    let mut words: Vec<String> = ["todo", "unimplemented", "dbg"]
        .map(|name| format!("{name}!("))
        .into();
    words.push(format!("#[{}", "ignore"));
    let in_src = in_crate(&file.path).is_some();
    if in_src && !file.path.starts_with("src/cli/") {
        words.extend(["print", "println", "eprint", "eprintln"].map(|name| format!("{name}!(")));
    }
    if in_src {
        words.extend([".unwrap()".to_owned(), "#[cfg(test)]".to_owned()]);
    }
    let found = file.code().flat_map(|(number, line)| {
        let words = words.iter().filter(move |word| holds(line, word));
        words.map(move |word| format!("{}:{number}: `{word}`", file.path))
    });
    found.collect()
}

/// The messages of `expect`; an empty one where what follows is no plain text.
fn expectations(file: &SourceFile) -> Vec<&str> {
    let calls = file.text.match_indices(".expect(");
    calls
        .map(|(at, call)| {
            let rest = file.text[at + call.len()..].trim_start();
            let text = rest.strip_prefix('"').and_then(|text| text.split_once('"'));
            text.map_or("", |(text, _)| text)
        })
        .collect()
}

fn unexpected(file: &SourceFile) -> Vec<String> {
    let found = expectations(file).into_iter();
    found
        .filter(|text| !EXPECTED.contains(&(file.path.as_str(), text)))
        .map(|text| format!("{}: `.expect(\"{text}\")` is not in the list", file.path))
        .collect()
}

fn indentation(file: &SourceFile) -> Vec<String> {
    let lines = file.text.lines().enumerate();
    lines
        .filter(|(_, line)| {
            let space = indent(line);
            space.contains('\t') || !space.len().is_multiple_of(4) || line.ends_with([' ', '\t'])
        })
        .map(|(number, _)| format!("{}:{}: indentation", file.path, number + 1))
        .collect()
}

#[test]
fn files_functions_and_lines_are_short() {
    let files = rust();
    assert_none(files.iter().filter_map(length));
    assert_none(files.iter().flat_map(functions));
    assert_none(files.iter().flat_map(columns));
}

#[test]
fn shaders_are_short_and_indented_by_four() {
    let shaders = files(&["compute/shaders"], "wgsl");
    assert_none(shaders.iter().filter_map(length));
    assert_none(shaders.iter().flat_map(functions));
    assert_none(shaders.iter().flat_map(columns));
    assert_none(shaders.iter().flat_map(indentation));
}

#[test]
fn nothing_is_left_for_later_and_only_the_cli_prints() {
    assert_none(rust().iter().flat_map(forbidden));
}

#[test]
fn the_library_panics_only_where_it_says_why() {
    let sources = sources();
    assert_none(sources.iter().flat_map(unexpected));
    for (path, text) in EXPECTED {
        let file = sources.iter().find(|file| file.path == *path);
        let used = file.is_some_and(|file| expectations(file).contains(text));
        assert!(
            used,
            "{path} no longer expects `{text}`: leave it out of the list"
        );
    }
}

#[test]
fn the_rules_find_what_they_forbid() {
    let src = |text: &str| SourceFile::new("src/plan/job.rs", text);
    let lines = |n: usize| "    let x = 1;\n".repeat(n);
    assert!(length(&src(&lines(400))).is_none());
    assert!(length(&src(&lines(401))).is_some());
    assert!(columns(&src(&"ä".repeat(100))).is_empty());
    assert_eq!(columns(&src(&"x".repeat(101))).len(), 1);
    let function = |n| format!("pub(crate) fn f(\n    x: u8,\n) {{\n{}}}\n", lines(n));
    assert!(functions(&src(&function(66))).is_empty());
    assert_eq!(functions(&src(&function(67))).len(), 1);
    assert!(functions(&src("fn f();\nfn g() {}\n")).is_empty());
    for text in ["todo", "dbg", "println", "eprint", "unimplemented"] {
        assert_eq!(forbidden(&src(&format!("    {text}!(\"\");"))).len(), 1);
        assert_eq!(forbidden(&src(&format!("// {text}!(\"\");"))).len(), 0);
    }
    assert!(forbidden(&SourceFile::new("src/cli/out.rs", "println!()")).is_empty());
    assert_eq!(forbidden(&src("x.unwrap();")).len(), 1);
    assert_eq!(
        forbidden(&src(&format!("#[{} = \"slow\"]", "ignore"))).len(),
        1
    );
    assert_eq!(
        unexpected(&src("x.expect(\"luck\");\ny\n    .expect(\n    why)")).len(),
        2
    );
    let wgsl = |text: &str| indentation(&SourceFile::new("shaders/x.wgsl", text)).len();
    assert_eq!(
        (wgsl("    x\n\ty\n  z\nw "), wgsl("x\n    y\n\n        z")),
        (3, 0)
    );
}

/// Plurals behind a number that may be 1: `figures::counted` has the words for both. Constants
/// stand in capitals, and are more than one.
fn plurals(file: &SourceFile) -> Vec<String> {
    let things = "tensors|files|models|inputs|keys|layers|threads|nodes";
    let plural = regex::Regex::new(&format!(r"\{{[^}}A-Z]*\}} ({things})\b"));
    let plural = plural.expect("an expression");
    file.code()
        .filter(|(_, line)| plural.is_match(line) && !line.contains("assert!"))
        .map(|(number, line)| format!("{}:{number}: {}", file.path, line.trim()))
        .collect()
}

#[test]
fn numbers_of_things_have_words_for_one() {
    assert_none(sources().iter().flat_map(plurals));
    let count = |text: &str| plurals(&SourceFile::new("src/plan/job.rs", text)).len();
    assert_eq!(count(r#"format!("{count} tensors of {name}")"#), 1);
    assert_eq!(count(r#"format!("the other {} files", 1)"#), 1);
    assert_eq!(count(r#"format!("more than {FILES_MAX} files")"#), 0);
    assert_eq!(count(r#"format!("{} of {name}", counted(1, "tensor"))"#), 0);
}
