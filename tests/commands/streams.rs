//! What goes to which stream, and what must not reach a terminal.

use std::path::Path;
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
    assert_eq!(value["computed"], 6);
    assert_eq!(
        value["sha256"][0]["sha256"].as_str().map(str::len),
        Some(64)
    );
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

/// An error is an object for whoever asked for JSON, whatever is wrong.
#[test]
fn errors_are_json_where_json_is_asked_for() {
    let cases = [
        (
            vec![
                "merge",
                "-M",
                "linear",
                "none.safetensors",
                "-o",
                "x.safetensors",
            ],
            "none",
        ),
        (
            vec!["merge", "-M", "nonsense", BASE, "-o", "x.safetensors"],
            "nonsense",
        ),
        (vec!["inspect", "none.safetensors"], "none"),
        (
            vec!["run", "tests/data/README.md", "-o", "x.safetensors"],
            "instruction",
        ),
        (vec!["plan", BASE], "is a checkpoint"),
    ];
    for (args, word) in cases {
        let output = wgmerge(&[&args[..], &["--json"]].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let value: Value = serde_json::from_slice(&output.stdout).expect("nothing but JSON");
        assert_eq!(value["error"]["code"], 2);
        let message = value["error"]["message"].as_str().expect("a message");
        assert!(
            message.contains(word) && !message.contains('\n'),
            "{message}"
        );
        assert!(
            !message.contains('\u{1b}') && !message.starts_with("error:"),
            "{message}"
        );
        assert!(!output.stderr.is_empty(), "people read it too");
    }
}

/// JSON tells what a program would otherwise parse out of notes and metadata.
#[test]
fn json_carries_recipe_models_and_notes() {
    let folder = tempfile::tempdir().expect("scratch");
    let out = folder.path().join("out.safetensors");
    let out = out.to_str().expect("UTF-8");
    let some = folder.path().join("some.safetensors");
    let entry = serde_json::json!({ "dtype": "F32", "shape": [10], "data_offsets": [0, 40] });
    write_safetensors(&some, &serde_json::json!({ "4.bias": entry }), &[0; 40]);
    let models = [BASE, FLIP, some.to_str().expect("UTF-8")];
    let merge = [
        &["-M", "linear", "--missing", "skip", "--device", "cpu"],
        &models[..],
    ]
    .concat();
    let plan = json(&[&["plan", "--json"], &merge[..]].concat());
    let report = json(&[&["merge", "-q", "--json", "-o", out], &merge[..]].concat());
    for value in [&plan, &report] {
        assert_eq!(value["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(value["method"], "linear");
        assert_eq!(value["models"].as_array().map(Vec::len), Some(3));
        assert_eq!(value["models"][1]["path"], FLIP);
        let print = value["models"][1]["fingerprint"]
            .as_str()
            .expect("a fingerprint");
        assert!(print.len() >= 16, "{print}");
        let last = value["recipe"]["nodes"]
            .as_array()
            .and_then(|nodes| nodes.last());
        assert_eq!(last.expect("a node")["merge"], "linear");
    }
    let notes = report["notes"].as_array().expect("notes");
    let said = notes.iter().any(|note| {
        note.as_str()
            .is_some_and(|n| n.contains("5 tensors missing"))
    });
    assert!(said, "{report}");
    assert_eq!(report["outputs"][0], out);
    assert_eq!(report["computed"], 6);
    assert!(report["floor_ratio"].as_f64().expect("a number") > 0.0);
}

/// What was asked for is printed with -q too, in the form that `sha256sum -c` reads.
#[cfg(unix)]
#[test]
fn hashes_are_checksum_lines() {
    let folder = tempfile::tempdir().expect("scratch");
    let out = folder.path().join("out.safetensors");
    let path = out.to_str().expect("UTF-8");
    let merge = [
        "merge", "-M", "linear", BASE, FLIP, "-o", path, "--hash", "-q",
    ];
    let text = succeeds(&merge);
    let hash = wgmerge::sink::digest(&out).expect("the output");
    assert_eq!(text, format!("{hash}  {path}\n"));
    let sums = folder.path().join("sums");
    std::fs::write(&sums, text).expect("scratch");
    // Where there is no sha256sum, as on macOS, the form above is the test.
    if let Ok(checked) = Command::new("sha256sum").arg("-c").arg(&sums).output() {
        assert!(checked.status.success(), "{checked:?}");
    }
}

/// A path that is no UTF-8 is no panic, in no form of the report, and can be told from the JSON.
#[cfg(target_os = "linux")]
#[test]
fn paths_need_not_be_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let folder = tempfile::tempdir().expect("scratch");
    let out = folder
        .path()
        .join(OsStr::from_bytes(b"o\xffut.safetensors"));
    for form in ["--json", "--hash"] {
        let output = crate::support::command::wgmerge()
            .args(["merge", "-M", "linear", BASE, FLIP, "--force", form, "-o"])
            .arg(&out)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("the command starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{form}: {errors}");
        if form == "--hash" {
            assert!(output.stdout.ends_with(b"o\xffut.safetensors\n"));
            continue;
        }
        let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let bytes = value["output"]["bytes"].as_array().expect("bytes");
        let bytes: Vec<u8> = bytes
            .iter()
            .map(|b| b.as_u64().expect("a byte") as u8)
            .collect();
        assert_eq!(bytes, out.as_os_str().as_bytes());
    }
}

/// An error is the first thing said: no note stands before it, and none follows.
#[test]
fn notes_do_not_come_before_errors() {
    let merge = [
        "merge",
        "-M",
        "linear",
        "none.safetensors",
        BASE,
        "-o",
        "x.safetensors",
    ];
    let message = refuses(&merge);
    assert!(message.starts_with("error: none.safetensors"), "{message}");
    let message = refuses(&["merge", "-M", "linear", BASE, FLIP, "-o", BASE]);
    assert!(message.starts_with("error: "), "{message}");
}

/// One long name makes its own row long, not all of them.
#[test]
fn a_long_name_pads_no_other_row() {
    let folder = tempfile::tempdir().expect("scratch");
    let path = folder.path().join("long.safetensors");
    let long = "n".repeat(100_000);
    let mut header = serde_json::json!({});
    for name in (0..300).map(|n| n.to_string()).chain([long]) {
        header[name] = serde_json::json!({ "dtype": "U8", "shape": [0], "data_offsets": [0, 0] });
    }
    write_safetensors(&path, &header, &[]);
    let text = succeeds(&["inspect", path.to_str().expect("UTF-8")]);
    assert!(text.len() < 200_000, "{} bytes", text.len());
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
    let hashes = value["sha256"].as_array().expect("one hash per file");
    assert_eq!(hashes.len(), 2);
    for entry in hashes {
        let file = Path::new(entry["file"].as_str().expect("a path"));
        assert!(file.starts_with(&out) && file.is_file(), "{entry}");
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
        let output = crate::support::command::wgmerge()
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
    let status = crate::support::command::wgmerge()
        .args(["inspect", "tests/none"])
        .stderr(writer)
        .status()
        .expect("the command starts");
    assert_eq!(status.code(), Some(2));
}

/// Asking drivers for their devices is no error, so no line looks like one: not on a server either,
/// where there is no session that they could ask.
#[test]
fn devices_say_nothing_on_standard_error() {
    let output = crate::support::command::wgmerge()
        .args(["devices", "--json"])
        .env_remove("XDG_RUNTIME_DIR")
        .env_remove("WAYLAND_DISPLAY")
        .output()
        .expect("the command starts");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
