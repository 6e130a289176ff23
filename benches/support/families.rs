//! Key sets of real model families, as patterns.
//!
//! Promise: the names and shapes of the published checkpoints, tensor for tensor. Method: the loops
//! that the models' own constructors run, over a few numbers per family, so that the tiny variant
//! is the same key set at other widths.

/// How an element of a tensor is distributed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Normal around 0, as in projections, convolutions and biases.
    Weight,
    /// Normal around 1, as in the scales of normalisation layers.
    Scale,
    /// The element's own index, the same in every model; stored as I64.
    Index,
}

/// One tensor of a checkpoint that is to be generated.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// The key in the state dict.
    pub name: String,
    /// The shape, outermost dimension first.
    pub shape: Vec<usize>,
    /// The distribution of the values.
    pub kind: Kind,
}

impl Tensor {
    /// The number of elements.
    pub fn elements(&self) -> u64 {
        self.shape.iter().map(|&n| n as u64).product()
    }
}

/// A state dict under construction.
#[derive(Default)]
struct Keys(Vec<Tensor>);

impl Keys {
    fn push(&mut self, name: String, shape: &[usize], kind: Kind) {
        let shape = shape.to_vec();
        self.0.push(Tensor { name, shape, kind });
    }

    /// A weight without a bias.
    fn weight(&mut self, layer: &str, shape: &[usize]) {
        self.push(format!("{layer}.weight"), shape, Kind::Weight);
    }

    /// A weight with a bias over its outermost dimension.
    fn layer(&mut self, layer: &str, shape: &[usize]) {
        self.weight(layer, shape);
        self.push(format!("{layer}.bias"), &shape[..1], Kind::Weight);
    }

    /// A square convolution with a bias.
    fn conv(&mut self, layer: &str, out: usize, input: usize, side: usize) {
        self.layer(layer, &[out, input, side, side]);
    }

    /// A normalisation layer with a scale and a bias.
    fn norm(&mut self, layer: &str, width: usize) {
        self.push(format!("{layer}.weight"), &[width], Kind::Scale);
        self.push(format!("{layer}.bias"), &[width], Kind::Weight);
    }

    /// A normalisation layer that has a scale only.
    fn scale(&mut self, layer: &str, width: usize) {
        self.push(format!("{layer}.weight"), &[width], Kind::Scale);
    }
}

/// The widths of a Stable Diffusion 1.x checkpoint.
#[derive(Clone, Copy, Debug)]
pub struct Sd1 {
    /// Channels of the UNet's first level; the levels have 1, 2, 4 and 4 times as many.
    pub unet: usize,
    /// Channels of the VAE's first level, with the same multiples.
    pub vae: usize,
    /// Width of the text encoder, and so of the cross attention's keys and values.
    pub clip: usize,
    /// Number of tokens in the text encoder's vocabulary.
    pub vocabulary: usize,
}

impl Sd1 {
    /// Stable Diffusion 1.5: 1,066,235,307 parameters in 1,130 tensors.
    pub const FULL: Self = Self {
        unet: 320,
        vae: 128,
        clip: 768,
        vocabulary: 49408,
    };
    /// The same keys at widths that make 654,091 parameters of them.
    pub const TINY: Self = Self {
        unet: 8,
        vae: 4,
        clip: 12,
        vocabulary: 64,
    };

    /// The state dict in its original (`ldm`) naming. `position_ids` adds the I64 buffer that
    /// checkpoints saved with older versions of transformers carry as tensor number 1,131.
    pub fn tensors(&self, position_ids: bool) -> Vec<Tensor> {
        let mut keys = Keys::default();
        self.clip(&mut keys);
        if position_ids {
            let name = "cond_stage_model.transformer.text_model.embeddings.position_ids";
            keys.push(name.to_owned(), &[1, 77], Kind::Index);
        }
        self.vae_half(&mut keys, "first_stage_model.encoder");
        self.vae_half(&mut keys, "first_stage_model.decoder");
        keys.conv("first_stage_model.quant_conv", 8, 8, 1);
        keys.conv("first_stage_model.post_quant_conv", 4, 4, 1);
        self.unet(&mut keys);
        keys.0
    }

    fn clip(&self, keys: &mut Keys) {
        let (root, width) = ("cond_stage_model.transformer.text_model", self.clip);
        keys.weight(
            &format!("{root}.embeddings.token_embedding"),
            &[self.vocabulary, width],
        );
        keys.weight(
            &format!("{root}.embeddings.position_embedding"),
            &[77, width],
        );
        for i in 0..12 {
            let layer = format!("{root}.encoder.layers.{i}");
            for projection in ["q_proj", "k_proj", "v_proj", "out_proj"] {
                keys.layer(&format!("{layer}.self_attn.{projection}"), &[width, width]);
            }
            keys.norm(&format!("{layer}.layer_norm1"), width);
            keys.norm(&format!("{layer}.layer_norm2"), width);
            keys.layer(&format!("{layer}.mlp.fc1"), &[4 * width, width]);
            keys.layer(&format!("{layer}.mlp.fc2"), &[width, 4 * width]);
        }
        keys.norm(&format!("{root}.final_layer_norm"), width);
    }

    /// The encoder or the decoder: the same parts, the decoder with one more block per level and
    /// the levels' order of widths reversed.
    fn vae_half(&self, keys: &mut Keys, root: &str) {
        let widths = [1, 2, 4, 4].map(|multiple| multiple * self.vae);
        let (top, deep) = (widths[0], widths[3]);
        if root.ends_with("encoder") {
            keys.conv(&format!("{root}.conv_in"), top, 3, 3);
            let mut input = top;
            for (level, width) in widths.into_iter().enumerate() {
                for block in 0..2 {
                    vae_block(
                        keys,
                        &format!("{root}.down.{level}.block.{block}"),
                        input,
                        width,
                    );
                    input = width;
                }
                if level < 3 {
                    keys.conv(
                        &format!("{root}.down.{level}.downsample.conv"),
                        width,
                        width,
                        3,
                    );
                }
            }
            keys.norm(&format!("{root}.norm_out"), deep);
            keys.conv(&format!("{root}.conv_out"), 8, deep, 3);
        } else {
            keys.conv(&format!("{root}.conv_in"), deep, 4, 3);
            let mut input = deep;
            for (level, width) in widths.into_iter().enumerate().rev() {
                for block in 0..3 {
                    vae_block(
                        keys,
                        &format!("{root}.up.{level}.block.{block}"),
                        input,
                        width,
                    );
                    input = width;
                }
                if level > 0 {
                    keys.conv(&format!("{root}.up.{level}.upsample.conv"), width, width, 3);
                }
            }
            keys.norm(&format!("{root}.norm_out"), top);
            keys.conv(&format!("{root}.conv_out"), 3, top, 3);
        }
        vae_block(keys, &format!("{root}.mid.block_1"), deep, deep);
        vae_block(keys, &format!("{root}.mid.block_2"), deep, deep);
        keys.norm(&format!("{root}.mid.attn_1.norm"), deep);
        for part in ["q", "k", "v", "proj_out"] {
            keys.conv(&format!("{root}.mid.attn_1.{part}"), deep, deep, 1);
        }
    }

    fn unet(&self, keys: &mut Keys) {
        let (root, first) = ("model.diffusion_model", self.unet);
        let widths = [1, 2, 4, 4].map(|multiple| multiple * first);
        keys.layer(&format!("{root}.time_embed.0"), &[4 * first, first]);
        keys.layer(&format!("{root}.time_embed.2"), &[4 * first, 4 * first]);
        keys.conv(&format!("{root}.input_blocks.0.0"), first, 4, 3);
        // The way down leaves its widths here, the way up takes them back from the end.
        let mut skips = vec![first];
        let mut input = first;
        for (level, width) in widths.into_iter().enumerate() {
            for _ in 0..2 {
                let block = format!("{root}.input_blocks.{}", skips.len());
                self.unet_block(keys, &format!("{block}.0"), input, width);
                if level < 3 {
                    self.transformer(keys, &format!("{block}.1"), width);
                }
                input = width;
                skips.push(width);
            }
            if level < 3 {
                let block = format!("{root}.input_blocks.{}", skips.len());
                keys.conv(&format!("{block}.0.op"), width, width, 3);
                skips.push(width);
            }
        }
        self.unet_block(keys, &format!("{root}.middle_block.0"), input, input);
        self.transformer(keys, &format!("{root}.middle_block.1"), input);
        self.unet_block(keys, &format!("{root}.middle_block.2"), input, input);
        for (number, skip) in skips.into_iter().rev().enumerate() {
            let level = 3 - number / 3;
            let (block, width) = (format!("{root}.output_blocks.{number}"), widths[level]);
            self.unet_block(keys, &format!("{block}.0"), input + skip, width);
            if level < 3 {
                self.transformer(keys, &format!("{block}.1"), width);
            }
            if level > 0 && number % 3 == 2 {
                let place = if level < 3 { 2 } else { 1 };
                keys.conv(&format!("{block}.{place}.conv"), width, width, 3);
            }
            input = width;
        }
        keys.norm(&format!("{root}.out.0"), first);
        keys.conv(&format!("{root}.out.2"), 4, first, 3);
    }

    /// A residual block that is told the time.
    fn unet_block(&self, keys: &mut Keys, root: &str, input: usize, out: usize) {
        keys.norm(&format!("{root}.in_layers.0"), input);
        keys.conv(&format!("{root}.in_layers.2"), out, input, 3);
        keys.layer(&format!("{root}.emb_layers.1"), &[out, 4 * self.unet]);
        keys.norm(&format!("{root}.out_layers.0"), out);
        keys.conv(&format!("{root}.out_layers.3"), out, out, 3);
        if input != out {
            keys.conv(&format!("{root}.skip_connection"), out, input, 1);
        }
    }

    /// Self attention, cross attention to the text and a gated feed-forward layer, between two 1×1
    /// convolutions.
    fn transformer(&self, keys: &mut Keys, root: &str, width: usize) {
        keys.norm(&format!("{root}.norm"), width);
        keys.conv(&format!("{root}.proj_in"), width, width, 1);
        keys.conv(&format!("{root}.proj_out"), width, width, 1);
        let block = format!("{root}.transformer_blocks.0");
        for (attention, source) in [("attn1", width), ("attn2", self.clip)] {
            keys.weight(&format!("{block}.{attention}.to_q"), &[width, width]);
            keys.weight(&format!("{block}.{attention}.to_k"), &[width, source]);
            keys.weight(&format!("{block}.{attention}.to_v"), &[width, source]);
            keys.layer(&format!("{block}.{attention}.to_out.0"), &[width, width]);
        }
        keys.layer(&format!("{block}.ff.net.0.proj"), &[8 * width, width]);
        keys.layer(&format!("{block}.ff.net.2"), &[width, 4 * width]);
        for norm in ["norm1", "norm2", "norm3"] {
            keys.norm(&format!("{block}.{norm}"), width);
        }
    }
}

/// A residual block of the VAE.
fn vae_block(keys: &mut Keys, root: &str, input: usize, out: usize) {
    keys.norm(&format!("{root}.norm1"), input);
    keys.conv(&format!("{root}.conv1"), out, input, 3);
    keys.norm(&format!("{root}.norm2"), out);
    keys.conv(&format!("{root}.conv2"), out, out, 3);
    if input != out {
        keys.conv(&format!("{root}.nin_shortcut"), out, input, 1);
    }
}

/// The numbers of a Llama-style language model.
#[derive(Clone, Copy, Debug)]
pub struct Llama {
    /// Number of decoder layers.
    pub layers: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width inside the feed-forward layers.
    pub intermediate: usize,
    /// Width of keys and values: heads times head size.
    pub key_value: usize,
    /// Number of tokens in the vocabulary.
    pub vocabulary: usize,
}

impl Llama {
    /// TinyLlama 1.1B: 1,100,048,384 parameters in 201 tensors.
    pub const TINY_LLAMA_1B: Self = Self {
        layers: 22,
        hidden: 2048,
        intermediate: 5632,
        key_value: 4 * 64,
        vocabulary: 32000,
    };

    /// The state dict in Hugging Face naming, with an output head of its own.
    pub fn tensors(&self) -> Vec<Tensor> {
        let mut keys = Keys::default();
        keys.weight("model.embed_tokens", &[self.vocabulary, self.hidden]);
        for i in 0..self.layers {
            let layer = format!("model.layers.{i}");
            for (projection, out) in [
                ("q", self.hidden),
                ("k", self.key_value),
                ("v", self.key_value),
                ("o", self.hidden),
            ] {
                keys.weight(
                    &format!("{layer}.self_attn.{projection}_proj"),
                    &[out, self.hidden],
                );
            }
            keys.weight(
                &format!("{layer}.mlp.gate_proj"),
                &[self.intermediate, self.hidden],
            );
            keys.weight(
                &format!("{layer}.mlp.up_proj"),
                &[self.intermediate, self.hidden],
            );
            keys.weight(
                &format!("{layer}.mlp.down_proj"),
                &[self.hidden, self.intermediate],
            );
            keys.scale(&format!("{layer}.input_layernorm"), self.hidden);
            keys.scale(&format!("{layer}.post_attention_layernorm"), self.hidden);
        }
        keys.scale("model.norm", self.hidden);
        keys.weight("lm_head", &[self.vocabulary, self.hidden]);
        keys.0
    }
}
