//! Recognises tensors that are stored as codes.
//!
//! A quantised checkpoint holds codes, and beside them what turns codes into numbers. Each
//! convention that is read finds its tensors by the names of such entries, and checks types and
//! shapes. Codes that no convention finds are refused by one table (`table`), as are element
//! types that have no arithmetic: merged as if they were numbers, they make a file that loads and
//! is wrong.

mod awq;
mod bitsandbytes;
mod block_fp8;
mod coded;
mod comfy;
mod compressed;
mod deepseek;
mod fault;
mod gpt_oss;
mod leftover;
mod legacy;
mod modelopt;
mod narrow;
mod plain;
mod said;
mod scaled;
mod scales;
mod scan;
mod settings;
mod table;

use std::collections::HashSet;

use indexmap::IndexMap;

pub use self::coded::{Coded, Convention, Described};
use self::fault::Stop;
pub use self::fault::{ConventionError, Entry};
pub use self::plain::Undecoded;
pub use self::said::{LAYERS_FIELD, Layers, Said};
use self::scan::Scan;
pub use self::settings::{Settings, quantisation, settings};
use super::CheckpointError;
use super::tensor::{TensorInfo, Tensors};

/// The tensors of a checkpoint that are stored as codes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recognised {
    /// Each by the name that it is seen by, as `layer.weight`.
    pub tensors: IndexMap<String, Coded>,
    /// Entries of no tensor, which hold nothing to merge: `scaled_fp8`, and scales that are left
    /// beside weights that are none of codes.
    pub markers: Vec<String>,
}

/// What a checkpoint's codes are, or why they are not read.
pub type Stored = Result<Recognised, Box<ConventionError>>;

/// Finds the tensors of a convention.
type Find = fn(&mut Scan<'_, '_>) -> Result<(), Stop>;

/// The conventions, each as what finds its tensors: those whose names say more come first, and
/// those behind them see what was found.
const CONVENTIONS: [Find; 10] = [
    comfy::find,
    legacy::find,
    block_fp8::find,
    compressed::find,
    modelopt::find,
    gpt_oss::find,
    bitsandbytes::find,
    awq::find,
    deepseek::find,
    scaled::find,
];

/// Recognises the tensors that are stored as codes. `read` gives the bytes of small entries, and
/// is asked for none of more than 1 MiB.
///
/// # Errors
/// Of the outer result, what `read` gives. Of the inner one, what is wrong with the codes or not
/// understood.
pub fn recognise(
    tensors: &Tensors,
    said: &Said<'_>,
    read: &mut dyn FnMut(&TensorInfo) -> Result<Vec<u8>, CheckpointError>,
) -> Result<Stored, CheckpointError> {
    match found(tensors, said, read) {
        Ok(found) => Ok(Ok(found)),
        Err(Stop::Convention(fault)) => Ok(Err(fault)),
        Err(Stop::Read(fault)) => Err(*fault),
    }
}

fn found(
    tensors: &Tensors,
    said: &Said<'_>,
    read: &mut dyn FnMut(&TensorInfo) -> Result<Vec<u8>, CheckpointError>,
) -> Result<Recognised, Stop> {
    let mut scan = Scan::new(tensors, said, read);
    for find in CONVENTIONS {
        find(&mut scan)?;
    }
    narrow::find(&mut scan)?;
    leftover::check(&scan)?;
    let markers: HashSet<&str> = scan.markers.iter().map(String::as_str).collect();
    let is_told = |key: &str| scan.is_owned(key) || markers.contains(key);
    plain::check(tensors, said, &is_told).map_err(ConventionError::from)?;
    Ok(Recognised {
        tensors: scan.found,
        markers: scan.markers,
    })
}
