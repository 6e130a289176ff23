//! What is a reference and what is a path.

use std::path::Path;

use wgmerge::checkpoint::Snapshot;
use wgmerge::hub::{Hub, Reference};

use super::COMMIT;

fn read(text: &str) -> Option<(String, Option<String>, Option<String>)> {
    let reference = Reference::parse(text).expect("a form that may be");
    reference.map(|r| (r.repository, r.inside, r.revision))
}

#[track_caller]
fn is(text: &str, repository: &str, inside: Option<&str>, revision: Option<&str>) {
    let wanted = (
        repository.to_owned(),
        inside.map(str::to_owned),
        revision.map(str::to_owned),
    );
    assert_eq!(read(text), Some(wanted), "{text}");
}

#[test]
fn references_are_told_by_their_form() {
    is("org/name", "org/name", None, None);
    is("org/name-1.5_b@main", "org/name-1.5_b", None, Some("main"));
    is("org/name@refs/pr/7", "org/name", None, Some("refs/pr/7"));
    let file = Some("unet/x.safetensors");
    is("org/name/unet/x.safetensors", "org/name", file, None);
    is(
        "org/name/unet/x.safetensors@v1.0",
        "org/name",
        file,
        Some("v1.0"),
    );
    is("hf:org/name", "org/name", None, None);
    is(
        "hf://org/name/unet@v1",
        "org/name",
        Some("unet"),
        Some("v1"),
    );
    is("hf:gpt2", "gpt2", None, None);
    is("hf:org/x.safetensors", "org/x.safetensors", None, None);
}

#[test]
fn paths_stay_paths() {
    let paths = [
        "name",
        "name@v1",
        "model.safetensors",
        "models/a.safetensors",
        "models/a.ckpt",
        "models/llama/base",
        "./org/name",
        "../org/name",
        "/org/name",
        "~/org/name",
        "org/name/",
        "org//name",
        "org/.name",
        "org/../name.safetensors",
        "org/na me",
        "org/name@",
        "org/name@../../x",
        "org/name@/etc",
        "org\\name",
        "C:/org/name",
        "C:\\org\\name",
        "org--x/name",
        "org/name.git",
        "",
    ];
    for path in paths {
        assert_eq!(read(path), None, "{path}");
    }
}

#[test]
fn what_is_said_to_be_a_reference_is_one_or_wrong() {
    for text in [
        "hf:",
        "hf:org/",
        "hf:org/name@",
        "hf:a/b/../c",
        "hf:/org/name",
    ] {
        let fault = Reference::parse(text).expect_err(text).to_string();
        assert!(
            fault.contains("hf:ORG/NAME") && fault.contains(text),
            "{fault}"
        );
    }
}

#[test]
fn references_are_written_as_they_are_read() {
    let texts = [
        "org/name",
        "org/name@v1",
        "org/name/a/b.safetensors@refs/pr/1",
        "hf:org/name/unet@v1",
        "hf:gpt2",
    ];
    for text in texts {
        let reference = Reference::parse(text).expect(text).expect(text);
        assert_eq!(reference.to_string(), text);
    }
}

#[test]
fn an_existing_path_is_no_reference() {
    let is_reference = |text: &str| Hub::reference(Path::new(text)).expect(text).is_some();
    // The working directory of tests is the package's.
    assert!(!is_reference("src/hub"));
    assert!(is_reference("src/no-such-room"));
    assert!(is_reference("hf:src/hub"));
}

#[test]
fn a_snapshot_is_called_by_repository_and_commit() {
    let name = |path: String| Snapshot::of(Path::new(&path)).map(|s| s.to_string());
    let cache = "/x/hub/models--org--name-1/snapshots";
    assert_eq!(
        name(format!("{cache}/{COMMIT}")),
        Some(format!("org/name-1@{COMMIT}"))
    );
    let file = format!("{cache}/{COMMIT}/unet/a.safetensors");
    let called = format!("org/name-1/unet/a.safetensors@{COMMIT}");
    assert_eq!(name(file), Some(called.clone()));
    assert!(Reference::parse(&called).expect("a reference").is_some());
    let old = format!("models--gpt2/snapshots/{COMMIT}/");
    assert_eq!(name(old), Some(format!("gpt2@{COMMIT}")));
    for path in [cache, "/x/snapshots/a", "/x/models--a--b/refs/main", "/"] {
        assert_eq!(name(path.to_owned()), None, "{path}");
    }
}
