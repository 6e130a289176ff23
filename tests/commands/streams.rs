//! What goes to which stream, and what must not reach a terminal.

use std::process::Command;

use serde_json::Value;

use super::{BASE, FLIP, json, refuses, succeeds, wgmerge, write_safetensors};

/// Names are data: none of them clears a screen, moves a cursor or forges a line.
#[test]
fn hostile_names_are_escaped() {
    let folder = tempfile::tempdir().expect("scratch");
    let path = folder.path().join("hostile.safetensors");
    let key = "a\u{1b}[2J\nerror: forged\u{202e}";
    let entry = serde_json::json!({ "dtype": "U8", "shape": [1], "data_offsets": [0, 1] });
    let mut header = serde_json::json!({ "__metadata__": { "note": "\u{1b}]0;x\u{7}" } });
    header[key] = entry;
    write_safetensors(&path, &header, &[0]);
    let path = path.to_str().expect("UTF-8");
    let text = succeeds(&["inspect", path]);
    assert!(
        text.contains(r"a\u{1b}[2J\nerror: forged\u{202e}"),
        "{text}"
    );
    assert!(
        !text.contains('\u{1b}') && !text.contains('\u{7}'),
        "{text}"
    );
    let plain = folder.path().join("plain.safetensors");
    let entry = serde_json::json!({ "dtype": "F32", "shape": [1], "data_offsets": [0, 4] });
    write_safetensors(&plain, &serde_json::json!({ "x": entry }), &[0; 4]);
    let hostile = folder.path().join("both.safetensors");
    let mut header = serde_json::json!({ "x": entry });
    header[key] = serde_json::json!({ "dtype": "F32", "shape": [1], "data_offsets": [4, 8] });
    write_safetensors(&hostile, &header, &[0; 8]);
    let [plain, hostile] = [plain, hostile].map(|path| path.display().to_string());
    let plan = ["plan", "-M", "linear", "--device", "cpu"];
    let message = refuses(&[&plan[..], &[&hostile, &plain]].concat());
    assert!(message.contains("forged"), "{message}");
    let is_unsafe = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(!message.contains(is_unsafe), "{message:?}");
    assert!(!message.contains("\nerror: forged"), "{message}");
}

/// Options may follow the models, and a value may begin with a minus.
#[test]
fn options_may_follow_models() {
    let folder = tempfile::tempdir().expect("scratch");
    let outputs = [
        folder.path().join("a.safetensors"),
        folder.path().join("b.safetensors"),
    ];
    let [a, b] = outputs.each_ref().map(|path| path.to_str().expect("UTF-8"));
    let weight = ["-p", "weight=-1,2"];
    let after = [
        &["merge", BASE, FLIP, "-M", "linear"],
        &weight[..],
        &["-o", a, "-q"],
    ]
    .concat();
    let before = [
        &["merge", "-q", "-o", b, "-M", "linear"],
        &weight[..],
        &[BASE, FLIP],
    ]
    .concat();
    assert_eq!(succeeds(&after), "");
    assert_eq!(succeeds(&before), "");
    let [a, b] = outputs.map(|path| std::fs::read(path).expect("an output"));
    assert_eq!(a, b);
}

#[test]
fn results_go_to_stdout_and_the_rest_to_stderr() {
    let folder = tempfile::tempdir().expect("scratch");
    let path = folder.path().join("out.safetensors");
    let out = path.to_str().expect("UTF-8");
    let merge = [
        "merge", "-M", "linear", BASE, FLIP, "-o", out, "--force", "--device", "cpu",
    ];
    let plain = wgmerge(&merge);
    assert!(plain.stdout.is_empty());
    let report = String::from_utf8_lossy(&plain.stderr);
    assert!(report.contains("6 tensors merged, 0 copied"), "{report}");
    let verbose = wgmerge(&[&merge[..], &["-v", "--json", "--hash"]].concat());
    let value: Value = serde_json::from_slice(&verbose.stdout).expect("nothing but JSON");
    assert_eq!(value["merged"], 6);
    assert_eq!(value["sha256"].as_str().map(str::len), Some(64));
    let plan = String::from_utf8_lossy(&verbose.stderr);
    assert!(
        plan.starts_with("tensors   6 (6 merged, 0 copied)\n"),
        "{plan}"
    );
    let quiet = wgmerge(&[&merge[..], &["--quiet", "--json"]].concat());
    assert!(quiet.stderr.is_empty());
    refuses(&[&merge[..], &["-q", "-v"]].concat());
    let text = succeeds(&["plan", "-M", "linear", BASE, FLIP, "--device", "cpu"]);
    assert!(
        text.starts_with("tensors   6 (6 merged, 0 copied)\n"),
        "{text}"
    );
}

/// A folder's files are hashed one by one.
#[test]
fn hashes_of_a_folder() {
    let folder = tempfile::tempdir().expect("scratch");
    let out = folder.path().join("out");
    let path = out.to_str().expect("UTF-8");
    let merge = [
        "merge",
        "-M",
        "linear",
        BASE,
        FLIP,
        "-o",
        path,
        "--max-shard-size",
        "300kB",
    ];
    let value = json(&[&merge[..], &["--hash", "--json", "-q"]].concat());
    let hashes = value["sha256"].as_object().expect("one hash per file");
    assert_eq!(hashes.len(), 2);
    for name in hashes.keys() {
        assert!(out.join(name).is_file(), "{name}");
    }
}

#[test]
fn faults_of_methods_and_models_come_with_a_hint() {
    let message = refuses(&["plan", "-M", "ties", "-b", BASE, FLIP, "-p", "densty=0.5"]);
    assert!(
        message.starts_with("error: method `ties` has no parameter `densty`"),
        "{message}"
    );
    assert!(
        message.contains("\nhint: `wgmerge methods ties`"),
        "{message}"
    );
    let message = refuses(&[
        "plan",
        "-M",
        "linear",
        BASE,
        "tests/data/digits/eval.safetensors",
    ]);
    assert!(
        message.contains("\nhint: `wgmerge inspect PATH`"),
        "{message}"
    );
}

/// A reader that stops reading, as `head` does, is neither a panic nor a failure.
#[cfg(unix)]
#[test]
fn closed_pipe_is_success() {
    for args in [
        &["man"][..],
        &["methods"],
        &["inspect", BASE],
        &["inspect", BASE, "--json"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_wgmerge"))
            .args(args)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdout(writer)
            .output()
            .expect("the command starts");
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
    }
}

/// Nothing panics where standard error is closed.
#[cfg(unix)]
#[test]
fn closed_stderr_is_no_panic() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let status = Command::new(env!("CARGO_BIN_EXE_wgmerge"))
        .args(["inspect", "tests/none"])
        .stderr(writer)
        .status()
        .expect("the command starts");
    assert_eq!(status.code(), Some(2));
}
