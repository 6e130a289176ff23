//! Merges that cannot be: each has its whole message.

use wgmerge::dtype::DType::{BF16, F16, F32, I64};
use wgmerge::keys::Filter;
use wgmerge::plan::{Output, PlanError};
use wgmerge::recipe::{Missing, Options};

use super::{Entry, Model, Work, device};

const ENTRIES: &[Entry<'_>] = &[
    ("a", F16, &[3, 5]),
    ("b", F16, &[4]),
    ("c", F16, &[4]),
    ("d", F16, &[4]),
    ("ids", I64, &[2]),
];

/// What two models are refused with.
fn refused(one: &[Entry<'_>], two: &[Entry<'_>]) -> String {
    let (one, two) = (Model::new("one", one), Model::new("two", two));
    Work::new("linear", &[&one, &two]).refused()
}

const KEYS_HELP: &str = "  \
    --missing skip merges each tensor from the models that have it; --missing base lets the base \
    stand in";

#[test]
fn missing_tensors() {
    let wanted = format!(
        "the models do not have the same tensors\n  two.safetensors lacks 1 of the 5 tensors of \
         one.safetensors: `c`\n{KEYS_HELP}"
    );
    let lacking: Vec<_> = ENTRIES
        .iter()
        .filter(|entry| entry.0 != "c")
        .copied()
        .collect();
    assert_eq!(refused(ENTRIES, &lacking), wanted);
}

#[test]
fn extra_tensors() {
    let extra: Vec<Entry<'_>> = ["v", "w", "x", "y", "z"]
        .map(|key| (key, F16, &[1][..]))
        .into();
    let wanted = format!(
        "the models do not have the same tensors\n  two.safetensors has 5 tensors that \
         one.safetensors lacks: `v`, `w`, `x`, and 2 more\n{KEYS_HELP}"
    );
    assert_eq!(refused(ENTRIES, &[ENTRIES, &extra].concat()), wanted);
}

/// A head that is tied to the embedding is stored by some models only.
#[test]
fn a_tied_head() {
    let head = ("lm_head.weight", F16, &[3, 5][..]);
    let with = [ENTRIES, &[head]].concat();
    for (one, two) in [(ENTRIES, &with[..]), (&with[..], ENTRIES)] {
        let said = refused(one, two);
        assert!(
            said.contains("tie_word_embeddings") && said.contains(r"--drop 'lm_head\.weight$'"),
            "{said}"
        );
    }
    let more = [&with[..], &[("other", F16, &[1][..])]].concat();
    assert!(!refused(ENTRIES, &more).contains("tie_word_embeddings"));
}

#[test]
fn other_shapes() {
    let mut other = ENTRIES.to_vec();
    other[0].2 = &[5, 3];
    let wanted = "two.safetensors has 1 tensor of another form than one.safetensors\n  `a`: F16 \
                  [5, 3] in two.safetensors, F16 [3, 5] in one.safetensors\n  \
                  --shape keep merges what all have and keeps the rest, pad fills up with zeros\n  \
                  --exclude leaves tensors out of the merge and copies them";
    assert_eq!(refused(ENTRIES, &other), wanted);
}

#[test]
fn a_type_that_is_not_merged() {
    let mut other = ENTRIES.to_vec();
    other[1].1 = I64;
    let wanted = "two.safetensors has 1 tensor of another form than one.safetensors\n  `b`: I64 \
                  [4] in two.safetensors, F16 [4] in one.safetensors\n  \
                  --exclude leaves tensors out of the merge and copies them";
    assert_eq!(refused(ENTRIES, &other), wanted);
}

#[test]
fn other_families() {
    let other: Vec<Entry<'_>> = vec![("x", F16, &[1]), ("y", F16, &[1]), ("a", F16, &[3, 5])];
    let wanted = "two.safetensors and one.safetensors are different architectures: they share 1 \
                  of 3 tensors (`b` for one is in one.safetensors alone); merge models of one \
                  family";
    assert_eq!(refused(ENTRIES, &other), wanted);
}

#[test]
fn a_model_without_tensors() {
    assert_eq!(refused(ENTRIES, &[]), "two.safetensors has no tensors");
    assert_eq!(refused(&[], ENTRIES), "one.safetensors has no tensors");
}

#[test]
fn a_filter_that_matches_nothing() {
    let (one, two) = (Model::new("one", ENTRIES), Model::new("two", ENTRIES));
    for (include, exclude, option) in [("q", "a", "--include"), ("a", "q", "--exclude")] {
        let mut work = Work::new("linear", &[&one, &two]);
        work.options.filter = Filter::new(&[include.into()], &[exclude.into()]).expect("a filter");
        let wanted =
            format!("{option} `q` matches no name among 5 tensors: `wgmerge inspect` lists them");
        assert_eq!(work.refused(), wanted);
    }
}

#[test]
fn too_little_memory() {
    let (one, two) = (Model::new("one", ENTRIES), Model::new("two", ENTRIES));
    let mut work = Work::new("linear", &[&one, &two]);
    let mut needs = |threads, binding: Option<u64>| {
        work.limits.threads = threads;
        work.limits.memory = 1 << 20;
        work.limits.device = binding.and_then(device);
        match work.plan() {
            Err(PlanError::Memory {
                needed,
                held,
                models: 2,
                ..
            }) => (needed, held),
            other => panic!("planned in 1 MiB: {other:?}"),
        }
    };
    let (needed, held) = needs(1, None);
    // Two tiles of input, one of output and a page, whatever the type, and a desk; the program.
    let lane = 5 * 4096 + 2 * 4096 + 4096 + (256 << 10);
    let least = held + lane + (20 << 20);
    assert!(
        (least..least + (64 << 10)).contains(&needed),
        "{needed} {least}"
    );
    // Fewer lanes than threads do as well; a device holds everything three times.
    assert_eq!(needs(3, None), (needed, held));
    assert!(needs(3, Some(1 << 27)).0 >= needed + 2 * lane);
    let message = work.refused();
    assert!(
        message.starts_with("a memory budget of 1 MiB is too small: the headers and the plan of 2"),
        "{message}"
    );
}

#[test]
fn outputs_that_do_not_fit_the_models() {
    let unet: &[Entry<'_>] = &[("unet/a", F16, &[4])];
    let components = Model::folder("parts", &[("unet/model.safetensors", unet)]);
    let other = Model::folder("other", &[("unet/model.safetensors", unet)]);
    let mut work = Work::new("linear", &[&components, &other]);
    let wanted = "parts is a folder of components, which one file cannot hold: give a folder as \
                  output (a name that ends in /)";
    assert_eq!(work.refused(), wanted);
    work.options.shard_bytes = Some(100);
    let wanted = "--max-shard-size makes several files: give a folder as output (a name that ends \
                  in /)";
    assert_eq!(work.refused(), wanted);
    work.output = Output::Folder;
    let wanted = "--max-shard-size does not apply to parts, a folder of components: leave it out";
    assert_eq!(work.refused(), wanted);
}

#[test]
fn what_is_refused_is_refused_by_every_policy_that_does_not_allow_it() {
    let lacking: Vec<_> = ENTRIES
        .iter()
        .filter(|entry| entry.0 != "c")
        .copied()
        .collect();
    let mut other = lacking.clone();
    other[1].2 = &[8];
    let one = Model::new("one", ENTRIES);
    for missing in [Missing::Skip, Missing::Base] {
        let options = Options {
            missing,
            ..Options::default()
        };
        let two = Model::new("two", &lacking);
        let work = Work {
            options: options.clone(),
            ..Work::new("linear", &[&one, &two])
        };
        assert!(work.plan().is_ok(), "{missing:?}");
        // Shapes are no matter of missing tensors.
        let two = Model::new("two", &other);
        let work = Work {
            options,
            ..Work::new("linear", &[&one, &two])
        };
        assert!(
            work.refused()
                .starts_with("two.safetensors has 1 tensor of another"),
            "{missing:?}"
        );
    }
}

#[test]
fn a_tensor_that_is_copied_needs_no_counterpart_of_its_form() {
    let mut other = ENTRIES.to_vec();
    other[1].2 = &[9];
    other[4].2 = &[7];
    let (one, two) = (Model::new("one", ENTRIES), Model::new("two", &other));
    let mut work = Work::new("linear", &[&one, &two]);
    work.options.filter = Filter::new(&[], &["^b$".into()]).expect("a filter");
    let plan = work.planned();
    assert_eq!((plan.report.merged, plan.report.copied), (3, 2));
    let other = [("a", BF16, &[3, 5][..]), ("b", F32, &[4]), ("c", F16, &[4])];
    let (one, two) = (Model::new("one", &ENTRIES[..3]), Model::new("two", &other));
    let plan = Work::new("linear", &[&one, &two]).planned();
    let mismatched = &plan.report.models[1].mismatched;
    let text: Vec<_> = mismatched
        .iter()
        .map(|m| format!("{}: {} {} {}", m.key, m.expected, m.found, m.shape))
        .collect();
    assert_eq!(
        text,
        [
            "a: F16 [3, 5] BF16 [3, 5] false",
            "b: F16 [4] F32 [4] false"
        ]
    );
}
