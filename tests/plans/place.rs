//! Where the tensors go: files, offsets and headers of the output.

use wgmerge::checkpoint::parse_header;
use wgmerge::dtype::DType::{BF16, F16, F32, F64, I64, U8};
use wgmerge::dtype::Float;
use wgmerge::plan::{Output, OutputId, Plan};
use wgmerge::recipe::{Metadata, Missing, Options, OutputDType};

use super::{Entry, Model, Work};

const ENTRIES: &[Entry<'_>] = &[
    ("a", F16, &[3, 5]),
    ("b", F32, &[]),
    ("c", U8, &[7]),
    ("d", I64, &[2]),
    ("e", BF16, &[0, 4]),
    ("f", F64, &[9]),
];

/// Checks that every header says what its file will hold; gives the names with their tensors.
#[track_caller]
fn files(plan: &Plan) -> Vec<(String, Vec<String>)> {
    let files = plan.files.numbered();
    let checked = files.map(|(number, file)| {
        let bytes = plan.header(OutputId::FIRST, number).expect("a header");
        assert_eq!(file.header_bytes, [bytes.len() as u64]);
        assert!(bytes.len().is_multiple_of(4096));
        let length: [u8; 8] = bytes[..8].try_into().expect("eight bytes");
        assert_eq!(u64::from_le_bytes(length) as usize + 8, bytes.len());
        let json = std::str::from_utf8(&bytes[8..]).expect("a text").trim_end();
        let header = parse_header(json.as_bytes(), file.data_bytes).expect("a sound header");
        let jobs: Vec<_> = plan
            .jobs
            .iter()
            .filter(|job| job.place.file == number)
            .collect();
        assert_eq!(
            (header.tensors.len(), file.jobs.len()),
            (jobs.len(), jobs.len())
        );
        let keys = jobs.iter().map(|job| file.key(job));
        for (job, key) in jobs.iter().zip(keys.clone()) {
            let entry = &header.tensors[key];
            assert_eq!(
                (entry.dtype, entry.shape.as_slice()),
                (job.dtype, &*job.shape),
                "{key}"
            );
            let span = job.place.offset..job.place.offset + job.bytes;
            assert_eq!(entry.span, span, "{key}");
            let element = (job.dtype.bits() / 8).max(1);
            assert!(
                job.place.offset.is_multiple_of(element),
                "{key}: not aligned"
            );
        }
        let keys = keys.map(str::to_owned).collect();
        (file.name.display().to_string(), keys)
    });
    checked.collect()
}

fn names(files: &[(String, Vec<String>)]) -> Vec<(&str, String)> {
    let files = files.iter();
    files
        .map(|(name, keys)| (name.as_str(), keys.join(" ")))
        .collect()
}

#[test]
fn wider_types_go_first_where_one_would_lie_askew() {
    let (one, two) = (Model::new("one", ENTRIES), Model::new("two", ENTRIES));
    let plan = Work::new("linear", &[&one, &two]).planned();
    assert_eq!(
        names(&files(&plan)),
        [("model.safetensors", "d f b a e c".to_owned())]
    );
    let even = [("x", F16, &[4][..]), ("y", F32, &[1]), ("z", F16, &[1])];
    let (one, two) = (Model::new("one", &even), Model::new("two", &even));
    let plan = Work::new("linear", &[&one, &two]).planned();
    assert_eq!(
        names(&files(&plan)),
        [("model.safetensors", "x y z".to_owned())]
    );
}

#[test]
fn the_output_has_the_types_asked_for() {
    let (one, two) = (Model::new("one", ENTRIES), Model::new("two", ENTRIES));
    let mut work = Work::new("linear", &[&one, &two]);
    work.options.dtype = OutputDType::Float(Float::BF16);
    let plan = work.planned();
    files(&plan);
    let dtype = |key: &str| {
        plan.jobs
            .iter()
            .find(|job| job.key == key)
            .map(|job| job.dtype)
    };
    let found: Vec<_> = ["a", "b", "c", "d", "e", "f"]
        .iter()
        .filter_map(|key| dtype(key))
        .collect();
    assert_eq!(found, [BF16, BF16, U8, I64, BF16, BF16]);
}

#[test]
fn shards_hold_as_much_as_they_may() {
    let entries: Vec<Entry<'_>> = vec![
        ("a", F32, &[10]),
        ("b", F32, &[15]),
        ("c", F32, &[1]),
        ("huge", F32, &[1000]),
        ("d", F32, &[25]),
        ("e", F32, &[1]),
    ];
    let (one, two) = (Model::new("one", &entries), Model::new("two", &entries));
    let mut work = Work::new("linear", &[&one, &two]);
    work.output = Output::Folder;
    work.options.shard_bytes = Some(100);
    let shard = |number: usize| format!("model-{number:05}-of-00005.safetensors");
    let plan = work.planned();
    let found = files(&plan);
    let wanted = ["a b", "c", "huge", "d", "e"];
    for (number, ((name, keys), wanted)) in found.iter().zip(wanted).enumerate() {
        assert_eq!(
            (name, keys.join(" ")),
            (&shard(number + 1), wanted.to_owned())
        );
        assert!(plan.files[number.into()].data_bytes <= 100 || wanted == "huge");
    }
    assert_eq!(found.len(), wanted.len());
    work.options.shard_bytes = Some(1 << 20);
    let found = files(&work.planned());
    assert_eq!(
        names(&found),
        [("model.safetensors", "a b c huge d e".to_owned())]
    );
}

#[test]
fn a_folder_comes_out_as_the_reference_is() {
    let first: &[Entry<'_>] = &[("a", F16, &[4]), ("b", F16, &[4])];
    let files_of = [
        ("m-1.safetensors", first),
        ("m-2.safetensors", &[("c", F16, &[4])]),
    ];
    let reference = Model::folder("reference", &files_of);
    let more = [
        ("c", F16, &[4][..]),
        ("b", F16, &[4]),
        ("a", F16, &[4]),
        ("z", F16, &[4]),
    ];
    let other = Model::new("other", &more);
    let mut work = Work::new("linear", &[&reference, &other]);
    work.output = Output::Folder;
    work.options.missing = Missing::Skip;
    let found = files(&work.planned());
    let wanted = [
        ("m-1.safetensors", "a b".to_owned()),
        ("m-2.safetensors", "c z".to_owned()),
    ];
    assert_eq!(names(&found), wanted);
    work.output = Output::File;
    assert_eq!(files(&work.planned()).len(), 1);
}

#[test]
fn components_keep_their_folders_and_lose_their_prefix() {
    let components: [(&str, &[Entry<'_>]); 2] = [
        (
            "unet/model.safetensors",
            &[("unet/a", F16, &[4]), ("unet/b", F16, &[2])],
        ),
        ("vae/model.safetensors", &[("vae/a", F16, &[4])]),
    ];
    let one = Model::folder("one", &components);
    let two = Model::folder("two", &components);
    let mut work = Work::new("linear", &[&one, &two]);
    work.output = Output::Folder;
    let found = files(&work.planned());
    let wanted = [
        ("unet/model.safetensors", "a b".to_owned()),
        ("vae/model.safetensors", "a".to_owned()),
    ];
    assert_eq!(names(&found), wanted);
}

#[test]
fn the_header_carries_the_metadata_asked_for() {
    let mut one = Model::new("one", ENTRIES);
    one.metadata.insert("format".to_owned(), "mlx".to_owned());
    one.metadata
        .insert("author".to_owned(), "somebody".to_owned());
    let two = Model::new("two", ENTRIES);
    for (metadata, wanted) in [
        (Metadata::None, "format=pt"),
        (Metadata::Recipe, "format=pt wgmerge_recipe=…"),
        (Metadata::Full, "format=pt wgmerge_recipe=… author=somebody"),
    ] {
        let mut work = Work::new("linear", &[&one, &two]);
        work.options = Options {
            metadata,
            ..Options::default()
        };
        let plan = work.planned();
        let header = plan.header(OutputId::FIRST, 0.into()).expect("a header");
        let header = parse_header(&header[8..], plan.files[0.into()].data_bytes);
        let entries = header.expect("a sound header").metadata.into_iter();
        let text = |(name, value): (String, String)| match name.as_str() {
            "wgmerge_recipe" => format!("{name}=…"),
            _ => format!("{name}={value}"),
        };
        assert_eq!(entries.map(text).collect::<Vec<_>>().join(" "), wanted);
    }
}
