//! What is read for a tensor: no more than its arithmetic needs.

use wgmerge::dtype::DType::{BF16, F16, F32, I64};
use wgmerge::keys::Filter;
use wgmerge::plan::{Action, Bytes, Job, Plan};
use wgmerge::recipe::{Missing, OnNan};

use super::{DATA_START, Entry, Model, Work};

const ENTRIES: &[Entry<'_>] = &[("a", F16, &[3, 5]), ("b", F32, &[4]), ("ids", I64, &[2])];

#[track_caller]
fn job<'a>(plan: &'a Plan, key: &str) -> &'a Job {
    let job = plan.jobs.iter().find(|job| job.key == key);
    job.expect("a job of this name")
}

/// The models that a job reads.
fn reads(job: &Job) -> Vec<usize> {
    job.inputs()
        .iter()
        .map(|input| input.model().index())
        .collect()
}

#[test]
fn a_model_of_no_weight_is_not_read() {
    let models: Vec<Model> = ["one", "two", "three"]
        .map(|name| Model::new(name, ENTRIES))
        .into();
    let models: Vec<&Model> = models.iter().collect();
    for (method, parameters, wanted) in [
        ("linear", &["weight=0.5,0,0.5"][..], &[0, 2][..]),
        ("linear", &["weight=0.2,0.3,0.5"], &[0, 1, 2]),
        ("linear", &["weight=1,0,0"], &[0]),
        ("task_arithmetic", &["weight=0.7,0"], &[0, 1]),
        // Where the weights add up to one, the base cancels out.
        ("task_arithmetic", &["weight=1,0"], &[1]),
    ] {
        let work = Work {
            parameters,
            ..Work::new(method, &models)
        };
        let plan = work.planned();
        let a = job(&plan, "a");
        assert_eq!(reads(a), wanted, "{method} {parameters:?}");
        assert_eq!(a.input_bytes(), 30 * wanted.len() as u64);
        assert_eq!(reads(job(&plan, "ids")), [0]);
        let read = wanted.len() as u64 * (30 + 16) + 16;
        let range = plan.summary().bytes_read;
        let found = (range.least, range.most);
        assert_eq!(found, (read, Some(read)), "{method} {parameters:?}");
    }
}

#[test]
fn inputs_lie_where_the_headers_say() {
    let other: &[Entry<'_>] = &[("ids", I64, &[2]), ("b", BF16, &[4]), ("a", F32, &[3, 5])];
    let (one, two) = (Model::new("one", ENTRIES), Model::new("two", other));
    let plan = Work::new("linear", &[&one, &two]).planned();
    let places = |key| -> Vec<_> {
        let inputs = job(&plan, key).inputs().iter().cloned();
        inputs
            .map(|i| match i.bytes {
                Bytes::Run {
                    model,
                    file,
                    offset,
                } => (model.index(), file, offset - DATA_START, i.element_bytes),
                other => panic!("{key} is read as {other:?}"),
            })
            .collect()
    };
    assert_eq!(places("a"), [(0, 0, 0, 2), (1, 0, 24, 4)]);
    assert_eq!(places("b"), [(0, 0, 30, 4), (1, 0, 16, 2)]);
    assert_eq!(places("ids"), [(0, 0, 46, 8)]);
}

#[test]
fn a_tensor_that_a_model_lacks() {
    let two = Model::new("two", &[ENTRIES[0], ENTRIES[2], ("z", F16, &[6])]);
    let (base, one) = (Model::new("base", ENTRIES), Model::new("one", ENTRIES));
    let planned = |missing| {
        let mut work = Work {
            parameters: &["lambda=0.5", "weight=0.5,1"],
            ..Work::new("task_arithmetic", &[&base, &one, &two])
        };
        work.options.missing = missing;
        work.planned()
    };
    let skip = planned(Missing::Skip);
    assert_eq!(reads(job(&skip, "a")), [0, 1, 2]);
    assert_eq!(reads(job(&skip, "b")), [0, 1]);
    assert_eq!(reads(job(&skip, "z")), [2]);
    assert_eq!((job(&skip, "z").bytes, skip.jobs.len()), (12, 4));
    let base = planned(Missing::Base);
    assert_eq!(reads(job(&base, "b")), [0, 1]);
    assert!(base.jobs.iter().all(|job| job.key != "z"));
    let account = &base.report.models[2];
    assert_eq!(
        (account.missing.as_slice(), account.extra.as_slice()),
        (&["b".to_owned()][..], &["z".to_owned()][..],)
    );
}

#[test]
fn tensors_that_the_filter_leaves_out_are_copied() {
    let (one, two) = (Model::new("one", ENTRIES), Model::new("two", ENTRIES));
    let mut work = Work::new("linear", &[&one, &two]);
    work.options.filter = Filter::new(&[], &["^a$".into()]).expect("a filter");
    let plan = work.planned();
    assert!(matches!(job(&plan, "a").action, Action::Copy(_)));
    assert!(matches!(job(&plan, "b").action, Action::Merge { .. }));
    assert_eq!((plan.report.merged, plan.report.copied), (1, 2));
}

#[test]
fn the_base_that_stands_in_for_infinities_is_read_once() {
    let (base, one) = (Model::new("base", ENTRIES), Model::new("one", ENTRIES));
    for on_nan in [OnNan::Error, OnNan::Keep, OnNan::Zero, OnNan::Base] {
        let mut work = Work {
            parameters: &["lambda=0.5"],
            ..Work::new("task_arithmetic", &[&base, &one])
        };
        work.options.on_nan = on_nan;
        assert_eq!(reads(job(&work.planned(), "a")), [0, 1], "{on_nan:?}");
    }
}

#[test]
fn tensors_of_one_arithmetic_share_a_class() {
    let names: Vec<String> = (0..40).map(|n| format!("layer.{n}")).collect();
    let entries = names.iter().enumerate();
    let entries: Vec<Entry<'_>> = entries
        .map(|(n, name)| {
            (
                name.as_str(),
                if n % 2 == 0 { F16 } else { F32 },
                &[8, 9][..],
            )
        })
        .collect();
    let (base, one) = (Model::new("base", &entries), Model::new("one", &entries));
    let plan = Work {
        parameters: &["density=0.5"],
        ..Work::new("ties", &[&base, &one])
    }
    .planned();
    assert_eq!(plan.classes.len(), 2);
    assert_eq!(
        plan.summary()
            .programs
            .iter()
            .map(|p| p.tensors)
            .collect::<Vec<_>>(),
        [20, 20]
    );
}
