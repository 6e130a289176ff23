//! `--clip`, `--lora`, `--vae` and `--drop` on a recipe.

use super::args::AdditionArgs;
use crate::recipe::Recipe;

/// The recipe with what the flags do to its result, in this order: bounds, adapters, VAE,
/// omissions.
pub(super) fn added(mut recipe: Recipe, args: &AdditionArgs) -> Recipe {
    if args.clip {
        recipe.add_clip();
    }
    for lora in &args.lora {
        recipe.add_lora(lora.path.clone(), lora.strength);
    }
    if let Some(vae) = &args.vae {
        recipe.add_vae(vae.clone());
    }
    for pattern in &args.drop {
        recipe.add_drop(pattern.clone());
    }
    recipe
}
