//! Models that are downloaded: what is fetched, in which layout, and how often.

use super::server::{Hub, git, sha};
use super::{COMMIT, Home, LATER, model, names};

const MERGE: [&str; 5] = ["merge", "--device", "cpu", "-M", "linear"];
const INDEX: &[u8] = br#"{"weight_map": {"x.weight": "model-00001-of-00002.safetensors",
    "y.weight": "model-00002-of-00002.safetensors"}}"#;

/// A language model in shards, with everything that lies in such repositories.
fn language_model(hub: &Hub, name: &str) {
    let files: [(&str, &[u8]); 21] = [
        (".gitattributes", b"*"),
        ("README.md", b"---\nlicense: mit\n---\n"),
        ("LICENSE", b"do as you like"),
        ("config.json", b"{\"model_type\": \"llama\"}"),
        ("generation_config.json", b"{}"),
        ("tokenizer.json", b"{}"),
        ("tokenizer_config.json", b"{}"),
        ("tokenizer.model", b"x"),
        ("chat_template.jinja", b"{{ x }}"),
        ("additional_chat_templates/tool.jinja", b"{{ y }}"),
        ("model.safetensors.index.json", INDEX),
        ("model-00001-of-00002.safetensors", &model("x.weight", 1)),
        ("model-00002-of-00002.safetensors", &model("y.weight", 2)),
        ("model.fp16.safetensors", &model("x.weight", 3)),
        ("consolidated.safetensors", &model("z.weight", 4)),
        ("pytorch_model.bin", b"no"),
        ("pytorch_model.bin.index.json", b"{}"),
        ("original/params.json", b"{}"),
        ("onnx/model.onnx", b"no"),
        ("picture of it.png", b"no"),
        ("model-q4.gguf", b"no"),
    ];
    for (file, bytes) in files {
        hub.put(name, file, bytes);
    }
}

#[test]
fn what_a_model_needs_is_downloaded_once_and_lies_as_python_lays_it() {
    let hub = Hub::new();
    language_model(&hub, "org/a");
    let home = Home::at(hub.endpoint());
    let said = home.succeeds(&["inspect", "org/a"]);
    assert!(
        said.contains(&format!("downloaded commit {COMMIT}")),
        "{said}"
    );
    let repository = home.repository("org/a");
    let snapshot = repository.join("snapshots").join(COMMIT);
    let wanted = [
        "LICENSE",
        "README.md",
        "additional_chat_templates/tool.jinja",
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
        "tokenizer.json",
        "tokenizer.model",
        "tokenizer_config.json",
    ];
    assert_eq!(names(&snapshot), wanted);
    let text = |path: &str| std::fs::read_to_string(repository.join(path)).expect(path);
    assert_eq!(text("refs/main"), COMMIT);
    let link = |name: &str| std::fs::read_link(snapshot.join(name)).expect("a link");
    let blob = sha(&model("x.weight", 1));
    let shard = link("model-00001-of-00002.safetensors");
    assert_eq!(shard.to_str(), Some(format!("../../blobs/{blob}").as_str()));
    let blob = git(b"{{ y }}");
    let template = link("additional_chat_templates/tool.jinja");
    assert_eq!(
        template.to_str(),
        Some(format!("../../../blobs/{blob}").as_str())
    );
    assert!(home.path("hf/hub/CACHEDIR.TAG").exists());
    assert!(home.path("hf/hub/.locks/models--org--a").is_dir());
    let blobs = names(&repository.join("blobs"));
    assert!(
        !blobs.iter().any(|name| name.ends_with(".incomplete")),
        "{blobs:?}"
    );
    // The storage is told no token, and nothing is asked twice.
    let log = hub.log();
    let mut once = log.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), log.len(), "{log:?}");
    home.succeeds(&["inspect", "org/a"]);
    assert_eq!(hub.log(), [""; 0], "the cache has it");
}

#[test]
fn a_later_commit_is_fetched_where_it_is_named_and_shares_what_is_equal() {
    let hub = Hub::new();
    let weights = model("x.weight", 1);
    for (revision, commit, config) in [("main", COMMIT, "{}"), ("v2", LATER, "{\"a\": 1}")] {
        hub.put_at("org/a", revision, commit, "model.safetensors", &weights);
        hub.put_at("org/a", revision, commit, "config.json", config.as_bytes());
    }
    hub.put_at("org/a", "refs/pr/1", COMMIT, "config.json", b"{}");
    let home = Home::at(hub.endpoint());
    home.succeeds(&["inspect", "org/a"]);
    hub.log();
    home.succeeds(&["inspect", "org/a@v2"]);
    home.succeeds(&["inspect", "org/a@refs/pr/1"]);
    let log = hub.log();
    assert!(
        !log.iter().any(|line| line.starts_with("storage")),
        "{log:?}"
    );
    let refs = home.repository("org/a").join("refs");
    assert_eq!(names(&refs), ["main", "refs/pr/1", "v2"]);
    assert_eq!(
        std::fs::read_to_string(refs.join("v2")).expect("a ref"),
        LATER
    );
    home.succeeds(&["inspect", &format!("org/a@{LATER}")]);
    assert_eq!(hub.log(), [""; 0]);
}

#[test]
fn a_file_of_a_repository_comes_alone() {
    let hub = Hub::new();
    language_model(&hub, "org/a");
    let home = Home::at(hub.endpoint());
    let (file, other) = (
        "org/a/model.fp16.safetensors",
        "hf:org/a/consolidated.safetensors",
    );
    home.succeeds(&["inspect", file]);
    home.succeeds(&["inspect", other]);
    let snapshot = home.repository("org/a").join("snapshots").join(COMMIT);
    assert_eq!(
        names(&snapshot),
        ["consolidated.safetensors", "model.fp16.safetensors"]
    );
    let known = [
        "no file or folder `x.safetensors`",
        "consolidated.safetensors",
    ];
    home.refuses(&["inspect", "org/a/x.safetensors"], &known);
}

#[test]
fn a_pipeline_comes_with_its_components() {
    let hub = Hub::new();
    let index = br#"{"_class_name": "P", "unet": ["diffusers", "U"], "vae": ["diffusers", "V"],
        "scheduler": ["diffusers", "S"], "safety_checker": [null, null]}"#;
    let files: [(&str, &[u8]); 11] = [
        ("model_index.json", index),
        ("one_file.safetensors", &model("x.weight", 9)),
        ("unet/config.json", b"{}"),
        (
            "unet/diffusion_pytorch_model.safetensors",
            &model("x.weight", 1),
        ),
        (
            "unet/diffusion_pytorch_model.fp16.safetensors",
            &model("x.weight", 2),
        ),
        ("unet/diffusion_pytorch_model.bin", b"no"),
        ("vae/config.json", b"{ }"),
        (
            "vae/diffusion_pytorch_model.safetensors",
            &model("y.weight", 3),
        ),
        ("safety_checker/model.safetensors", &model("z.weight", 4)),
        ("scheduler/scheduler_config.json", b"{}"),
        (
            "vae_1/diffusion_pytorch_model.safetensors",
            &model("w.weight", 5),
        ),
    ];
    for (name, bytes) in files {
        hub.put("org/p", name, bytes);
    }
    let home = Home::at(hub.endpoint());
    home.succeeds(&["inspect", "org/p"]);
    let snapshot = home.repository("org/p").join("snapshots").join(COMMIT);
    let wanted = [
        "model_index.json",
        "scheduler/scheduler_config.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
    ];
    assert_eq!(names(&snapshot), wanted);
    // A component alone, as a folder of the repository.
    home.succeeds(&["inspect", "hf:org/p/safety_checker"]);
    assert!(snapshot.join("safety_checker/model.safetensors").exists());
}

#[test]
fn names_of_old_and_tokens_lead_to_the_model() {
    let hub = Hub::new();
    hub.put("org/a", "model.safetensors", &model("x.weight", 1));
    hub.put("org/a", "config.json", b"{}");
    hub.rename("older/a", "org/a");
    hub.demand("secret");
    let home = Home::at(hub.endpoint()).with("HF_TOKEN", " secret\n");
    home.succeeds(&["inspect", "older/a"]);
    let log = hub.log();
    for line in &log {
        assert_eq!(
            line.ends_with("with a token"),
            line.starts_with("hub"),
            "{log:?}"
        );
    }
    // The token of `hf auth login`.
    let home = Home::at(hub.endpoint());
    std::fs::create_dir_all(home.path("hf")).expect("a folder");
    std::fs::write(home.path("hf/token"), "secret\n").expect("a token");
    home.succeeds(&["inspect", "org/a"]);
}

#[test]
fn merges_by_reference_are_those_by_path() {
    let hub = Hub::new();
    for (number, name) in [(1, "org/a"), (2, "org/b")] {
        hub.put(name, "model.safetensors", &model("x.weight", number));
        hub.put(name, "config.json", b"{}");
    }
    let home = Home::at(hub.endpoint());
    home.succeeds(&[&MERGE[..], &["org/a", "org/b", "-o", "a.safetensors"]].concat());
    let of = |name: &str| home.repository(name).join("snapshots").join(COMMIT);
    let [a, b] = ["org/a", "org/b"].map(|name| of(name).display().to_string());
    home.succeeds(&[&MERGE[..], &[&a, &b, "-o", "b.safetensors"]].concat());
    let read = |name: &str| std::fs::read(home.path(name)).expect("an output");
    assert!(read("a.safetensors") == read("b.safetensors"));
}

#[test]
fn an_output_that_cannot_be_is_refused_before_a_download() {
    let hub = Hub::new();
    hub.put("org/a", "model.safetensors", &model("x.weight", 1));
    let home = Home::at(hub.endpoint());
    std::fs::write(home.path("out.safetensors"), "an older result").expect("a file");
    for (output, part) in [
        ("out.safetensors", "already exists"),
        ("out.bin", "`.bin` is no file"),
    ] {
        home.refuses(
            &[&MERGE[..], &["org/a", "org/a@main", "-o", output]].concat(),
            &[part],
        );
    }
    assert_eq!(hub.log(), [""; 0]);
}

#[test]
fn weights_of_the_cache_are_completed_by_what_belongs_to_them() {
    let hub = Hub::new();
    language_model(&hub, "org/a");
    let home = Home::at(hub.endpoint());
    home.succeeds(&["inspect", "org/a/model-00001-of-00002.safetensors"]);
    hub.log();
    home.succeeds(&["inspect", "org/a"]);
    let log = hub.log();
    let storage = log.iter().filter(|line| line.starts_with("storage"));
    assert_eq!(storage.count(), 1, "{log:?}");
}
