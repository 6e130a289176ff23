//! What is shown where somebody looks at standard output.

use std::path::Path;
use std::process::Command;

use wgmerge::dtype::Float;

use crate::support::command::prints;
use crate::support::models::family;

/// What a command shows in a terminal of `script`'s; None where this machine has none.
fn seen(folder: &Path, arguments: &[&str]) -> Option<String> {
    let words = [&[env!("CARGO_BIN_EXE_wgmerge")], arguments].concat();
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let command = format!("{} 2>/dev/null", quoted.join(" "));
    let output = Command::new("script")
        .args(["-q", "-e", "-c", &command, "/dev/null"])
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env("HF_HUB_OFFLINE", "1")
        .output();
    let Ok(output) = output else {
        println!("skipped the terminal: this machine has no `script`");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    Some(text)
}

#[test]
fn a_terminal_has_bars_and_lines_and_a_pipe_has_none() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let paths = [0, 1].map(|model| family(folder, Float::F32, model));
    let [a, b] = [&paths[0], &paths[1]].map(|path| path.to_str().expect("UTF-8"));
    let merge = [
        "merge",
        "-M",
        "linear",
        a,
        b,
        "--force",
        "-o",
        "o.safetensors",
    ];
    let inspect = ["inspect", a, "--stats"];
    let diff = ["diff", a, b];
    for (arguments, word, bars) in [
        (&merge[..], "change per element", "████████████████"),
        (&inspect, "norm / √values", "█"),
        (&diff, "|b-a|/|a| by block", "█"),
    ] {
        let Some(text) = seen(folder, arguments) else {
            return;
        };
        let line = text.lines().find(|line| line.contains(word));
        assert!(line.is_some() && text.contains(bars), "{text}");
        let text = prints(folder, arguments);
        assert!(!text.contains(word) && !text.contains('█'), "{text}");
    }
    // A row for each block, and one for all.
    let text = seen(folder, &merge).expect("a terminal");
    assert!(
        text.lines().any(|line| line.starts_with("layer.1 ")),
        "{text}"
    );
    assert!(text.lines().any(|line| line.starts_with("all ")), "{text}");
    let text = seen(folder, &[&merge[..], &["--quiet"]].concat()).expect("a terminal");
    assert!(!text.contains("layer.1"), "{text}");
}
