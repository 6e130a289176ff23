//! Outputs against those of mergekit, tensor by tensor.

use std::path::Path;

use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::DType;

use super::cases::Case;
use crate::support::tensors::{bytes, tensor};

/// What a folder holds, by names.
pub struct Weights {
    checkpoint: Checkpoint,
    /// The numbers of rows for tokens, in the order in which they are wanted.
    rows: Option<Vec<usize>>,
}

impl Weights {
    pub fn open(folder: &Path) -> Weights {
        Weights {
            checkpoint: Checkpoint::open(folder).expect("a sound output"),
            rows: None,
        }
    }

    /// Has rows for tokens come in another order.
    pub fn reorder(&mut self, rows: Vec<usize>) {
        self.rows = Some(rows);
    }

    pub fn names(&self) -> Vec<String> {
        self.checkpoint.tensors().keys().cloned().collect()
    }

    pub fn has(&self, name: &str) -> bool {
        self.checkpoint.get(name).is_some()
    }

    fn dtype(&self, name: &str) -> DType {
        self.checkpoint.get(name).expect("a tensor").dtype
    }

    fn shape(&self, name: &str) -> Vec<u64> {
        self.checkpoint.get(name).expect("a tensor").shape.to_vec()
    }

    pub fn values(&self, name: &str) -> Vec<f32> {
        let values: Vec<f32> = match self.dtype(name).float() {
            Some(_) => tensor(&self.checkpoint, name),
            None => bytes(&self.checkpoint, name)
                .into_iter()
                .map(f32::from)
                .collect(),
        };
        match &self.rows {
            Some(rows) if name.contains("embed_tokens") || name.contains("lm_head") => {
                let columns = self.shape(name)[1] as usize;
                let row = |row: &usize| values[row * columns..][..columns].to_vec();
                rows.iter().flat_map(row).collect()
            }
            _ => values,
        }
    }
}

/// A tensor that mergekit fused of those of the experts, by our names.
fn experts(found: &Weights, name: &str) -> Option<Vec<f32>> {
    let (layer, part) = name.split_once(".mlp.experts.")?;
    let forms = [
        ("block_sparse_moe.experts", ["w1", "w3", "w2"]),
        ("mlp.experts", ["gate_proj", "up_proj", "down_proj"]),
    ];
    let own = |form: &(&str, [&str; 3]), expert: usize, at: usize| {
        format!("{layer}.{}.{expert}.{}.weight", form.0, form.1[at])
    };
    let form = forms.iter().find(|form| found.has(&own(form, 0, 0)))?;
    let parts: &[usize] = match part {
        "gate_up_proj" => &[0, 1],
        "down_proj" => &[2],
        _ => return None,
    };
    let count = (0..).take_while(|expert| found.has(&own(form, *expert, 0)));
    let all = count.flat_map(|expert| parts.iter().map(move |part| (expert, *part)));
    Some(
        all.flat_map(|(expert, part)| found.values(&own(form, expert, part)))
            .collect(),
    )
}

/// The name of a gate that mergekit renamed.
fn gate(found: &Weights, name: &str) -> Option<String> {
    let own = name.replace(".mlp.gate.", ".block_sparse_moe.gate.");
    found.has(&own).then_some(own)
}

/// Cases whose experts differ on purpose: here each is merged by itself, while mergekit chooses
/// among the entries of all of a layer, or turns all by one angle. `experts.rs` says what they are.
pub const EXPERTS_DIFFER: [&str; 3] = ["mixtral_ties", "qwen3moe_slerp", "dsv3_all_moe_slerp"];

/// What results in f32 differ at most, as a share of a tensor's root mean square.
const F32: f64 = 5e-6;

/// Cases of which more bits differ on purpose than the data allow, by the share that may. The
/// weights of this one, 0.5 and 0.3, put one result in eighty half-way between two values of bf16,
/// and torch adds products with one rounding where the arithmetic here has two, on every device.
const BITS: [(&str, f64); 1] = [("mixed_tensor_dtypes", 0.015)];

/// Cases with elements that differ by more than the data allow, by how many. The differences of
/// bf16 models tie at the threshold of a selection in f32, too, and torch's sort takes any of them.
const FAR: [(&str, usize); 1] = [("f32_work_bf16_out", 13)];

/// What results in narrower types differ at most.
const NARROW: f64 = 0.02;

/// Whether a tensor is a gate of random numbers, which are torch's but for the last bits.
fn is_drawn(case: &Case, name: &str) -> bool {
    let gates = [".mlp.gate.", ".mlp.shared_expert_gate."];
    case.tolerance()["except"].is_string() && gates.iter().any(|own| name.contains(own))
}

/// What is wrong with an output, if anything.
pub fn differs(case: &Case, found: &Weights, expected: &Weights) -> Result<(), String> {
    let tolerance = case.tolerance();
    let rms_share = tolerance["rel_rms"].as_f64();
    // Entries at the threshold of a selection may fall either way.
    let selects = tolerance["note"].is_string();
    let exact = case.kind() == "exact";
    let few = FAR.iter().find(|(name, _)| *name == case.name);
    let few = few.map_or(0, |(_, count)| *count);
    let (mut bits, mut all, mut beyond) = (0, 0, 0);
    for name in expected.names() {
        let fused = experts(found, &name);
        if fused.is_some() && EXPERTS_DIFFER.contains(&case.name.as_str()) {
            continue;
        }
        let values = match (found.has(&name), fused, gate(found, &name)) {
            (true, ..) => {
                let types = (found.dtype(&name), expected.dtype(&name));
                if types.0 != types.1 {
                    return Err(format!("{name}: {:?}, not {:?}", types.0, types.1));
                }
                if found.shape(&name) != expected.shape(&name) {
                    return Err(format!("{name}: another shape"));
                }
                found.values(&name)
            }
            (_, Some(values), _) => values,
            (_, _, Some(own)) => found.values(&own),
            _ => return Err(format!("{name} is missing")),
        };
        let wanted = expected.values(&name);
        let square = wanted.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
        let rms = (square / wanted.len().max(1) as f64).sqrt();
        // Bits are counted of what steps are rounded to; f32 differs by the order of its steps.
        let is_f32 = expected.dtype(&name) == DType::F32;
        let loose = is_drawn(case, &name);
        let counts = (exact || !is_f32) && !loose;
        let rms_share = if loose {
            Some(if is_f32 { F32 } else { NARROW })
        } else if is_f32 {
            rms_share.map(|share| share.min(F32))
        } else {
            rms_share
        };
        for (own, wanted) in values.iter().zip(&wanted) {
            all += 1;
            bits += usize::from(counts && own != wanted);
            let far = f64::from((own - wanted).abs());
            beyond += usize::from(rms_share.is_some_and(|share| far > share * rms) && !selects);
            if beyond > few {
                return Err(format!("{name}: {own}, not {wanted}, rms {rms}"));
            }
        }
    }
    let known = BITS.iter().find(|(name, _)| *name == case.name);
    let share = known
        .map(|(_, share)| *share)
        .or(tolerance["bits_share"].as_f64());
    let allowed = if exact { Some(0.0) } else { share };
    match allowed {
        Some(allowed) if bits as f64 > allowed * all as f64 => Err(format!(
            "{bits} of {all} elements differ, allowed is a share of {allowed}"
        )),
        _ => Ok(()),
    }
}

/// Tensors that are here and not in mergekit's output, but those that it fuses, renames or loses.
pub fn strays(found: &Weights, expected: &Weights) -> Vec<String> {
    let theirs = |name: &String| {
        let expert = name.contains(".experts.");
        expert || expected.has(&name.replace(".block_sparse_moe.gate.", ".mlp.gate."))
    };
    found
        .names()
        .into_iter()
        .filter(|name| !theirs(name))
        .collect()
}
