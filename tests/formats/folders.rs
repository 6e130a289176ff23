//! Folders without an index, folders of components, and what is left out of them.

use std::time::{Duration, Instant};

use wgmerge::checkpoint::Checkpoint;

use super::bytes::{Scratch, file, keys, scalars, texts};

#[test]
fn plain_files_are_joined() {
    let scratch = Scratch::with(&["b.safetensors", "a.safetensors", "._a.safetensors", "a.txt"]);
    let checkpoint = scratch.open().unwrap();
    assert_eq!(keys(&checkpoint), ["a", "b"]);
    assert_eq!(checkpoint.bytes(), 8);
    assert_eq!(
        texts(checkpoint.files().iter().map(|f| &f.relative)),
        ["a.safetensors", "b.safetensors"]
    );
    let name = scratch.path().file_name().unwrap().to_str().unwrap();
    assert_eq!(checkpoint.name(), name);
    // A path without a name of its own is called after the folder it leads to.
    std::fs::create_dir(scratch.path().join("sub")).unwrap();
    assert_eq!(
        Checkpoint::open(&scratch.path().join("sub/.."))
            .unwrap()
            .name(),
        name
    );
}

#[test]
fn metadata_of_the_first_file_wins() {
    let scratch = Scratch::new();
    scratch.put(
        "1.safetensors",
        &file(r#"{"__metadata__":{"x":"1","y":"1"}}"#, 0),
    );
    scratch.put(
        "2.safetensors",
        &file(r#"{"__metadata__":{"z":"2","x":"2"}}"#, 0),
    );
    let checkpoint = scratch.open().unwrap();
    let pairs: Vec<_> = checkpoint
        .metadata()
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(pairs, [("x", "1"), ("y", "1"), ("z", "2")]);
}

#[test]
fn variants_are_left_out() {
    for (names, used) in [
        (
            &["m.fp16.safetensors", "m.safetensors"][..],
            &["m.safetensors"][..],
        ),
        (
            &["m.fp16.safetensors", "m.ema.safetensors"],
            &["m.ema.safetensors", "m.fp16.safetensors"],
        ),
        (
            &["x_1.0.safetensors", "x_1.0.fp16.safetensors"],
            &["x_1.0.safetensors"],
        ),
        (
            &["x_1.safetensors", "x_1.5.safetensors"],
            &["x_1.5.safetensors", "x_1.safetensors"],
        ),
        (
            &[
                "m.safetensors",
                "m.fp16-00001-of-00002.safetensors",
                "m-00001-of-00001.bf16.safetensors",
            ],
            &["m.safetensors"],
        ),
        (
            &["m.fp16.safetensors", "m-00001-of-00001.safetensors"],
            &["m-00001-of-00001.safetensors"],
        ),
    ] {
        let checkpoint = Scratch::with(names).open().unwrap();
        assert_eq!(
            texts(checkpoint.files().iter().map(|file| &file.relative)),
            used
        );
        let mut all = texts(checkpoint.left_out());
        all.extend(used.iter().map(ToString::to_string));
        all.sort();
        let mut names = names.to_vec();
        names.sort();
        assert_eq!(all, names);
    }
}

#[test]
fn components_prefix_their_keys() {
    let scratch = Scratch::with(&[
        "sd.safetensors",
        "unet/diffusion.safetensors",
        "unet/diffusion.fp16.safetensors",
        "vae/1.safetensors",
        "vae/2.safetensors",
        "vae/deeper/3.safetensors",
    ]);
    scratch.put("model_index.json", b"{}");
    scratch.put("scheduler/config.json", b"{}");
    scratch.put(
        "vae/v.safetensors.index.json",
        br#"{"weight_map":{"1":"1.safetensors","2":"2.safetensors"}}"#,
    );
    let checkpoint = scratch.open().unwrap();
    assert_eq!(keys(&checkpoint), ["unet/diffusion", "vae/1", "vae/2"]);
    assert_eq!(
        texts(checkpoint.files().iter().map(|file| &file.relative)),
        [
            "unet/diffusion.safetensors",
            "vae/1.safetensors",
            "vae/2.safetensors"
        ]
    );
    assert_eq!(
        texts(checkpoint.left_out()),
        [
            "sd.safetensors",
            "unet/diffusion.fp16.safetensors",
            "vae/deeper/3.safetensors"
        ]
    );
}

#[test]
fn components_need_no_model_index() {
    let checkpoint = Scratch::with(&["unet/u.safetensors", "vae/v.safetensors"])
        .open()
        .unwrap();
    assert_eq!(keys(&checkpoint), ["unet/u", "vae/v"]);
}

#[test]
fn files_at_the_root_come_before_folders() {
    let checkpoint = Scratch::with(&["m.safetensors", "old/m.safetensors"])
        .open()
        .unwrap();
    assert_eq!(keys(&checkpoint), ["m"]);
    assert_eq!(texts(checkpoint.left_out()), ["old/m.safetensors"]);
}

#[test]
fn duplicate_key() {
    let scratch = Scratch::new();
    scratch.put("1.safetensors", &scalars(&["a", "b"]));
    scratch.put("2.safetensors", &scalars(&["b"]));
    assert_eq!(
        scratch.message(),
        "DIR/2.safetensors: holds tensor `b`, which DIR/1.safetensors holds too; move one of the \
         files to another folder"
    );
}

#[test]
fn no_weights() {
    let scratch = Scratch::new();
    scratch.put("config.json", b"{}");
    scratch.put("a/b/m.safetensors", &scalars(&["a"]));
    assert_eq!(
        scratch.message(),
        "DIR: holds no weights (.safetensors, .bin, .pt, .pth, .ckpt, .gguf) at its top or one \
         folder down; name the folder that holds some, such as a/b in it"
    );
    std::fs::remove_dir_all(scratch.path().join("a")).unwrap();
    assert_eq!(
        scratch.message(),
        "DIR: holds no weights (.safetensors, .bin, .pt, .pth, .ckpt, .gguf); name such a file or \
         a folder that holds some"
    );
}

#[test]
fn foreign_only() {
    let scratch = Scratch::new();
    scratch.put("model.pkl", b"");
    let pickle = "model.pkl: is a pickle file, which wgmerge does not read; ";
    assert!(scratch.message().starts_with(&format!("DIR/{pickle}")));
    // Beside weights it is none of our business.
    scratch.put("model.safetensors", &scalars(&["a"]));
    assert_eq!(keys(&scratch.open().unwrap()), ["a"]);
    // A whole component would be missing without it.
    let components = Scratch::with(&["unet/u.safetensors"]);
    components.put("vae/model.pkl", b"");
    assert!(
        components
            .message()
            .starts_with(&format!("DIR/vae/{pickle}"))
    );
}

#[test]
fn ambiguous_index() {
    let scratch = Scratch::new();
    scratch.put("a.safetensors.index.json", b"{}");
    scratch.put("b.safetensors.index.json", b"{}");
    assert_eq!(
        scratch.message(),
        "DIR: has two indexes, `a.safetensors.index.json` and `b.safetensors.index.json`; move one \
         of them and its shards to another folder"
    );
}

#[test]
fn missing_shard() {
    let scratch = Scratch::with(&[
        "m-00001-of-00003.safetensors",
        "m-00003-of-00003.safetensors",
    ]);
    assert_eq!(
        scratch.message(),
        "DIR: shard 2 of 3 of `m` is not there and no index tells what it held; download it"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn not_utf8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let scratch = Scratch::new();
    std::fs::write(
        scratch.path().join(OsStr::from_bytes(b"\xff.safetensors")),
        b"",
    )
    .unwrap();
    assert_eq!(
        scratch.message(),
        "DIR/\u{fffd}.safetensors: the name is not UTF-8; rename it"
    );
}

#[cfg(unix)]
#[test]
fn dangling_links_are_told() {
    let scratch = Scratch::with(&["a.safetensors"]);
    std::os::unix::fs::symlink("nowhere", scratch.path().join("b.safetensors")).unwrap();
    assert_eq!(
        scratch.message(),
        "DIR/b.safetensors: is a link to nowhere, which is not there; put the file back or \
         download the model again, as a Hugging Face cache loses files when it is pruned"
    );
}

#[cfg(unix)]
#[test]
fn list_fails() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::with(&["sub/a.safetensors"]);
    let folder = scratch.path().join("sub");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o000)).unwrap();
    let may_list_anyway = std::fs::read_dir(&folder).is_ok();
    let result = Checkpoint::open(&folder);
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    if may_list_anyway {
        eprintln!("skipped: this user may list every folder");
        return;
    }
    assert!(
        result
            .unwrap_err()
            .to_string()
            .contains(": cannot be listed: ")
    );
}

#[test]
fn many_keys_open_fast() {
    let keys: Vec<String> = (0..1130)
        .map(|n| format!("model.diffusion_model.output_blocks.{n}.transformer_blocks.0.weight"))
        .collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let scratch = Scratch::new();
    let path = scratch.put("m.safetensors", &scalars(&keys));
    let best = (0..5)
        .map(|_| {
            let start = Instant::now();
            assert_eq!(Checkpoint::open(&path).unwrap().tensors().len(), 1130);
            start.elapsed()
        })
        .min()
        .unwrap();
    // Far above what it takes, so that a loaded machine does not fail, and far below quadratic.
    assert!(best < Duration::from_millis(100), "{best:?}");
    eprintln!("1130 keys: {best:?}");
}

#[test]
fn no_weights_are_passed_over_in_silence() {
    let scratch = Scratch::with(&[
        "a.safetensors",
        "B.SAFETENSORS",
        ".hidden.safetensors",
        "._a.safetensors",
        "x/y/c.safetensors",
    ]);
    let checkpoint = scratch.open().unwrap();
    assert_eq!(keys(&checkpoint), ["B", "a"]);
    assert_eq!(
        texts(checkpoint.left_out()),
        [".hidden.safetensors", "x/y/c.safetensors"]
    );
}
