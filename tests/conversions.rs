//! Conversions between key formats against the relations of sd-mecha's converters.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use wgmerge::keys::conversion::{conversions, find_by_id, path};
use wgmerge::keys::{Conversion, Relation, Reshape};

/// The lines of a compressed table of `tests/data`, without its head, as columns.
pub fn table(name: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name);
    let file = std::fs::File::open(&path).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    let mut text = String::new();
    GzDecoder::new(file)
        .read_to_string(&mut text)
        .expect("a compressed text");
    let lines = text.lines().skip(1).filter(|line| !line.is_empty());
    lines
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

fn sources(relation: &Relation) -> Vec<&str> {
    match relation {
        Relation::Same(name)
        | Relation::Reshaped(name, _)
        | Relation::Transposed(name)
        | Relation::Rows { source: name, .. } => vec![name],
        Relation::Joined(names) => names.iter().map(String::as_str).collect(),
    }
}

/// For each tensor of the target the tensors that it is made of.
fn expected(conversion: &Conversion) -> BTreeMap<String, Vec<String>> {
    let rows = table(&format!(
        "conversions/{}--{}.tsv.gz",
        conversion.from, conversion.to
    ));
    let split = |text: &str| -> Vec<String> { text.split('|').map(str::to_owned).collect() };
    rows.iter()
        .flat_map(|row| {
            let from = split(&row[1]);
            split(&row[0]).into_iter().map(move |to| (to, from.clone()))
        })
        .collect()
}

/// The conversions of sd-mecha that compute nothing.
fn rearranging() -> impl Iterator<Item = &'static Conversion> {
    let own = |config: &str| config.starts_with("vae") || config.ends_with("-diffusers");
    let theirs = conversions()
        .iter()
        .filter(move |conversion| !own(conversion.from) && !own(conversion.to));
    theirs.filter(|conversion| conversion.adapter().is_none())
}

#[test]
fn every_conversion_relates_what_sd_mecha_relates() {
    assert_eq!(rearranging().count(), 10);
    assert_eq!(conversions().len(), 28);
    for conversion in rearranging() {
        let expected = expected(conversion);
        assert!(!expected.is_empty());
        for (target, wanted) in &expected {
            let relation = conversion.relation(target);
            let relation = relation.unwrap_or_else(|| panic!("{}: {target}", conversion.id()));
            assert_eq!(&sources(&relation), wanted, "{}: {target}", conversion.id());
        }
    }
}

/// What sd-mecha's tables lack: the norm of the VAE's attention has no counterpart there.
#[test]
fn the_norm_of_the_attention_is_converted_too() {
    let to = find_by_id("convert_'sd1-kohya'_to_'sd1-ldm'").expect("a conversion");
    for part in ["weight", "bias"] {
        for coder in ["encoder", "decoder"] {
            let target = format!("first_stage_model.{coder}.mid.attn_1.norm.{part}");
            let source = format!("vae.{coder}.mid_block.attentions.0.group_norm.{part}");
            assert_eq!(to.relation(&target), Some(Relation::Same(source)));
        }
    }
}

#[test]
fn there_and_back_is_the_same_tensor() {
    let mut kinds = BTreeSet::new();
    for conversion in rearranging().filter(|conversion| !conversion.is_blocks()) {
        let back = path(conversion.to, conversion.from).expect("a way back");
        assert_eq!(back.len(), 1);
        for target in expected(conversion).keys() {
            let relation = conversion.relation(target).expect("a relation");
            let inverse: Vec<Relation> = sources(&relation)
                .iter()
                .map(|source| back[0].relation(source).expect("a relation back"))
                .collect();
            let kind = match (&relation, inverse.as_slice()) {
                (Relation::Same(_), [Relation::Same(name)]) if name == target => "same",
                (Relation::Transposed(_), [Relation::Transposed(name)]) if name == target => {
                    "transposed"
                }
                (
                    Relation::Reshaped(_, Reshape::AddOnes),
                    [Relation::Reshaped(name, Reshape::DropOnes)],
                )
                | (
                    Relation::Reshaped(_, Reshape::DropOnes),
                    [Relation::Reshaped(name, Reshape::AddOnes)],
                ) if name == target => "reshaped",
                (Relation::Rows { part, parts, .. }, [Relation::Joined(names)])
                    if names[*part as usize] == *target && names.len() as u64 == *parts =>
                {
                    "rows"
                }
                (Relation::Joined(_), runs) => {
                    for (number, run) in runs.iter().enumerate() {
                        let wanted = Relation::Rows {
                            source: target.clone(),
                            part: number as u64,
                            parts: runs.len() as u64,
                        };
                        assert_eq!(*run, wanted);
                    }
                    "joined"
                }
                other => panic!("{target}: {other:?}"),
            };
            kinds.insert(kind);
        }
    }
    let all = ["joined", "reshaped", "rows", "same", "transposed"];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn ways_are_the_shortest() {
    let way = |from, to| -> Option<Vec<&str>> {
        let way = path(from, to)?;
        Some(way.iter().map(|step| step.to).collect())
    };
    assert_eq!(way("sdxl-sgm", "sdxl-sgm"), Some(vec![]));
    assert_eq!(way("sd1-kohya", "sd1-ldm"), Some(vec!["sd1-ldm"]));
    assert_eq!(
        way("sdxl-kohya", "sdxl-kohya_but_diffusers"),
        Some(vec!["sdxl-sgm", "sdxl-kohya_but_diffusers"])
    );
    assert_eq!(way("sd1-ldm", "sdxl-sgm"), None);
    assert_eq!(way("sd1-ldm", "sd1-supermerger_blocks"), None);
}

#[test]
fn names_that_are_no_tensors_have_no_relation() {
    for conversion in conversions()
        .iter()
        .filter(|conversion| !conversion.is_blocks())
    {
        for name in ["", "x", "position_ids", "vae.encode.down_blocks.9.x"] {
            assert_eq!(conversion.relation(name), None, "{name}");
        }
        assert_eq!(find_by_id(&conversion.id()), Some(conversion));
    }
}

/// sd-mecha 1.1.8: `f"model_ema.{k[len('model.'):].replace('.', '')}"`.
#[test]
fn averages_change_places_with_weights() {
    let configs = wgmerge::keys::Configs::default();
    let config = configs.find("sd1-ldm").expect("a config");
    let exchange = find_by_id("exchange_ema_'sd1-ldm'").expect("an exchange");
    assert_eq!(find_by_id("exchange_ema"), Some(exchange));
    let mut exchanged = 0;
    for (name, _) in config.keys() {
        let Some(Relation::Same(other)) = exchange.relation(name) else {
            panic!("{name}");
        };
        let back = exchange.relation(&other);
        assert_eq!(back, Some(Relation::Same(name.to_owned())));
        if let Some(own) = name.strip_prefix("model.") {
            assert_eq!(other, format!("model_ema.{}", own.replace('.', "")));
            exchanged += 1;
        }
    }
    assert_eq!(exchanged, 686);
    let lost = config
        .keys()
        .filter(|(name, _)| name.starts_with("first_stage_model."));
    for (name, _) in lost {
        assert_eq!(
            exchange.relation(name),
            Some(Relation::Same(name.to_owned()))
        );
    }
}
