//! The shader text of a Program: shared files, then the Program as straight-line functions, then an
//! entry point.
//!
//! Text is joined, never preprocessed: WGSL takes declarations in any order. The Program becomes
//! one function that computes what its outputs need of four elements, in which every step is one
//! line that calls the formula for each of them.

use std::fmt::Write;

use super::table::{CHANGE_SUMS, Layout, Outputs, PAIR_WORDS};
use super::{Compute, Entry, Formula, Kind, Operand, Output, Program, Step, ValueId};
use crate::dtype::Float;
use crate::wgsl::{codec_files, formula_files, texts};

/// The shader of one Program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shader {
    /// WGSL with one compute entry point, `main`.
    pub text: String,
    /// What it is, for messages of drivers: outputs, working dtype and number of steps.
    pub label: String,
}

/// The files that every shader has.
const SHARED: [&[&str]; 3] = [
    texts! { "kernel/prelude" "kernel/bindings" "kernel/load" "kernel/save" },
    codec_files!(texts),
    formula_files!(texts),
];
const GUARDS: &[&str; 3] = texts! { "guard/f32" "guard/bf16" "guard/f16" };
/// What is done with each kind of output.
const OUTPUTS: &[&str; 6] = texts! {
    "kernel/store" "kernel/sum" "kernel/max" "kernel/count" "kernel/change" "kernel/pair"
};

/// The components of a quad.
const LANES: [&str; 4] = ["x", "y", "z", "w"];

/// The shader that runs a Program over the pieces of a table with [`Layout::of`] this Program.
pub fn assemble(program: &Program) -> Shader {
    let [in_f32, in_bf16, in_f16] = *GUARDS;
    let guard = match program.compute() {
        Compute::F32 => in_f32,
        Compute::BF16 => in_bf16,
        Compute::F16 => in_f16,
    };
    let layout = Layout::of(program);
    let constants = layout.constants();
    let function = values(program, &layout);
    let main = main(program, &layout);
    let mut parts: Vec<&str> = SHARED.concat();
    parts.extend([guard, &constants, &function, &main]);
    let found = layout.outputs();
    let [store, sum, max, count, change, pair] = *OUTPUTS;
    let changes = |output: &Output| matches!(output, Output::Change { .. });
    let pairs = |output: &Output| matches!(output, Output::Pair(_));
    let wanted = [
        (program.storing().is_some(), store),
        (found.sums > 0, sum),
        (found.maxima > 0, max),
        (found.counts > 0, count),
        (program.outputs().iter().any(changes), change),
        (program.outputs().iter().any(pairs), pair),
    ];
    parts.extend(wanted.iter().filter(|(is, _)| *is).map(|(_, text)| text));
    let names = program.outputs().iter().map(|output| match output {
        Output::Store { float, .. } => format!("store {float}"),
        Output::Sum(_) => "sum".to_owned(),
        Output::Max(_) => "max".to_owned(),
        Output::Count(_) => "count".to_owned(),
        Output::Collect(_) => "collect".to_owned(),
        Output::Change { .. } => "change".to_owned(),
        Output::Pair(_) => "pair".to_owned(),
    });
    Shader {
        text: parts.join("\n"),
        label: format!(
            "{}, {} steps in {}",
            names.collect::<Vec<String>>().join(" and "),
            program.steps().len(),
            program.compute().name()
        ),
    }
}

/// Where a function's result has the values of an output, and the text that puts them there.
struct Places {
    /// Values, each with its place.
    values: Vec<(ValueId, String)>,
    /// How many of the values that are summed, whose maximum is found, and that are counted.
    found: Outputs,
    /// What changes and pairs need besides, which several sums hold.
    changes: Vec<(ValueId, ValueId, usize)>,
    pairs: Vec<([ValueId; 2], usize)>,
}

impl Places {
    fn of(program: &Program) -> Places {
        let mut places = Places {
            values: Vec::new(),
            found: Outputs::default(),
            changes: Vec::new(),
            pairs: Vec::new(),
        };
        let next = |count: &mut usize, by: usize| std::mem::replace(count, *count + by);
        for output in program.outputs() {
            let found = &mut places.found;
            let place = match *output {
                Output::Store { .. } => "stored".to_owned(),
                Output::Sum(_) => format!("sums[{}]", next(&mut found.sums, 1)),
                Output::Max(_) => format!("maxima[{}]", next(&mut found.maxima, 1)),
                Output::Count(_) => format!("counts[{}]", next(&mut found.counts, 1)),
                // The host alone collects.
                Output::Collect(_) => continue,
                Output::Change { value, base, .. } => {
                    let at = next(&mut found.sums, CHANGE_SUMS);
                    places.changes.push((value, base, at));
                    continue;
                }
                Output::Pair(pair) => {
                    let at = next(&mut found.sums, PAIR_WORDS);
                    places.pairs.push((pair, at));
                    continue;
                }
            };
            places.values.push((output.value(), place));
        }
        places
    }

    /// Which of the values that are summed are not: their largest magnitude is found.
    fn peaks(&self) -> Vec<usize> {
        let pairs = self.pairs.iter();
        pairs.map(|(_, at)| at + PAIR_WORDS - 1).collect()
    }

    /// The members of the function's result.
    fn members(&self, stores: bool) -> String {
        let mut text = String::new();
        if stores {
            text += "    stored: vec4f,\n";
        }
        let Outputs {
            sums,
            maxima,
            counts,
        } = self.found;
        for (name, count) in [("sums", sums), ("maxima", maxima), ("counts", counts)] {
            if count > 0 {
                text += &format!("    {name}: array<vec4f, {count}>,\n");
            }
        }
        text
    }
}

/// The function `values`, what it returns, and `save` of a Program that stores, with the largest
/// magnitude that it holds.
fn values(program: &Program, layout: &Layout) -> String {
    let storing = program.storing();
    let places = Places::of(program);
    let (mut body, mut results) = (String::new(), String::new());
    let measured = places.changes.iter();
    let measured = measured.flat_map(|&(value, base, _)| [value, base]);
    let paired = places.pairs.iter().flat_map(|(pair, _)| *pair);
    let read = places.values.iter().map(|(value, _)| *value);
    let needed = needed(program, read.chain(measured).chain(paired));
    for (step, needed) in needed.iter().enumerate() {
        if *needed {
            let expression = expression(&program.steps()[step], layout);
            writeln!(body, "    let v{step} = {expression};").expect("a String takes all text");
        }
    }
    for (value, place) in &places.values {
        let value = match program.steps()[value.index()] {
            Step::Word { .. } => format!("raw(v{value})"),
            _ => format!("v{value}"),
        };
        results += &format!("    all.{place} = {value};\n");
    }
    for (value, base, at) in &places.changes {
        for lane in LANES {
            let result = format!("v{value}.{lane}");
            let stored = format!("rounded(bits({result}))");
            let all = format!("{result}, {stored}, v{base}.{lane}");
            results += &format!("    let change_{lane} = change({all});\n");
        }
        for k in 0..CHANGE_SUMS {
            let of = LANES.map(|lane| format!("change_{lane}[{k}]")).join(", ");
            results += &format!("    all.sums[{}] = vec4f({of});\n", at + k);
        }
    }
    for ([a, b], at) in &places.pairs {
        for lane in LANES {
            let call = format!("paired(v{a}.{lane}, v{b}.{lane})");
            results += &format!("    let pair_{at}_{lane} = {call};\n");
        }
        for k in 0..PAIR_WORDS {
            let of = LANES
                .map(|lane| format!("pair_{at}_{lane}[{k}]"))
                .join(", ");
            results += &format!("    all.sums[{}] = vec4f({of});\n", at + k);
        }
    }
    let members = places.members(storing.is_some());
    let mut text = format!("struct Values {{\n{members}}}\n\n");
    text += &format!("fn values(at: Place) -> Values {{\n{body}    var all: Values;\n");
    text += &format!("{results}    return all;\n}}\n\n");
    if let Some(storing) = storing {
        text += &saved(storing.float);
    }
    text
}

/// How a type is stored, and what a result is when it was.
fn saved(float: Float) -> String {
    let name = float.name();
    let rounded = match float {
        Float::F64 => "f64_decode(f64_encode_lo(x), f64_encode_hi(x))".to_owned(),
        Float::F32 => "x".to_owned(),
        _ => format!("{name}_decode({name}_encode(x))"),
    };
    format!(
        "const LIMIT: u32 = {}_LIMIT;\n\
         fn save(at: Place, word: u32, x: vec4u) {{\n    save_{name}(at, word, x);\n}}\n\
         fn rounded(x: u32) -> u32 {{\n    return {rounded};\n}}\n",
        float.dtype()
    )
}

/// The entry point: what is done tile by tile, then what a workgroup counts of all its tiles.
fn main(program: &Program, layout: &Layout) -> String {
    let found = layout.outputs();
    let store = program.storing().is_some();
    let mut text = String::from(
        "@compute @workgroup_size(INVOCATIONS)\n\
         fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {\n\
         \x20   let group = group_number(id);\n\
         \x20   if (group >= params.groups) {\n        return;\n    }\n\
         \x20   let first = place_of(group);\n",
    );
    if store || found.sums + found.maxima > 0 {
        text += "    for (var tile = 0u; tile < TILES_PER_GROUP; tile++) {\n";
        text += "        let at = moved(first, tile * INVOCATIONS + lane);\n";
        text += "        var all: Values;\n";
        text += "        if (in_piece(at)) {\n            all = values(at);\n        }\n";
        if store {
            text += "        store(at, all.stored);\n";
        }
        if found.sums > 0 {
            text += "        let number = group * TILES_PER_GROUP + tile;\n";
        }
        let peaks = Places::of(program).peaks();
        for k in 0..found.sums {
            let function = if peaks.contains(&k) {
                "farthest"
            } else {
                "sum"
            };
            text += &format!("        {function}(at, lane, number * SUMS + {k}, all.sums[{k}]);\n");
        }
        for k in 0..found.maxima {
            text += &format!("        largest(at, lane, {k}, all.maxima[{k}]);\n");
        }
        text += "    }\n";
    }
    for k in 0..found.counts {
        text += "    begin_count(lane);\n";
        text += "    for (var tile = 0u; tile < TILES_PER_GROUP; tile++) {\n";
        text += "        let at = moved(first, tile * INVOCATIONS + lane);\n";
        text += "        if (in_piece(at)) {\n";
        text += &format!("            count(at, {k}, values(at).counts[{k}]);\n");
        text += "        }\n    }\n";
        text += &format!("    end_count(first, lane, {k});\n");
    }
    text + "    report_hazard(first.piece);\n}\n"
}

/// Which steps values need.
fn needed(program: &Program, values: impl Iterator<Item = ValueId>) -> Vec<bool> {
    let mut needed = vec![false; program.steps().len()];
    values.for_each(|value| needed[value.index()] = true);
    for number in (0..needed.len()).rev() {
        if let (true, Step::Call { operands, .. }) = (needed[number], &program.steps()[number]) {
            for operand in operands {
                if let Operand::Value(read) = operand {
                    needed[read.index()] = true;
                }
            }
        }
    }
    needed
}

/// A step for the four elements of a quad.
fn expression(step: &Step, layout: &Layout) -> String {
    match step {
        Step::Load { slot, float, entry } => {
            let entry = match entry {
                Entry::Checked | Entry::Rounded | Entry::Kept | Entry::Made => "entered",
                Entry::Raw => "raw",
            };
            let (float, input) = (float.name(), layout.input(*slot));
            format!("{entry}(load_{float}(at, table[at.record + {input}u]))")
        }
        Step::Word { stream } => {
            format!("random_words(at, at.record + {}u)", layout.stream(*stream))
        }
        Step::Call { formula, operands } => {
            let calls = LANES.map(|lane| call(*formula, operands, layout, lane));
            format!("vec4f({})", calls.join(", "))
        }
    }
}

/// A formula for one element of a quad.
fn call(formula: Formula, operands: &[Operand], layout: &Layout, lane: &str) -> String {
    let arguments: Vec<String> = operands
        .iter()
        .zip(formula.parameters())
        .map(|(operand, kind)| match (operand, kind) {
            (Operand::Value(value), _) => format!("v{value}.{lane}"),
            (Operand::Index, _) => format!("indices(at).{lane}"),
            (Operand::Scalar(i), Kind::Scalar) => {
                format!("float(table[at.record + {}u])", layout.scalar(*i))
            }
            (Operand::Scalar(i), _) => format!("table[at.record + {}u]", layout.scalar(*i)),
            (Operand::Cutoff(i), _) => format!("table[at.record + {}u]", layout.cutoff(*i)),
        })
        .collect();
    format!("{}({})", formula.function(), arguments.join(", "))
}
