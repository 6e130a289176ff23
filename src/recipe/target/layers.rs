//! Which weights stay in high precision when others are stored as codes.
//!
//! Converters leave out layers that suffer most: embeddings, norms, heads, and what a family of
//! models has at its ends. The lists are those of convert-to-quant 1.3.4, whose names they have; a
//! weight stays where its name holds one of the words.

use crate::recipe::Pattern;

/// Which weights stay in high precision.
#[derive(Clone, Debug)]
pub struct Layers {
    preset: &'static Preset,
    /// Further ones, by their names.
    named: Vec<Pattern>,
}

impl PartialEq for Layers {
    fn eq(&self, other: &Layers) -> bool {
        self.preset == other.preset && self.patterns().eq(other.patterns())
    }
}

/// A list of words.
#[derive(Debug, PartialEq, Eq)]
struct Preset {
    name: &'static str,
    /// Whether the usual words count too.
    usual: bool,
    words: &'static [&'static str],
}

/// What every family of models keeps.
const USUAL: &[&str] = &[
    "norm",
    "bias",
    "embed_tokens",
    "embed_positions",
    "word_embeddings",
    "position_embedding",
    "token_embedding",
    "wte.",
    "wpe.",
    "lm_head",
    "shared.",
    "patch_embedding",
    "ref_conv",
    "control_adapter",
    "motion_encoder.enc.net_app",
    "face_encoder.conv",
    "motion_encoder.enc.fc",
    "img_emb.proj",
    "motion_encoder.dec",
    "head.modulation",
    "casual_audio_encoder",
    "cond_encoder",
    "frame_packer",
    "tekken_model",
    "multi_modal_projector",
    "patch_conv",
    "ln_pre",
    "mm_input_projection_weight",
    "mlp.gate.",
    "img_in.",
    "txt_in.",
    "time_in.",
    "vector_in.",
    "guidance_in.",
    "final_layer.",
    "time_embed",
    "label_emb.",
    "text_projection",
    "x_embedder",
    "t_embedder",
    "y_embedder",
    "patch_embed",
    "router",
];

macro_rules! presets {
    ($($name:literal $usual:literal $($word:literal)*;)*) => {
        /// Every list, the default first.
        const PRESETS: &[Preset] = &[$(Preset {
            name: $name,
            usual: $usual,
            words: &[$($word),*],
        }),*];

        impl Layers {
            /// The words for the lists, the default first.
            pub const WORDS: &'static [&'static str] = &[$($name),*];
        }
    };
}

presets! {
    "usual" true;
    "all" false;
    "flux" true "img_in" "txt_in" "time_in" "vector_in" "guidance_in" "final_layer";
    "flux2" true "stream_modulation" "guidance_in" "time_in" "final_layer" "img_in" "txt_in";
    "chroma" true "distilled_guidance_layer" "final_layer" "img_in" "txt_in";
    "radiance" true "img_in_patch" "nerf_final_layer_conv" "__x0__";
    "wan" true "text_embedding" "time_embedding" "trainable_cond_mask" "time_projection"
        "head.head" "face_encoder.out_proj" "face_adapter" "audio_injector";
    "hunyuan" true "vision_in.proj.0" "vision_in.proj.4" "img_in.proj" "cond_type_embedding";
    "qwen-image" true "time_text_embed" "img_in" "norm_out" "proj_out"
        "transformer_blocks.0.img_mod.1" "txt_in";
    "z-image" true "cap_embedder" "cap_pad_token" "x_pad_token" "x_embedder"
        "clip_text_pooled_proj" "final_layer" "adaLN_modulation" "t_embedder" "time_text_embed";
    "z-image-refiner" true "cap_embedder" "x_embedder" "final_layer" "adaLN_modulation"
        "t_embedder" "time_text_embed" "context_refiner" "noise_refiner";
    "anima" true "net.blocks.0." "net.blocks.1.adaln_modulation" "final_layer" "llm_adapter"
        "t_embedder" "x_embedder";
    "lens" true "time_text_embed" "img_in" "norm_out" "proj_out" "img_mod.1" "txt_mod.1" "txt_in";
    "ltxv2" true "scale_shift_table" "text_embedding_projection" "audio_vae"
        "audio_embeddings_connector" "adaln_single" "patchify_proj" "proj_out"
        "transformer_blocks.0." "transformer_blocks.1." "transformer_blocks.46."
        "transformer_blocks.47." "video_embeddings_connector" "vae.decoder" "vae.encoder"
        "vocoder" "to_gate_logits";
    "krea2" true "first" "last" "tmlp" "txtfusion" "tproj";
    "gemma4" true "audio" "per_layer_input_gate" "per_layer_projection" "vision";
    "qwen-vlm" true ".layers.0." "in_proj_a" "in_proj_b" "visual." "mtp.";
}

impl Default for Layers {
    fn default() -> Layers {
        Layers {
            preset: &PRESETS[0],
            named: Vec::new(),
        }
    }
}

impl Layers {
    /// The list of a word.
    pub fn from_word(word: &str) -> Option<Layers> {
        let preset = PRESETS.iter().find(|preset| preset.name == word)?;
        let named = Vec::new();
        Some(Layers { preset, named })
    }

    /// The same, with weights whose names match.
    pub fn with(self, named: Vec<Pattern>) -> Layers {
        Layers { named, ..self }
    }

    /// The patterns of further names.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.named.iter().map(Pattern::as_str)
    }

    /// The word for it.
    pub fn word(&self) -> &'static str {
        self.preset.name
    }

    /// Whether a weight stays in high precision.
    pub fn keeps(&self, name: &str) -> bool {
        let holds = |words: &[&str]| words.iter().any(|word| name.contains(word));
        let is_named = self.named.iter().any(|pattern| pattern.is_match(name));
        is_named || holds(self.preset.words) || self.preset.usual && holds(USUAL)
    }
}
