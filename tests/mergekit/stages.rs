//! Several documents with a tokenizer, and tokenizers of models that are not merged: what mergekit
//! does in steps through the disk.

use serde_json::json;
use wgmerge::vocabulary::Tokenizer;

use super::scratch::{Scratch, files};
use super::succeeds;
use crate::support::command::{refuses, run as wgmerge};

const FIRST: &str = "\
name: first
merge_method: linear
models:
  - {model: MODELS/tok/m1, parameters: {weight: 0.3}}
  - {model: MODELS/tok/m1ft, parameters: {weight: 0.7}}
tokenizer: {source: union}
";

/// The same in two runs by hand.
fn by_hand(second: &str) -> Scratch {
    let own = Scratch::new(&FIRST.replace("name: first\n", ""));
    own.run_into("first", &[]);
    own.rewrite(second);
    own.run_into("OUT", &[]);
    own
}

fn assert_equal(one: &Scratch, other: &Scratch) {
    let (found, wanted) = (one.weights("OUT"), other.weights("OUT"));
    assert_eq!(found.names(), wanted.names());
    for name in wanted.names() {
        assert_eq!(found.values(&name), wanted.values(&name), "{name}");
    }
    assert_eq!(
        one.config("OUT")["vocab_size"],
        other.config("OUT")["vocab_size"]
    );
    let read = |own: &Scratch| Tokenizer::read(&own.path().join("OUT")).expect("a tokenizer");
    let (found, wanted) = (read(one), read(other));
    let tokens = |own: &Tokenizer| {
        let mut tokens: Vec<(u32, String)> = own
            .tokens()
            .map(|(token, number)| (number, token.to_owned()))
            .collect();
        tokens.sort();
        tokens
    };
    assert_eq!(tokens(&found), tokens(&wanted));
}

/// A merge whose tokens another one asks for is written first, and read from where it is.
#[test]
fn a_merge_with_a_tokenizer_builds_on_another() {
    let second = "merge_method: linear\nbase_model: first\nmodels:\n\
                  - {model: first, parameters: {weight: 0.6}}\n\
                  - {model: MODELS/tok/m2, parameters: {weight: 0.4}}\n\
                  tokenizer: {source: union}\n";
    let own = Scratch::new(&format!("{second}---\n{FIRST}"));
    own.run(&["-I", "mid"]);
    assert_equal(&own, &by_hand(second));
    assert!(files(&own.path().join("mid/first")).contains(&"tokenizer.json".to_owned()));
    // Nothing is written where the last place is taken.
    let said = refuses(own.path(), &["run", "merge.yaml", "OUT", "-I", "other"]);
    assert!(
        said.contains("OUT") && !own.path().join("other").exists(),
        "{said}"
    );
    // Without a place for the first there is no result.
    let said = refuses(own.path(), &["run", "merge.yaml", "third"]);
    assert!(
        said.contains("first is a merge") && said.contains("-I DIR"),
        "{said}"
    );
    let plan = wgmerge(own.path(), &["plan", "merge.yaml", "fourth", "-I", "new"]);
    let said = String::from_utf8_lossy(&plan.stderr).into_owned();
    assert!(
        plan.status.success() && said.contains("builds on `first`"),
        "{said}"
    );
}

/// The tokenizer of a merge is that of what it is made of, though it asks for none.
#[test]
fn a_tokenizer_stays_with_the_merge_it_was_made_for() {
    let second = "merge_method: passthrough\nmodels: [{model: first}]\ndtype: float32\n";
    let own = Scratch::new(&format!("{second}---\n{FIRST}chat_template: chatml\n"));
    own.run(&[]);
    let hand = by_hand(second);
    assert_equal(&own, &hand);
    let read = |name: &str| std::fs::read_to_string(own.path().join("OUT").join(name));
    let template = read("chat_template.jinja").expect("a template");
    assert!(template.contains("im_start"), "{template}");
}

/// mergekit reads the tokenizer of any path.
#[test]
fn a_tokenizer_may_be_that_of_another_model() {
    let own = Scratch::new(
        "merge_method: linear\nmodels:\n\
         - {model: MODELS/tok/m1, parameters: {weight: 0.5}}\n\
         - {model: MODELS/tok/m3, parameters: {weight: 0.5}}\n\
         tokenizer: {source: others/m2}\n",
    );
    let said = own.refuses(&[]);
    assert!(
        said.contains("others/m2") && said.contains(":5:21"),
        "{said}"
    );
    own.copy("tok/m2", "others/m2");
    std::fs::remove_file(own.path().join("others/m2/model.safetensors")).expect("removed");
    own.run(&[]);
    assert_eq!(own.config("OUT")["vocab_size"], json!(62));
    let read = |name: &str| Tokenizer::read(&own.path().join(name)).expect("a tokenizer");
    let (found, wanted) = (read("OUT"), read("others/m2"));
    assert!(
        wanted
            .tokens()
            .all(|(token, number)| found.number(token) == Some(number))
    );
    // A token that all have: its row is the mean of its rows.
    own.copy("tok/m1", "m1");
    own.copy("tok/m3", "m3");
    let name = "model.embed_tokens.weight";
    let row = |folder: &str, token: &str| {
        let number = read(folder).number(token)? as usize;
        Some(own.values(folder, name)[number * 8..][..8].to_vec())
    };
    let mut shared = 0;
    for (token, _) in wanted.tokens() {
        let merged = row("OUT", token).expect("a row");
        match (row("m1", token), row("m3", token)) {
            (Some(one), Some(two)) => {
                let near = |at: usize| (merged[at] - (one[at] + two[at]) / 2.0).abs() < 1e-5;
                assert!((0..8).all(near), "{token:?}");
                shared += 1;
            }
            (None, None) => assert!(merged.iter().all(|x| *x == 0.0), "{token:?}"),
            _ => {}
        }
    }
    assert!(shared > 0);
}

/// mergekit fails half-way through: such a model's rows are not among those that it reads.
#[test]
fn a_row_of_a_token_comes_from_a_model_of_the_merge() {
    for source in [
        "MODELS/tok/m2",
        "{kind: model_token, model: MODELS/tok/m2, token_id: 3}",
    ] {
        let own = Scratch::new(&format!(
            "merge_method: passthrough\nmodels: [{{model: MODELS/tok/m1}}]\n\
             tokenizer:\n  source: base\n  tokens:\n    \"<new>\": {{source: {source}}}\n"
        ));
        let said = own.refuses(&[]);
        assert!(said.contains("m2 is none of the models"), "{said}");
        assert!(said.contains("help: the row of a token"), "{said}");
    }
}

/// Where every merge has a name they are written one by one, each from those before.
#[test]
fn named_merges_build_on_each_other() {
    let own = Scratch::new(&format!(
        "{FIRST}---\nname: second\nmerge_method: passthrough\nmodels: [{{model: first}}]\n\
         tokenizer: {{source: first}}\n---\nname: third\nmerge_method: passthrough\n\
         models: [{{model: second}}]\ntokenizer: {{source: base, pad_to_multiple_of: 16}}\n"
    ));
    let line = ["run", "merge.yaml", "all", "--device", "cpu"];
    succeeds(own.path(), &line);
    assert_eq!(files(&own.path().join("all")), ["first", "second", "third"]);
    let rows = |name: &str| own.config(&format!("all/{name}"))["vocab_size"].as_u64();
    assert_eq!(rows("first"), rows("second"));
    assert_eq!(
        rows("third"),
        rows("first").map(|rows| rows.next_multiple_of(16))
    );
}
