//! Cards of outputs that are files: beside them, as `out.md` of `out.safetensors`.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::out;
use crate::checkpoint::FileIdentity;
use crate::merge::{Merge, Report};
use crate::plan::OutputId;

/// Where the cards of a merge's outputs go, one for each; none where they are folders, which have
/// theirs inside, or where nobody asked.
pub(super) struct Cards(Vec<PathBuf>);

impl Cards {
    /// The cards that `asked` for, at places where they may be written.
    ///
    /// # Errors
    /// Where something is there already, unless it may be replaced, and where it is read for the
    /// merge.
    pub(super) fn of(
        merge: &Merge,
        asked: bool,
        reads: &[PathBuf],
        overwrite: bool,
    ) -> Result<Cards, Failure> {
        if !asked || merge.is_folder() {
            return Ok(Cards(Vec::new()));
        }
        let outputs = merge.outputs().iter();
        let places: Vec<PathBuf> = outputs.map(|output| output.with_extension("md")).collect();
        for place in places.iter().filter(|place| place.exists()) {
            let name = out::escape(&place.display().to_string()).into_owned();
            if FileIdentity::of(place).is_ok_and(|own| is_read(&own, reads)) {
                return Err(Failure::input(format!(
                    "--card: {name} is read for the merge: give the output another name"
                )));
            }
            if !overwrite || !place.is_file() {
                return Err(Failure::input(format!(
                    "--card: {name} already exists; choose another name for the output, or pass \
                     --force to overwrite a file"
                )));
            }
        }
        Ok(Cards(places))
    }

    /// Writes them, of what was found.
    ///
    /// # Errors
    /// Where the system refuses.
    pub(super) fn write(&self, merge: &Merge, report: &Report) -> Result<(), Failure> {
        for (number, place) in self.0.iter().enumerate() {
            let text = merge.card(report, OutputId::new(number));
            std::fs::write(place, text).map_err(|fault| {
                let name = place.display().to_string();
                Failure::Run(format!("cannot write {}: {fault}", out::escape(&name)))
            })?;
        }
        Ok(())
    }
}

fn is_read(own: &FileIdentity, reads: &[PathBuf]) -> bool {
    let same = |path: &Path| FileIdentity::of(path).is_ok_and(|read| read == *own);
    reads.iter().any(|path| same(path))
}
