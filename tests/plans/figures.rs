//! The summary as `wgmerge plan` prints it, whole, and its figures.

use wgmerge::dtype::DType::{BF16, F16, F32, I64};
use wgmerge::plan::Output;
use wgmerge::recipe::Missing;

use super::{Entry, Model, Work, device};

const GIB: u64 = 1 << 30;

/// A small transformer with one tensor of 2 GB.
const ENTRIES: &[Entry<'_>] = &[
    ("embed.weight", BF16, &[50_000, 1024]),
    ("layer.weight", BF16, &[4096, 1024]),
    ("norm.weight", F32, &[1024]),
    ("position_ids", I64, &[1, 77]),
    ("vast.weight", BF16, &[1000, 1_000_000]),
];

/// Compares with the committed text; `WGMERGE_BLESS=1` renews it.
#[track_caller]
fn golden(name: &str, work: &Work<'_>) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/plans");
    let path = std::path::Path::new(folder).join(format!("{name}.txt"));
    let text = work.planned().summary().to_string();
    if std::env::var_os("WGMERGE_BLESS").is_some() {
        std::fs::write(&path, &text).expect("the text can be written");
    }
    let committed = std::fs::read_to_string(&path).expect("the text can be read");
    assert!(
        text == committed,
        "{name}: committed\n{committed}\nnow\n{text}"
    );
}

#[test]
fn an_average() {
    let (one, two) = (Model::new("one", ENTRIES), Model::new("two", ENTRIES));
    golden("linear", &Work::new("linear", &[&one, &two]));
}

#[test]
fn tensors_larger_than_memory_are_surveyed() {
    let models = ["base", "one", "two"].map(|name| Model::new(name, ENTRIES));
    let models: Vec<&Model> = models.iter().collect();
    let work = Work {
        parameters: &["density=0.2"],
        ..Work::new("ties", &models)
    };
    golden("ties", &work);
    let work = Work {
        parameters: &["density=0.2", "scope=model"],
        ..work
    };
    golden("ties-model", &work);
}

#[test]
fn a_device_with_small_buffers() {
    let (one, two) = (Model::new("one", ENTRIES), Model::new("two", ENTRIES));
    let mut work = Work::new("slerp", &[&one, &two]);
    work.limits.memory = 2 * GIB;
    work.limits.device = device(128 << 20);
    golden("slerp-device", &work);
}

#[test]
fn models_that_differ() {
    let one = Model::new("one", &ENTRIES[..4]);
    let two = [
        ("norm.weight", F16, &[1024][..]),
        ENTRIES[0],
        ENTRIES[3],
        ("head", F16, &[8]),
    ];
    let two = Model::new("two", &two);
    let mut work = Work::new("linear", &[&one, &two]);
    work.output = Output::Folder;
    work.options.missing = Missing::Skip;
    work.options.shard_bytes = Some(50_000_000);
    golden("shards-skip", &work);
}

#[test]
fn figures_add_up() {
    let models = ["base", "one", "two"].map(|name| Model::new(name, &ENTRIES[..4]));
    let models: Vec<&Model> = models.iter().collect();
    let merged = 2 * (50_000 + 4096) * 1024 + 4 * 1024;
    // The vector is small enough that one reading serves all statistics.
    let (vector, large) = (3 * 4 * 1024, [50_000 * 1024, 4096 * 1024]);
    for (method, parameters, statistics) in [
        ("linear", &[][..], false),
        ("ties", &["density=0.2"], true),
        ("ties", &[], false),
    ] {
        let plan = Work {
            parameters,
            ..Work::new(method, &models)
        }
        .planned();
        let summary = plan.summary();
        // With a density below 1 each tensor is read for its thresholds, one for each of two
        // models, and again to be merged. A large one is sampled before; where the sample misleads
        // it is counted up to four times and looked through for the ends of ties, then tile by
        // tile.
        let once = 3 * merged + 77 * 8;
        let sampled = large.map(|elements| {
            let sample = (elements / 128).clamp(1 << 16, 1 << 19);
            3 * 2 * (sample + 2 * 2 * 1024)
        });
        let wanted = match statistics {
            false => (once, Some(once)),
            true => (
                once + 3 * merged,
                Some(once + (3 * merged - vector) * 6 + sampled.iter().sum::<u64>() + vector),
            ),
        };
        let found = (summary.bytes_read.least, summary.bytes_read.most);
        assert_eq!(found, wanted, "{method} {parameters:?}");
        let header = plan.files[0.into()].header_bytes[0];
        assert_eq!(summary.bytes_written, header + merged + 77 * 8);
        assert_eq!((summary.merged, summary.copied, summary.tensors), (3, 1, 4));
        let json = serde_json::to_value(&summary).expect("a summary");
        assert_eq!(json["bytes_read"]["least"], wanted.0);
        assert_eq!(json["keys"]["models"].as_array().map(Vec::len), Some(3));
    }
}
