//! Which tensors have a row for each token.

/// Names of modules that embed and do not say so.
const EMBEDDINGS: [&str; 3] = ["wte", "wpe", "shared"];
/// Names of modules that make a logit of each token.
const HEADS: [&str; 5] = ["lm_head", "embed_out", "output", "head", "output_layer"];
/// Parts of names of modules that embed something else than tokens.
const OTHERS: [&str; 8] = [
    "pos", "wpe", "type", "patch", "rotary", "rope", "time", "image",
];

/// What the name of a tensor says of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Embedding,
    Head,
}

fn kind(name: &str) -> Option<Kind> {
    let mut parts = name.rsplit('.');
    let end = parts.next()?;
    let module = match end {
        "weight" | "bias" => parts.next()?,
        own => own,
    };
    if HEADS.contains(&module) {
        return Some(Kind::Head);
    }
    let others = OTHERS.iter().any(|other| module.contains(other));
    (embeds(module) && !others).then_some(Kind::Embedding)
}

/// Whether a part of a tensor's name says that it embeds something.
pub fn embeds(part: &str) -> bool {
    part.contains("emb") || EMBEDDINGS.contains(&part)
}

/// Whether a tensor embeds tokens, by its name.
pub fn embeds_tokens(name: &str) -> bool {
    kind(name) == Some(Kind::Embedding)
}

/// Whether a tensor makes the logits of a model, by its name: what is numbered is a part of a
/// layer.
pub fn is_head(name: &str) -> bool {
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    kind(name) == Some(Kind::Head) && !name.split('.').any(is_number)
}

/// How many rows a model's matrices have for tokens: as many as its configuration says, if an
/// embedding has so many, else those of the first embedding; None where there is none.
pub fn vocabulary_rows<'t>(
    tensors: impl Iterator<Item = (&'t str, &'t [u64])> + Clone,
    said: Option<u64>,
) -> Option<u64> {
    let matrices = tensors.filter_map(|(name, shape)| match (kind(name), shape) {
        (Some(kind), [rows, _]) => Some((kind, *rows)),
        _ => None,
    });
    let said = said.filter(|said| matrices.clone().any(|(_, rows)| rows == *said));
    let of = |wanted: Kind| {
        let mut own = matrices.clone().filter(move |(kind, _)| *kind == wanted);
        own.next().map(|(_, rows)| rows)
    };
    said.or_else(|| of(Kind::Embedding))
        .or_else(|| of(Kind::Head))
}

/// Whether a tensor of a model with so many rows for tokens has one for each of them: its name says
/// that it embeds tokens or makes their logits, and it has as many rows.
pub fn has_tokens(name: &str, shape: &[u64], rows: u64) -> bool {
    let sized = shape.first() == Some(&rows);
    sized
        && match kind(name) {
            Some(Kind::Embedding) => shape.len() == 2,
            // A head may have a bias.
            Some(Kind::Head) => shape.len() <= 2,
            None => false,
        }
}
