//! Branches, loops and calls on elements: as in Rust, on every backend.

use wgmerge::dtype::Float;
use wgmerge::exec::{Batch, Executor, Piece, Results};
use wgmerge::kernel::written::{Number, Rounding, Run, Source, Value};
use wgmerge::kernel::{Compute, Entry, Expression, OnOverflow, Output, SlotId};

use crate::support::backends::for_each_backend;
use crate::support::random::random;

const COUNT: usize = 3000;

/// Numbers around zero, many of them alike or whole.
fn numbers(state: &mut u64) -> Vec<f32> {
    let number = |_| {
        let drawn = random(state);
        let whole = (drawn % 13) as f32 - 6.0;
        match (drawn >> 32) % 3 {
            0 => whole,
            1 => whole / 4.0,
            _ => (drawn >> 40) as f32 / (1 << 22) as f32 - 2.0,
        }
    };
    (0..COUNT).map(number).collect()
}

/// What the function `f` of a text makes of elements.
fn run(executor: &mut dyn Executor, text: &str, inputs: &[Vec<f32>]) -> Vec<f32> {
    let source = Source::parse(text).unwrap_or_else(|fault| panic!("{fault}: {text}"));
    let mut expression = Expression::new(Compute::F32);
    let loads = SlotId::all().take(inputs.len());
    let loads: Vec<Value> = loads
        .map(|slot| Value::each(expression.load(slot, Float::F32, Entry::Checked)))
        .collect();
    let mut run = Run::new(&source, &mut expression, Rounding::Working);
    let result = run.call("f", loads);
    let node = match result.unwrap_or_else(|fault| panic!("{fault}: {text}")) {
        Value::Number(number) => run.node(number),
        other => panic!("{other:?}: {text}"),
    };
    let program = expression.program(&[node], |values| {
        vec![Output::Store {
            value: values[0],
            float: Float::F32,
            on_overflow: OnOverflow::Error,
        }]
    });
    let row = expression.into_parts().row;
    let stride = (4 * COUNT).next_multiple_of(16);
    let mut arena = vec![0; inputs.len() * stride];
    for (numbers, part) in inputs.iter().zip(arena.chunks_mut(stride)) {
        for (number, bytes) in numbers.iter().zip(part.chunks_mut(4)) {
            bytes.copy_from_slice(&number.to_le_bytes());
        }
    }
    let slots = program.slots();
    let piece = Piece {
        row: &row,
        start: 0,
        len: COUNT,
        inputs: slots.iter().map(|slot| slot.index() * stride).collect(),
        output: 0,
    };
    let batch = Batch {
        program: &program,
        pieces: std::slice::from_ref(&piece),
    };
    let mut output = vec![0; stride];
    executor.upload(&arena, 0..arena.len()).expect("an upload");
    let done = executor.run(&batch, &arena, &mut Results::storing(&mut output));
    done.expect("it is computed");
    let words = output[..4 * COUNT].as_chunks::<4>().0.iter();
    words.map(|word| f32::from_le_bytes(*word)).collect()
}

/// A function in both languages.
type Twin = (&'static str, fn(f32, f32) -> f32);

/// The same, line by line, in WGSL and in Rust.
const TWINS: &[Twin] = &[
    (
        "fn f(x: f32, y: f32) -> f32 {
            if x > y { return x - y; } else if x == y { return 7.0; }
            return y * 0.5 - x;
        }",
        |x, y| {
            if x > y {
                return x - y;
            } else if x == y {
                return 7.0;
            }
            y * 0.5 - x
        },
    ),
    (
        "fn f(x: f32, y: f32) -> f32 {
            var sum = 0.0;
            for (var i = 0; i < 6; i++) {
                if sum > y { break; }
                if x < f32(i) - 3.0 { continue; }
                sum += abs(x) * f32(i + 1);
            }
            return sum;
        }",
        |x, y| {
            let mut sum = 0.0;
            for i in 0..6 {
                if sum > y {
                    break;
                }
                if x < i as f32 - 3.0 {
                    continue;
                }
                sum += x.abs() * (i + 1) as f32;
            }
            sum
        },
    ),
    (
        "fn g(x: f32) -> f32 { if x < 0.0 { return -x; } return x; }
        fn f(x: f32, y: f32) -> f32 {
            var best = 0.0;
            for (var i = 0u; i < 4u; i++) {
                for (var j = 0u; j < 4u; j++) {
                    let d = g(x - f32(i)) + g(y - f32(j));
                    if d < 1.0 { return d + 10.0; }
                    if d > 5.0 { break; }
                    best = max(best, d);
                }
                if best > 4.0 { continue; }
                best += 0.25;
            }
            return best;
        }",
        |x, y| {
            let mut best: f32 = 0.0;
            for i in 0..4 {
                for j in 0..4 {
                    let d = (x - i as f32).abs() + (y - j as f32).abs();
                    if d < 1.0 {
                        return d + 10.0;
                    }
                    if d > 5.0 {
                        break;
                    }
                    best = best.max(d);
                }
                if best > 4.0 {
                    continue;
                }
                best += 0.25;
            }
            best
        },
    ),
    (
        "struct Pair { low: f32, high: f32 }
        fn sorted(a: f32, b: f32) -> Pair { return Pair(min(a, b), max(a, b)); }
        fn f(x: f32, y: f32) -> f32 {
            var parts = array<f32, 3>(x, y, 0.5);
            for (var i = 0; i < 2; i++) {
                for (var j = 0; j + i < 2; j++) {
                    let pair = sorted(parts[j], parts[j + 1]);
                    parts[j] = pair.low;
                    parts[j + 1] = pair.high;
                }
            }
            if (x > 0.0 && y > 0.0) || !(x >= -1.0) { return parts[1]; }
            return parts[2] - parts[0];
        }",
        |x, y| {
            let mut parts = [x, y, 0.5];
            parts.sort_by(f32::total_cmp);
            if (x > 0.0 && y > 0.0) || x < -1.0 {
                return parts[1];
            }
            parts[2] - parts[0]
        },
    ),
    (
        "const THIRD = 1.0 / 3.0;
        fn f(x: f32, y: f32) -> f32 {
            let near = select(floor(x), ceil(x), y > 0.0);
            let whole = trunc(y) + round(x * THIRD) + fract(y);
            return clamp(near / 3.0, -1.0, 1.0) + sqrt(abs(y)) * sign(x) + whole + step(y, x);
        }",
        |x, y| {
            let near = if y > 0.0 { x.ceil() } else { x.floor() };
            let third = 1.0_f32 / 3.0;
            let whole = y.trunc() + (x * third).round_ties_even() + (y - y.floor());
            let sign = f32::from(i8::from(x > 0.0) - i8::from(x < 0.0));
            let step = f32::from(u8::from(y <= x));
            (near / 3.0).clamp(-1.0, 1.0) + y.abs().sqrt() * sign + whole + step
        },
    ),
    (
        "fn f(x: f32, y: f32) -> f32 {
            var n = 2;
            if x > 0.0 { var k = 0; for (; k < 3; k++) { if y > f32(k) { break; } } n = 2; }
            var t = x;
            loop {
                t = t * 0.5;
                if abs(t) < 0.125 { break; }
                continuing { n = n + 1; break if n >= 6; }
            }
            return t + y;
        }",
        |x, y| {
            let mut n = 2;
            let mut t = x;
            loop {
                t *= 0.5;
                if t.abs() < 0.125 {
                    break;
                }
                n += 1;
                if n >= 6 {
                    break;
                }
            }
            t + y
        },
    ),
];

#[test]
fn what_runs_on_elements_is_what_runs_in_rust() {
    let mut state = 17;
    let inputs = [numbers(&mut state), numbers(&mut state)];
    for_each_backend(|name, executor| {
        for (text, twin) in TWINS {
            let found = run(executor, text, &inputs);
            for ((x, y), found) in inputs[0].iter().zip(&inputs[1]).zip(&found) {
                let wanted = twin(*x, *y);
                // Zeros of either sign are one number here.
                let same = found.to_bits() == wanted.to_bits() || *found == wanted;
                assert!(same, "{name}: f({x}, {y}) is {found}, not {wanted}: {text}");
            }
        }
    });
}

/// Texts that are refused, with what is said.
const REFUSED: &[(&str, &str)] = &[
    (
        "fn f(x: f32) -> f32 { return exp(x); }",
        "`exp` is not taken",
    ),
    (
        "fn f(x: f32) -> f32 { return pow(x, 2.0); }",
        "`pow` is not taken",
    ),
    (
        "fn f(x: f32) -> f32 { return fma(x, x, x); }",
        "`fma` is not taken",
    ),
    (
        "fn f(x: f32) -> f32 { return x % 2.0; }",
        "this operation on f32 is not taken",
    ),
    (
        "fn f(x: f32) -> f32 { return f32(u32(x)); }",
        "as an integer, which the merge alone knows",
    ),
    (
        "fn f(x: f32) -> f32 { var i = 0; if x > 0.0 { i = 1; } return f32(i); }",
        "an integer that hangs on elements",
    ),
    (
        "fn f(x: f32) -> f32 { var k = 0;
            for (var i = 0; i < 4; i++) { if x > f32(i) { continue; } k++; } return f32(k); }",
        "an integer that hangs on elements",
    ),
    (
        "fn f(x: f32) -> f32 { var k = 0;
            for (; k < 4; k++) { if x > f32(k) { break; } } return f32(k); }",
        "an integer that hangs on elements",
    ),
    (
        "fn f(x: f32) -> f32 { var y = x; loop { y = y * 0.5; if y < 1.0 { break; } } return y; }",
        "too many steps",
    ),
    (
        "fn f(x: f32) -> f32 { while true { } return x; }",
        "no end within",
    ),
    (
        "fn f(x: f32) -> f32 { let v = vec2f(x, x); return (v + v).x; }",
        "several parts",
    ),
    (
        "var<private> n: f32; fn f(x: f32) -> f32 { return n; }",
        "a variable of the module",
    ),
    (
        "fn f(x: f32) -> f32 { switch i32(2) { case 1: { return x; } default: { return 0.0; } } }",
        "`switch` is not taken",
    ),
    (
        "fn f(x: f32) -> f32 { var a = array<f32, 2>(x, x); var i = 3; return a[i]; }",
        "there is no such part",
    ),
];

#[test]
fn what_has_no_one_meaning_is_refused_with_its_place() {
    for (text, wanted) in REFUSED {
        let fault = match Source::parse(text) {
            Err(fault) => fault,
            Ok(source) => {
                let mut expression = Expression::new(Compute::F32);
                let x = expression.load(SlotId::new(0), Float::F32, Entry::Checked);
                let mut run = Run::new(&source, &mut expression, Rounding::Working);
                let found = run.call("f", vec![Value::Number(Number::Each(x))]);
                found.expect_err(text)
            }
        };
        assert!(fault.message.contains(wanted), "{text}: {fault}");
        assert!(!fault.span.is_empty(), "{text}: {fault} has no place");
    }
}

/// Texts that would take the stack or the time of whoever reads them.
#[test]
fn hostile_texts_are_refused_at_once() {
    let nested = format!(
        "fn f(x: f32) -> f32 {{ return {}x{}; }}",
        "(".repeat(9000),
        ")".repeat(9000)
    );
    let signs = format!("fn f(x: f32) -> f32 {{ return {}x; }}", "- ".repeat(9000));
    let long = "// a comment\n".repeat(9000);
    let types = format!(
        "alias T = {}f32{};",
        "array<".repeat(900),
        ", 2>".repeat(900)
    );
    for text in [nested, signs, long, types] {
        let fault = Source::parse(&text).expect_err("it is refused");
        assert!(!fault.message.is_empty());
    }
    let turns = "fn f(x: f32) -> f32 { var y = x; for (var i = 0; i < 4000; i++) { \
                 for (var j = 0; j < 4000; j++) { y = y * 0.5 + x; } } return y; }";
    let calls: String = (1..400)
        .map(|n| {
            format!(
                "fn g{n}(x: f32) -> f32 {{ return g{}(x) + g{}(x); }}\n",
                n - 1,
                n - 1
            )
        })
        .collect();
    let calls = format!(
        "fn g0(x: f32) -> f32 {{ return x; }}\n{calls}fn f(x: f32) -> f32 {{ return g399(x); }}"
    );
    let chain = format!("fn f(x: f32) -> f32 {{ return x{}; }}", "+x".repeat(32_000));
    let sum = format!(
        "fn f(x: f32) -> f32 {{ return x * f32(1{}); }}",
        "+1".repeat(32_000)
    );
    for long in [chain, sum] {
        Source::parse(&long).expect("it is WGSL");
    }
    for text in [turns.to_owned(), calls] {
        let source = Source::parse(&text).expect("it is WGSL");
        let mut expression = Expression::new(Compute::F32);
        let x = expression.load(SlotId::new(0), Float::F32, Entry::Checked);
        let mut run = Run::new(&source, &mut expression, Rounding::Working);
        run.call("f", vec![Value::each(x)])
            .expect_err("it is refused");
    }
}
