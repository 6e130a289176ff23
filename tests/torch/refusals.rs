//! Files that are no lists of weights: each is refused with what it is and what to do.

use super::{data, message, wgmerge};

#[track_caller]
fn refused(name: &str, expected: &str) {
    assert_eq!(message(&data(name)), expected, "{name}");
}

/// The advice where a pickle asks for something.
const ADVICE: &str = "which is no part of weights and is never run; if you trust where it is from, \
    load it in Python and save the `state_dict` alone";

#[test]
fn code_is_never_run() {
    let asks = |what: &str| format!("the pickle asks for {what}, {ADVICE}");
    refused("evil.pt", &asks("`posix.system` (GLOBAL at byte 169)"));
    refused(
        "quantised.pt",
        &asks("`torch._utils._rebuild_qtensor` (GLOBAL at byte 13)"),
    );
    refused(
        "sparse.pt",
        &asks("`torch._utils._rebuild_sparse_tensor` (GLOBAL at byte 13)"),
    );
    refused(
        "array.pt",
        &asks("`numpy._core.multiarray._reconstruct` (GLOBAL at byte 169)"),
    );
    refused(
        "conjugated.pt",
        &asks("a tensor stored conjugated or negated (REDUCE at byte 180)"),
    );
}

#[test]
fn whole_objects_are_none() {
    let object = |class: &str, at: usize| {
        format!(
            "is a whole pickled object of the class `{class}` (GLOBAL at byte {at}), which is \
             never run, not a list of weights; if you trust where it is from, load it in Python \
             and save `model.state_dict()`"
        )
    };
    refused("object.pt", &object("torch.nn.modules.linear.Linear", 2));
    refused(
        "object_legacy.pt",
        &object("torch.nn.modules.linear.Linear", 16),
    );
    refused("evil_pickle.pt", &object("posix.system", 2));
}

#[test]
fn programs_are_none() {
    refused(
        "script.pt",
        "is a TorchScript archive, a program with its weights, which is not run here; in Python, \
         save the weights alone: `torch.save(torch.jit.load(path).state_dict(), out)`",
    );
}

#[test]
fn archives_that_torch_does_not_write() {
    refused(
        "compressed.pt",
        "the member `small/byteorder` of the archive is compressed, but torch stores members as \
         they are; load the file in Python and save it again with `torch.save`",
    );
    refused(
        "big_endian.pt",
        "its numbers are stored in big-endian order, only little-endian is read; save it again on \
         a little-endian machine",
    );
    refused(
        "no_pickle.pt",
        "is a zip archive without `data.pkl`, which `torch.save` writes; name the file of the \
         weights",
    );
    refused(
        "lacking.pt",
        "tensor `a`: its storage `0` is not in the file; the file is damaged, download it again",
    );
    refused(
        "short.pt",
        "tensor `a`: its storage `0` is said to have 24 bytes, the file has 23 for it; the file is \
         truncated, download it again",
    );
}

/// What PyTorch wrote before 0.1.10.
#[test]
fn tar_archives_are_named() {
    let folder = tempfile::tempdir().expect("scratch");
    let path = folder.path().join("old.pt");
    let mut bytes = vec![0; 1024];
    bytes[..8].copy_from_slice(b"sys_info");
    bytes[257..262].copy_from_slice(b"ustar");
    std::fs::write(&path, bytes).expect("scratch");
    let expected = "is a tar file, which wgmerge does not read; convert it to safetensors with \
        Python: load it with torch, and save its tensors with `safetensors.torch.save_file`";
    assert_eq!(message(&path), expected);
}

#[test]
fn what_has_no_weights() {
    let none = |found: &str| {
        format!("holds no tensors with names: it is {found}; name a file that holds a state dict")
    };
    refused("lone.pt", &none("one tensor without a name"));
    refused("nothing.pt", &none("a dict without tensors under names"));
    refused(
        "complex128.pt",
        "tensor `z`: its dtype complex128 has no counterpart in safetensors; convert or drop it in \
         Python",
    );
}

#[test]
fn a_refusal_ends_with_code_2_and_writes_nothing() {
    let folder = tempfile::tempdir().expect("scratch");
    let out = folder.path().join("out.safetensors");
    let path = out.to_str().expect("UTF-8");
    let output = wgmerge(&["merge", "-M", "linear", "small.pt", "evil.pt", "-o", path]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(
        errors.contains("evil.pt: the pickle asks for `posix.system`"),
        "{errors}"
    );
    assert!(!out.exists());
}
