//! The shader text of a Program: shared files, then the Program as straight-line functions, then an
//! entry point.
//!
//! Text is joined, never preprocessed: WGSL takes declarations in any order. Every value of the
//! Program's end becomes a function of its own that computes four elements and holds only the
//! steps that the value needs; every step is one line that calls the formula for each element.

use std::fmt::Write;

use super::table::Layout;
use super::{Compute, End, Entry, Formula, Kind, Operand, Program, Step, ValueId};

/// The shader of one Program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// WGSL with one compute entry point, `main`.
    pub text: String,
    /// What it is, for messages of drivers: end, working dtype and number of steps.
    pub label: String,
}

/// Embeds shader files by name.
macro_rules! files {
    ($($file:literal)*) => {
        [$(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $file, ".wgsl"))),*]
    };
}

const SHARED: [&str; 20] = files! {
    "kernel/prelude" "kernel/bindings" "kernel/load" "kernel/save"
    "codec/word" "codec/small" "codec/bf16" "codec/f16" "codec/f8_e4m3" "codec/f8_e5m2"
    "codec/f64" "codec/divide" "codec/philox"
    "formula/arithmetic" "formula/bound" "formula/sparsify" "formula/elect" "formula/mask"
    "formula/entry" "formula/cast"
};
const GUARDS: [&str; 3] = files! { "guard/f32" "guard/bf16" "guard/f16" };
const ENDS: [&str; 3] = files! { "kernel/store" "kernel/sum" "kernel/count" };

/// The components of a quad.
const LANES: [&str; 4] = ["x", "y", "z", "w"];

/// The shader that runs a Program over the pieces of a table with [`Layout::of`] this Program.
pub fn assemble(program: &Program) -> Source {
    let [in_f32, in_bf16, in_f16] = GUARDS;
    let guard = match program.compute() {
        Compute::F32 => in_f32,
        Compute::BF16 => in_bf16,
        Compute::F16 => in_f16,
    };
    let [store, sum, count] = ENDS;
    let (entry, end) = match program.end() {
        End::Store { float, .. } => (store, format!("store {float}")),
        End::Sum(values) => (sum, format!("sum {}", values.len())),
        End::Count(values) => (count, format!("count {}", values.len())),
    };
    let layout = Layout::of(program);
    let mut parts: Vec<&str> = SHARED.to_vec();
    let constants = layout.constants();
    let functions = functions(program, &layout);
    parts.extend([guard, &constants, &functions, entry]);
    Source {
        text: parts.join("\n"),
        label: format!(
            "{end}, {} steps in {}",
            program.steps().len(),
            program.compute().name()
        ),
    }
}

/// `value_0` and so on, `value` that chooses among them, and `save` of a Program that stores, with
/// the largest magnitude that it holds.
fn functions(program: &Program, layout: &Layout) -> String {
    let values = program.end().values();
    let mut text = String::new();
    for (number, value) in values.iter().enumerate() {
        text += &value_function(program, layout, number, *value);
    }
    text += "fn value(k: u32, at: Place) -> vec4f {\n    switch k {\n";
    for number in 1..values.len() {
        text += &format!("        case {number}u: {{ return value_{number}(at); }}\n");
    }
    text += "        default: { return value_0(at); }\n    }\n}\n\n";
    if let End::Store { float, .. } = program.end() {
        text += &format!("const LIMIT: u32 = {}_LIMIT;\n", float.dtype());
        text += "fn save(at: Place, word: u32, x: vec4u) {\n";
        text += &format!("    save_{}(at, word, x);\n}}\n", float.name());
    }
    text
}

fn value_function(program: &Program, layout: &Layout, number: usize, value: ValueId) -> String {
    let mut text = format!("fn value_{number}(at: Place) -> vec4f {{\n");
    let needed = needed(program, value);
    for (step, needed) in needed.iter().enumerate() {
        if *needed {
            let expression = expression(&program.steps()[step], layout);
            writeln!(text, "    let v{step} = {expression};").expect("a String takes all text");
        }
    }
    text += &match program.steps()[value.index()] {
        Step::Word { .. } => format!("    return raw(v{value});\n}}\n\n"),
        _ => format!("    return v{value};\n}}\n\n"),
    };
    text
}

/// Which steps a value needs.
fn needed(program: &Program, value: ValueId) -> Vec<bool> {
    let mut needed = vec![false; value.index() + 1];
    needed[value.index()] = true;
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
