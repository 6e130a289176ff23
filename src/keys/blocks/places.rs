//! The block of every tensor of a checkpoint, for reports.

use super::OTHERS;
use super::depth::{COMPANIONS, Depths};
use super::family::{BlockMap, Family};

/// What whole checkpoints of images hold several of: parts of a name that tell them apart.
const SEVERAL: &[(&str, usize)] = &[("conditioner.", 3), ("text_encoders.", 2)];

/// For each name its block: one that has a name in its family, else the layer of its stack, else
/// the model beside the network that it belongs to, else `others`.
pub fn places(keys: &[&str]) -> Vec<String> {
    let found = Family::recognise(None, keys).map(BlockMap::mecha);
    let named = found.and_then(|map| Some((map.names(), map.places(keys).ok()?)));
    let layers = Depths::of(keys);
    let place = |(at, key): (usize, &&str)| {
        // Where there is nothing but companions, they are the network and have layers.
        let layer = || {
            let layer = layers.as_ref()?.layers[at].as_ref()?;
            Some(format!("{}{}", layer.stack, layer.number))
        };
        let block = || {
            let (names, places) = named.as_ref()?;
            Some(names[places[at]?].clone())
        };
        let beside = companion(key).filter(|_| layer().is_none());
        let beside = beside.map(str::to_owned);
        let found = beside.or_else(block).or_else(layer);
        found.unwrap_or_else(|| OTHERS.to_owned())
    };
    keys.iter().enumerate().map(place).collect()
}

/// The model beside the network that a tensor belongs to.
fn companion(key: &str) -> Option<&str> {
    let companion = COMPANIONS.iter().find(|start| key.starts_with(**start))?;
    let several = SEVERAL.iter().find(|(start, _)| start == companion);
    let parts = several.map_or(1, |(_, parts)| *parts);
    let dots = key.match_indices('.');
    let end = dots.map(|(at, _)| at).nth(parts - 1);
    Some(&key[..end.unwrap_or(key.len())])
}
