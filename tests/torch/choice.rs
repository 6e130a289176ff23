//! Which tensors of a training's file are the weights, and that the rest is told.

use wgmerge::checkpoint::Checkpoint;

use super::{data, wgmerge};

#[test]
fn what_is_left_out_is_told() {
    let cases = [
        (
            "lightning.ckpt",
            "its weights are `state_dict`; left out: `epoch`, `global_step`, \
             `pytorch-lightning_version`, `loops` (training state), `callbacks` (training state, 1 \
             tensor), `optimizer_states` (training state, 12 tensors), `lr_schedulers` (training \
             state)",
        ),
        (
            "model.pt",
            "its weights are `model`; left out: `ema` (moving average of the weights, 7 tensors), \
             `opt` (training state, 12 tensors), `step`",
        ),
        (
            "params.pth",
            "its weights are `params`; left out: `params_ema` (moving average of the weights, 7 \
             tensors)",
        ),
        (
            "only_ema.pth",
            "its weights are `params_ema`; left out: `optimizer` (training state, 12 tensors)",
        ),
        (
            "one_dict.pt",
            "its weights are `generator`; left out: `optim_g` (training state, 12 tensors)",
        ),
    ];
    for (name, note) in cases {
        let path = data(name);
        let checkpoint = Checkpoint::open(&path).expect("a checkpoint");
        let expected = format!("{}: {note}", path.display());
        assert_eq!(checkpoint.notes(), [expected], "{name}");
    }
    for name in [
        "small.pt",
        "two_dicts.pt",
        "parameters.pt",
        "legacy.bin",
        "shards",
    ] {
        let checkpoint = Checkpoint::open(&data(name)).expect("a checkpoint");
        assert!(
            checkpoint.notes().is_empty(),
            "{name}: {:?}",
            checkpoint.notes()
        );
    }
}

#[test]
fn inspect_tells_it() {
    let output = wgmerge(&["inspect", "params.pth"]);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let note = "\nparams.pth: its weights are `params`; left out: `params_ema` (moving average of \
        the weights, 7 tensors)\n";
    assert!(text.contains(note), "{text}");
    let output = wgmerge(&["inspect", "--json", "params.pth"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["notes"][0], note.trim());
}

#[test]
fn a_merge_tells_it() {
    let folder = tempfile::tempdir().expect("scratch");
    let out = folder.path().join("out.safetensors");
    let out = out.to_str().expect("UTF-8");
    let output = wgmerge(&[
        "merge",
        "-M",
        "linear",
        "model.pt",
        "lightning.ckpt",
        "-o",
        out,
    ]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(
        errors.contains("model.pt: its weights are `model`; left out: `ema`"),
        "{errors}"
    );
}
