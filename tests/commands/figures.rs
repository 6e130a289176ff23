//! What `plan` foretells and what the reports say.

use serde_json::Value;

use super::{BASE, FLIP, json, succeeds, wgmerge};

const ROT: &str = "tests/data/digits/rot180.safetensors";

/// The plan of a merge and the report of it.
fn both(merge: &[&str]) -> (Value, Value) {
    let folder = tempfile::tempdir().expect("scratch");
    let out = folder.path().join("out.safetensors");
    let out = out.to_str().expect("UTF-8");
    let plan = json(&[&["plan", "--json", "--device", "cpu", "-o", out], merge].concat());
    let run = ["merge", "--json", "-q", "--device", "cpu", "-o", out];
    (plan, json(&[&run[..], merge].concat()))
}

/// A plan's bytes are those of the run: to the byte where they are known, else within its bounds.
#[test]
fn what_is_planned_is_what_is_read() {
    let exact: [&[&str]; 7] = [
        &["-M", "linear", ROT, FLIP],
        &["-M", "linear", ROT, FLIP, "--exclude", "2\\."],
        &["-M", "task_arithmetic", "-b", BASE, ROT, FLIP],
        &[
            "-M",
            "dare_linear",
            "-b",
            BASE,
            ROT,
            FLIP,
            "-p",
            "density=0.5",
        ],
        &["-M", "slerp", ROT, FLIP, "-p", "t=0.3"],
        // Small tensors are read once for all their statistics.
        &["-M", "ties", "-b", BASE, ROT, FLIP, "-p", "density=0.2"],
        &[
            "-M",
            "task_arithmetic",
            "-b",
            BASE,
            ROT,
            FLIP,
            "--sweep",
            "lambda=0.2,0.4,0.6",
        ],
    ];
    for merge in exact {
        let (plan, report) = both(merge);
        let read = &plan["bytes_read"];
        assert_eq!(read["least"], read["most"], "{merge:?}");
        assert_eq!(read["least"], report["bytes_read"], "{merge:?}");
        assert_eq!(plan["bytes_written"], report["bytes_written"], "{merge:?}");
    }
    let ties = ["-M", "ties", "-b", BASE, ROT, FLIP];
    let bounded: [&[&str]; 5] = [
        &["-p", "density=0.2"],
        &["-p", "density=0.5"],
        &["-p", "density=0.00001"],
        &["-p", "density=0.2,0.5", "--sweep", "lambda=1,1.3"],
        &["-p", "density=0.2", "-p", "scope=model"],
    ];
    for more in bounded {
        let (plan, report) = both(&[&ties[..], more].concat());
        let number = |value: &Value| value.as_u64().expect("a number");
        let (least, most) = (&plan["bytes_read"]["least"], &plan["bytes_read"]["most"]);
        let bounds = number(least)..=number(most);
        let read = number(&report["bytes_read"]);
        assert!(bounds.contains(&read), "{more:?}: {read} not in {bounds:?}");
        assert_eq!(plan["bytes_written"], report["bytes_written"], "{more:?}");
    }
}

/// A plan shows what block weights came to.
#[test]
fn a_plan_shows_the_ratio_of_each_block() {
    let merge = ["-M", "weighted_sum", BASE, FLIP, "--block-weights", "0..1"];
    let plan = [&["plan", "--device", "cpu"], &merge[..]].concat();
    let text = succeeds(&plan);
    let shown = "\nratios    0  0  (2 tensors)\n          2  0.5  (2 tensors)\n";
    assert!(text.contains(shown), "{text}");
    let value = json(&[&plan[..], &["--json"]].concat());
    let last = &value["keys"]["blocks"][2];
    assert_eq!((&last["block"], &last["ratio"]), (&"4".into(), &1.0.into()));
    let rule = [
        &plan[..5],
        &[BASE, FLIP, "--block-weights", r"2\.weight: 0.9"],
    ]
    .concat();
    let text = succeeds(&rule);
    assert!(text.contains("  0.9  (1 tensor)\n"), "{text}");
    assert!(text.contains("  0.5  (5 tensors)\n"), "{text}");
}

/// Each command says what it did in its own words, and counts in grammar.
#[test]
fn words_fit_what_was_done() {
    let folder = tempfile::tempdir().expect("scratch");
    let out = folder.path().join("out.safetensors");
    let out = out.to_str().expect("UTF-8");
    let work = ["--device", "cpu", "--force", "-o", out];
    let said = |args: &[&str]| {
        let output = wgmerge(&[args, &work[..]].concat());
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    let text = said(&["convert", FLIP, "--dtype", "f16"]);
    assert!(
        text.contains(": 6 tensors converted: 6 computed, 0 copied\n"),
        "{text}"
    );
    let text = said(&["merge", "-M", "linear", BASE, FLIP, "--include", "4.bias"]);
    assert!(text.contains(": 1 tensor merged, 5 copied\n"), "{text}");
    assert!(!text.contains("note:"), "nothing is worth a note: {text}");
}
