//! What is left when codes were found: entries that belong to a layer of another convention, and
//! entries whose codes are not there.

use std::collections::HashSet;

use super::coded::{Coded, Convention};
use super::fault::{ConventionError, Stop};
use super::scan::Scan;

/// What entries are called that belong to codes, and by whom.
const TAILS: [(&str, Convention); 9] = [
    (".weight_scale", Convention::Scaled),
    (".weight_scale_2", Convention::ModelOpt),
    (".weight_scale_inv", Convention::BlockFp8),
    (".scale_weight", Convention::ScaledFp8),
    (".weight_global_scale", Convention::Compressed),
    (".weight_s_rel", Convention::Comfy),
    (".weight_s_channel", Convention::Comfy),
    (".weight.absmax", Convention::Bitsandbytes),
    (".SCB", Convention::Bitsandbytes),
];

/// Refuses entries that are left over beside codes, or without codes.
pub(super) fn check(scan: &Scan<'_, '_>) -> Result<(), Stop> {
    if scan.found.is_empty() {
        return Ok(());
    }
    let markers: HashSet<&String> = scan.markers.iter().collect();
    for key in scan.tensors.keys() {
        let told = TAILS
            .iter()
            .find_map(|(tail, convention)| Some((key.strip_suffix(tail)?, *convention)));
        let Some((stem, convention)) = told.filter(|_| !scan.is_owned(key)) else {
            continue;
        };
        let weight = format!("{stem}.weight");
        if let Some(coded) = scan.found.get(&weight) {
            return Err(ConventionError::Two {
                path: scan.said.path.to_path_buf(),
                key: coded.parts[0].clone(),
                first: coded.convention,
                first_by: shown(coded),
                second: convention,
                second_by: key.clone(),
            }
            .into());
        }
        if !markers.contains(key) && !scan.tensors.contains_key(&weight) {
            scan.need(convention, key, &weight)?;
        }
    }
    Ok(())
}

/// An entry that shows a tensor's convention.
fn shown(coded: &Coded) -> String {
    let told = coded.beside.iter().rev().chain(coded.parts.iter().skip(1));
    let mut told = told.chain(&coded.parts);
    told.next().cloned().unwrap_or_default()
}
