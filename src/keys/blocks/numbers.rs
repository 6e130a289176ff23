//! Lists of numbers as supermerger has them: how many a family takes, and which block each is.

use super::BlockError;
use super::family::{BlockMap, Family};

/// How many numbers a list may have, whatever the family.
pub(super) const COUNTS: [usize; 4] = [20, 21, 26, 61];

/// The blocks of a family and their weights, from a list of numbers. `what` names the list.
pub(super) fn fit(
    values: &[f64],
    what: &str,
    family: Family,
    notes: &mut Vec<String>,
) -> Result<(BlockMap, Vec<f64>), BlockError> {
    let map = BlockMap::supermerger(family);
    let count = values.len();
    let (map, weights, note) = match (family, count) {
        (Family::Sd1, 26) | (Family::Flux, 61) => (
            map,
            values.to_vec(),
            format!("{count} values read as {family} blocks"),
        ),
        (Family::Sdxl, 20) => {
            let note = "20 values read as SDXL blocks: the VAE goes with BASE".to_owned();
            (map, values.to_vec(), note)
        }
        (Family::Sdxl, 21) => {
            let note = "21 values read as SDXL blocks: the last is the VAE's".to_owned();
            (BlockMap::supermerger_vae(family), values.to_vec(), note)
        }
        (Family::Sdxl, 26) => {
            let note = "26 values on SDXL: IN09-IN11 and OUT09-OUT11 are not used".to_owned();
            (map, [&values[..10], &values[13..23]].concat(), note)
        }
        _ => {
            return Err(BlockError::CountOfFamily {
                what: what.to_owned(),
                family: family.label(),
                wanted: match family {
                    Family::Sd1 => "26 numbers (BASE, IN00-IN11, M00, OUT00-OUT11)",
                    Family::Sdxl => {
                        "20 numbers (BASE, IN00-IN08, M00, OUT00-OUT08), 21 with the VAE's, or a \
                         list of 26 for SD1/2"
                    }
                    Family::Flux => "61 numbers (CLIP, T5, IN, D00-D18, S00-S37, OUT)",
                },
            });
        }
    };
    notes.push(note);
    Ok((map, weights))
}
