//! The command lines of mergekit: all its flags, and the output behind the recipe.

use super::scratch::{Scratch, files};
use super::{data, succeeds, wgmerge};
use crate::support::command::refuses;

/// What becomes of a flag.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flag {
    /// It means what it does there.
    Means,
    /// It means nothing here, and a line says so.
    Idle,
}

use Flag::{Idle, Means};

/// The flags of `mergekit-yaml` 0.1.5 and `mergekit-multi`, with a value where they take one.
/// `--cuda` has a test of its own.
const FLAGS: &[(&str, Option<&str>, Flag)] = &[
    ("--allow-crimes", None, Idle),
    ("--no-allow-crimes", None, Idle),
    ("--unsafe-truncate-embeddings", None, Means),
    ("--no-unsafe-truncate-embeddings", None, Means),
    ("--transformers-cache", Some("cache"), Idle),
    ("--lora-merge-cache", Some("cache"), Idle),
    ("--lora-merge-dtype", Some("float16"), Idle),
    ("--no-cuda", None, Means),
    ("--device", Some("cpu"), Means),
    ("--low-cpu-memory", None, Idle),
    ("--no-low-cpu-memory", None, Idle),
    ("--out-shard-size", Some("1B"), Means),
    ("--copy-tokenizer", None, Means),
    ("--no-copy-tokenizer", None, Means),
    ("--clone-tensors", None, Idle),
    ("--no-clone-tensors", None, Idle),
    ("--trust-remote-code", None, Idle),
    ("--no-trust-remote-code", None, Idle),
    ("--random-seed", Some("7"), Means),
    ("--lazy-unpickle", None, Idle),
    ("--no-lazy-unpickle", None, Idle),
    ("--write-model-card", None, Means),
    ("--no-write-model-card", None, Means),
    ("--safe-serialization", None, Idle),
    ("--no-safe-serialization", None, Idle),
    ("-v", None, Means),
    ("-vv", None, Means),
    ("--quiet", None, Means),
    ("--no-quiet", None, Means),
    ("--read-to-gpu", None, Idle),
    ("--no-read-to-gpu", None, Idle),
    ("--multi-gpu", None, Idle),
    ("--no-multi-gpu", None, Idle),
    ("--num-threads", Some("1"), Means),
    ("-j", Some("1"), Means),
    ("--gpu-rich", None, Idle),
    ("--async-write", None, Idle),
    ("--no-async-write", None, Idle),
    ("--write-threads", Some("2"), Idle),
    ("--lazy", None, Idle),
    ("--no-lazy", None, Idle),
    ("--intermediate-dir", Some("mid"), Means),
    ("-I", Some("mid"), Means),
];

/// A merge of two models of three layers.
const YAML: &str = "\
merge_method: linear
models:
  - model: MODELS/mini/a
    parameters: {weight: 0.3}
  - model: MODELS/mini/b
    parameters: {weight: 0.9}
";

#[test]
fn every_flag_is_taken_and_idle_ones_say_so() {
    let plain = Scratch::new(YAML);
    // The seed would be recorded.
    let bare = ["--metadata", "none"];
    succeeds(
        plain.path(),
        &[&["run", "merge.yaml", "OUT"], &bare[..]].concat(),
    );
    let weights = "OUT/model.safetensors";
    let expected = std::fs::read(plain.path().join(weights)).expect("weights");
    for (flag, value, kind) in FLAGS {
        for command in ["run", "plan"] {
            if command == "plan" && ["-v", "-vv", "--quiet", "--no-quiet"].contains(flag) {
                continue;
            }
            let own = Scratch::new(YAML);
            let mut line = vec![command, "merge.yaml", "OUT", *flag];
            line.extend(*value);
            line.extend(bare);
            let said = succeeds(own.path(), &line);
            let note = format!("{flag} has no meaning here: ");
            let lines = said.lines().filter(|line| line.contains(&note)).count();
            assert_eq!(lines, usize::from(*kind == Idle), "{line:?}: {said}");
            if command == "run" {
                let same = std::fs::read(own.path().join(weights)).expect("weights") == expected;
                assert!(same, "{line:?} changes the weights");
            }
        }
    }
}

#[test]
fn quiet_is_quiet() {
    let own = Scratch::new(&(YAML.to_owned() + "parameters: {int8_mask: true}\n"));
    let loud = succeeds(own.path(), &["run", "merge.yaml", "OUT", "--lazy-unpickle"]);
    assert!(
        loud.contains("int8_mask") && loud.contains("--lazy-unpickle"),
        "{loud}"
    );
    let line = ["run", "merge.yaml", "quiet", "--lazy-unpickle", "--quiet"];
    assert_eq!(succeeds(own.path(), &line), "");
}

#[test]
fn the_last_of_a_flag_and_its_opposite_counts() {
    let own = Scratch::new(YAML);
    let line = [
        "run",
        "merge.yaml",
        "OUT",
        "--no-write-model-card",
        "--write-model-card",
    ];
    succeeds(own.path(), &line);
    assert!(files(&own.path().join("OUT")).contains(&"README.md".to_owned()));
    let line = [
        "run",
        "merge.yaml",
        "bare",
        "--write-model-card",
        "--no-write-model-card",
    ];
    succeeds(own.path(), &line);
    assert!(!files(&own.path().join("bare")).contains(&"README.md".to_owned()));
    succeeds(
        own.path(),
        &["run", "merge.yaml", "cpu", "--cuda", "--no-cuda"],
    );
}

#[test]
fn shards_have_the_size_of_the_flag() {
    let own = Scratch::new(YAML);
    succeeds(
        own.path(),
        &["run", "merge.yaml", "OUT", "--out-shard-size", "2k"],
    );
    let names = files(&own.path().join("OUT"));
    assert!(
        names.contains(&"model.safetensors.index.json".to_owned()),
        "{names:?}"
    );
    let shards = names.iter().filter(|name| name.ends_with(".safetensors"));
    assert!(shards.count() > 1, "{names:?}");
}

#[test]
fn threads_are_those_of_the_flag() {
    let own = Scratch::new(YAML);
    let line = ["plan", "merge.yaml", "OUT", "-j", "0"];
    assert!(refuses(own.path(), &line).contains("--num-threads"));
}

/// `--cuda` is a GPU of any maker, or none with a note; the bytes are the same.
#[test]
fn cuda_is_a_gpu_if_there_is_one() {
    let own = Scratch::new(YAML);
    succeeds(own.path(), &["run", "merge.yaml", "cpu", "--device", "cpu"]);
    let said = succeeds(own.path(), &["run", "merge.yaml", "gpu", "--cuda"]);
    let has_gpu = wgmerge(
        own.path(),
        &["run", "merge.yaml", "other", "--device", "gpu"],
    );
    let notes = said
        .matches("there is no GPU here: the CPU computes")
        .count();
    assert_eq!(notes, usize::from(!has_gpu.status.success()), "{said}");
    let read = |name: &str| {
        let path = own.path().join(name).join("model.safetensors");
        std::fs::read(path).expect("weights")
    };
    assert!(read("cpu") == read("gpu"));
    let line = ["run", "merge.yaml", "OUT", "--cuda", "--device", "cpu"];
    let said = refuses(own.path(), &line);
    assert!(
        said.contains("--cuda") && said.contains("--device"),
        "{said}"
    );
}

#[test]
fn the_output_stands_behind_the_recipe_or_behind_o() {
    let own = Scratch::new(YAML);
    succeeds(own.path(), &["run", "merge.yaml", "OUT"]);
    succeeds(own.path(), &["run", "merge.yaml", "-o", "other"]);
    succeeds(own.path(), &["run", "merge.yaml", "--out-path", "third"]);
    let read = |name: &str| {
        let path = own.path().join(name).join("model.safetensors");
        std::fs::read(path).expect("weights")
    };
    assert!(read("OUT") == read("other") && read("OUT") == read("third"));
    for command in ["run", "plan"] {
        let said = refuses(own.path(), &[command, "merge.yaml", "one", "-o", "two"]);
        assert!(said.contains("-o"), "{said}");
        assert!(!own.path().join("one").exists() && !own.path().join("two").exists());
    }
    let said = refuses(own.path(), &["run", "merge.yaml"]);
    assert!(said.contains("OUTPUT"), "{said}");
    let said = refuses(own.path(), &["run", "merge.yaml", "one", "two"]);
    assert!(said.contains("two"), "{said}");
}

/// mergekit makes the folders above the output. A recipe that is refused makes none.
#[test]
fn folders_above_the_output_are_made() {
    let own = Scratch::new(YAML);
    succeeds(own.path(), &["run", "merge.yaml", "new/folder/OUT"]);
    assert!(own.path().join("new/folder/OUT/model.safetensors").exists());
    own.rewrite(
        "merge_method: linear\nparameters: {weight: 1}\n\
         models: [{model: MODELS/tok/m1}, {model: MODELS/tok/m2}]\n",
    );
    refuses(own.path(), &["run", "merge.yaml", "other/folder/OUT"]);
    assert_eq!(files(own.path()), ["merge.yaml", "new"]);
}

#[test]
fn a_plan_tells_recipes_from_models() {
    let own = Scratch::new(YAML);
    succeeds(own.path(), &["plan", "merge.yaml", "out.safetensors"]);
    let said = refuses(own.path(), &["plan", "merge.yaml", "out.other"]);
    assert!(said.contains("out.other"), "{said}");
    let models = data().join("models/raw");
    let said = refuses(&models, &["plan", "x.safetensors", "w.safetensors"]);
    assert!(said.contains("--method"), "{said}");
    let said = refuses(&data().join("models/mini"), &["plan", "a", "b"]);
    assert!(said.contains("--method"), "{said}");
}

/// The output of a recipe of sd-mecha may stand behind it, too.
#[test]
fn recipes_of_mecha_take_it_alike() {
    let own = tempfile::tempdir().expect("a temporary folder");
    let models = data().join("models/raw");
    let text = format!(
        "version 0.1.0\nmodel \"{0}/base.safetensors\" model_config=null merge_space=\"weight\"\n\
         model \"{0}/x.safetensors\" model_config=null merge_space=\"weight\"\n\
         merge \"weighted_sum\" &0 &1 alpha=0.5\n",
        models.to_str().expect("UTF-8")
    );
    std::fs::write(own.path().join("a.mecha"), text).expect("written");
    let skip = ["--missing", "skip"];
    succeeds(
        own.path(),
        &[&["run", "a.mecha", "one.safetensors"], &skip[..]].concat(),
    );
    succeeds(
        own.path(),
        &[&["run", "a.mecha", "-o", "two.safetensors"], &skip[..]].concat(),
    );
    let read = |name: &str| std::fs::read(own.path().join(name)).expect("weights");
    assert!(read("one.safetensors") == read("two.safetensors"));
}

/// Where all merges have names, `-I` says where they go; where one has none, it needs a place.
#[test]
fn a_folder_for_named_merges_is_enough_where_all_have_names() {
    let named = YAML.to_owned() + "name: one\n";
    let own = Scratch::new(&named);
    succeeds(own.path(), &["run", "merge.yaml", "-I", "mid"]);
    assert!(own.path().join("mid/one/model.safetensors").exists());
    let own = Scratch::new(YAML);
    let said = refuses(own.path(), &["run", "merge.yaml", "-I", "mid"]);
    assert!(said.contains("OUTPUT"), "{said}");
    assert_eq!(files(own.path()), ["merge.yaml"]);
}
