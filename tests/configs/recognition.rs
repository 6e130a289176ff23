//! Which config a checkpoint is of.

use wgmerge::keys::config::{Config, Configs, Recognition, Verdict};

use super::{IDS, List, Tensors};

fn recognise<'c>(configs: &'c Configs, tensors: &Tensors) -> Recognition<'c> {
    let tensors = tensors.iter();
    configs.recognise(tensors.map(|(name, shape)| (name.as_str(), shape.as_slice())))
}

/// The configs that a checkpoint is of.
fn verdict(tensors: &Tensors) -> Vec<String> {
    let configs = Configs::default();
    let id = |config: &Config| config.id().to_owned();
    match recognise(&configs, tensors).verdict {
        Verdict::Known(config) => vec![id(config)],
        Verdict::Unknown => Vec::new(),
        Verdict::Ambiguous(configs) => configs.into_iter().map(|config| id(config)).collect(),
    }
}

/// Of a config's tensors, those whose names begin so.
fn part(id: &str, prefix: &str) -> Tensors {
    List::of(id).tensors(|name, _| name.starts_with(prefix))
}

fn mandatory(id: &str) -> Tensors {
    List::of(id).tensors(|_, key| !key.optional)
}

/// Tensors of no known config.
fn own(names: impl IntoIterator<Item = String>) -> Tensors {
    names.into_iter().map(|name| (name, vec![4, 4])).collect()
}

#[test]
fn every_config_is_recognised_with_and_without_its_optional_tensors() {
    for id in &IDS[..8] {
        assert_eq!(verdict(&List::of(id).tensors(|_, _| true)), [*id]);
        assert_eq!(verdict(&mandatory(id)), [*id]);
    }
}

#[test]
fn aliases_are_names() {
    let list = List::of("flux-flux");
    let keys = list.keys.iter().filter(|(_, key)| key.component == 0);
    let short: Tensors = keys
        .map(|(_, key)| (key.aliases[0].clone(), key.shape.clone()))
        .collect();
    assert_eq!(verdict(&short), ["flux-flux"]);
}

#[test]
fn a_component_is_enough_where_it_tells_the_config() {
    for (id, prefix) in [
        ("sd1-ldm", "model.diffusion_model."),
        ("sd1-ldm", "cond_stage_model."),
        ("sd1-kohya", "unet."),
        ("sdxl-sgm", "model.diffusion_model."),
        ("sdxl-sgm", "conditioner."),
        ("sdxl-kohya", "unet."),
        ("sdxl-kohya_but_diffusers", "unet."),
        // Its latents have 16 channels.
        ("sd3-comfyui", "first_stage_model."),
        ("sd3-comfyui", "text_encoders.clip_l."),
        ("flux-flux", "text_encoders.clip_l."),
        ("flux-flux", "vae."),
    ] {
        assert_eq!(verdict(&part(id, prefix)), [id], "{prefix}");
    }
}

#[test]
fn what_several_configs_have_is_ambiguous() {
    let vae = [
        "sd1-ldm",
        "sdxl-sgm",
        "sdxl-kohya",
        "sdxl-kohya_but_diffusers",
    ];
    for id in vae {
        assert_eq!(verdict(&part(id, "first_stage_model.")), vae);
    }
    let kohya = ["sdxl-kohya", "sdxl-kohya_but_diffusers"];
    assert_eq!(verdict(&part("sdxl-kohya", "te2.")), kohya);
    // A few layers that both UNets have do not tell which is meant, though one lacks less.
    let layers = part("sdxl-sgm", "model.diffusion_model.input_blocks.1.0.");
    assert_eq!(verdict(&layers), ["sd1-ldm", "sdxl-sgm"]);
}

#[test]
fn other_shapes_are_counted_and_do_not_hide_a_config() {
    let mut inpainting = mandatory("sd1-ldm");
    let conv_in = "model.diffusion_model.input_blocks.0.0.weight";
    let found = inpainting.iter_mut().find(|(name, _)| name == conv_in);
    found.expect("the first layer").1 = vec![320, 9, 3, 3];
    let configs = Configs::default();
    let recognition = recognise(&configs, &inpainting);
    assert!(matches!(recognition.verdict, Verdict::Known(config) if config.id() == "sd1-ldm"));
    let best = &recognition.candidates[0];
    assert_eq!((best.known, best.other_shapes), (1130, 1));
    let example = best.other_shape_example.as_ref().expect("an example");
    assert_eq!(example.name, conv_in);
    assert_eq!(example.found, [320, 9, 3, 3]);
    assert_eq!(example.expected, [320, 4, 3, 3]);

    let tiny = mandatory("sdxl-sgm").into_iter().step_by(20);
    assert_eq!(verdict(&own(tiny.map(|(name, _)| name))), ["sdxl-sgm"]);
}

#[test]
fn strays_and_additions_do_not_hide_a_config() {
    let mut strays = mandatory("sdxl-sgm");
    strays.extend(own(["denoiser.sigmas", "note"].map(str::to_owned)));
    assert_eq!(verdict(&strays), ["sdxl-sgm"]);

    // Quantised to 8 bits, with a scale beside each weight.
    let mut scaled = part("flux-flux", "model.diffusion_model.");
    let weights = scaled.iter().filter(|(name, _)| name.ends_with(".weight"));
    let scales: Vec<String> = weights
        .map(|(name, _)| name.replace("weight", "scale_weight"))
        .collect();
    scaled.extend(own(scales));
    assert_eq!(verdict(&scaled), ["flux-flux"]);

    // Without guidance, as the distilled model is published.
    let schnell = List::of("flux-flux").tensors(|name, _| !name.contains("guidance_in"));
    assert_eq!(verdict(&schnell), ["flux-flux"]);
}

#[test]
fn language_models_and_other_families_are_unknown() {
    let layers = (0..32).flat_map(|layer| {
        let names = [
            "self_attn.q_proj",
            "self_attn.o_proj",
            "mlp.up_proj",
            "input_layernorm",
        ];
        names.map(|name| format!("model.layers.{layer}.{name}.weight"))
    });
    let ends = [
        "model.embed_tokens.weight",
        "model.norm.weight",
        "lm_head.weight",
    ];
    assert!(verdict(&own(layers.chain(ends.map(str::to_owned)))).is_empty());

    let video = (0..30).flat_map(|block| {
        let names = ["self_attn.q", "cross_attn.k", "ffn.0", "modulation"];
        names.map(|name| format!("blocks.{block}.{name}.weight"))
    });
    let ends = [
        "patch_embedding.weight",
        "time_embedding.0.weight",
        "head.head.weight",
    ];
    assert!(verdict(&own(video.chain(ends.map(str::to_owned)))).is_empty());

    let image = (0..60).flat_map(|block| {
        let names = [
            "attn.to_q",
            "attn.add_k_proj",
            "img_mlp.net.0.proj",
            "img_mod.1",
        ];
        names.map(|name| format!("transformer_blocks.{block}.{name}.weight"))
    });
    let ends = ["img_in.weight", "txt_in.weight", "proj_out.weight"];
    assert!(verdict(&own(image.chain(ends.map(str::to_owned)))).is_empty());

    assert!(verdict(&own(["a", "b"].map(str::to_owned))).is_empty());
    assert!(verdict(&Vec::new()).is_empty());
}

#[test]
fn families_that_took_over_names_are_unknown() {
    // Chroma: Flux without its modulation, and a network that replaces it.
    let mut chroma = List::of("flux-flux").tensors(|name, key| {
        let gone = [
            "_mod.",
            "modulation.",
            "_in.in_layer",
            "_in.out_layer",
            "adaLN",
        ];
        key.component == 0 && !gone.iter().any(|part| name.contains(part))
    });
    let guidance = (0..29).map(|i| format!("model.diffusion_model.distilled_guidance_layer.{i}"));
    chroma.extend(own(guidance));
    assert_eq!(chroma.len(), 643);
    assert!(verdict(&chroma).is_empty());

    // Stable Diffusion 2: the UNet of 1 for another text encoder.
    let mut sd2 = List::of("sd1-ldm")
        .tensors(|name, key| !key.optional && !name.starts_with("cond_stage_model."));
    for (name, shape) in &mut sd2 {
        if name.contains("attn2.to_k") || name.contains("attn2.to_v") {
            shape[1] = 1024;
        }
    }
    let text = (0..372).map(|i| format!("cond_stage_model.model.transformer.resblocks.{i}"));
    sd2.extend(own(text));
    assert!(verdict(&sd2).is_empty());

    // Stable Diffusion 3.5 large: more and wider blocks.
    let mut large = part("sd3-comfyui", "model.diffusion_model.");
    large.iter_mut().for_each(|(_, shape)| shape[0] += 1);
    let blocks = (0..336).map(|i| format!("model.diffusion_model.joint_blocks.24.{i}"));
    large.extend(own(blocks));
    assert!(verdict(&large).is_empty());

    // Stable Diffusion 1 in the names of diffusers without a prefix.
    let unet = part("sd1-kohya", "unet.").into_iter();
    let bare: Tensors = unet
        .map(|(name, shape)| (name[5..].to_owned(), shape))
        .collect();
    assert!(verdict(&bare).is_empty());
}

#[test]
fn the_users_configs_take_part() {
    let text = "\
identifier: digits-own
components:
  net:
    conv.weight: {shape: [8, 1, 3, 3], dtype: float32}
    head.weight: {shape: [10, 8], dtype: float32, aliases: [fc.weight]}
";
    let mut configs = Configs::default();
    let config = Config::from_yaml(text).expect("a config");
    configs.add(config).expect("a new identifier");
    let tensors = own(["conv.weight", "fc.weight"].map(str::to_owned));
    let recognition = recognise(&configs, &tensors);
    assert!(matches!(recognition.verdict, Verdict::Known(config) if config.id() == "digits-own"));
}

#[test]
fn an_explanation_gives_names_shapes_and_components() {
    let configs = Configs::default();
    let all = List::of("sdxl-diffusers_unet_only").tensors(|_, _| true);
    assert_eq!(
        recognise(&configs, &all).explain(),
        "\
model config sdxl-diffusers_unet_only
sdxl-diffusers_unet_only: 1680 of 1680 tensors known (0 % unknown), all shapes agree, 0 of 1680 \
mandatory tensors missing (0 %)
  diffuser 1680/1680"
    );
    let mut bad = part("sd3-comfyui", "text_encoders.t5xxl.");
    bad.retain(|(name, _)| !name.ends_with("shared.weight"));
    bad[1].1 = vec![3];
    bad.extend(own(["note".to_owned()]));
    assert_eq!(
        recognise(&configs, &bad).explain(),
        "\
model config sd3-comfyui
sd3-comfyui: 219 of 220 tensors known (< 1 % unknown), 1 of other shapes, 1453 of 1672 mandatory \
tensors missing (86 %)
  vae 0/244, diffuser 0/492, clip_g 0/518, clip_l 0/198, t5xxl 219/220
  unknown, for instance: note
  missing, for instance: text_encoders.t5xxl.transformer.shared.weight
  of another shape, for instance: \
text_encoders.t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.k.weight [3], not \
[4096, 4096]"
    );
    let none = recognise(&configs, &own(["a".to_owned()])).explain();
    assert_eq!(
        none,
        "no known model config: the tensors keep their own names"
    );
    let vae = recognise(&configs, &part("sdxl-sgm", "first_stage_model.")).explain();
    let first = "one of the model configs sd1-ldm, sdxl-sgm, sdxl-kohya, sdxl-kohya_but_diffusers: \
                 the tensors do not tell which";
    assert_eq!(vae.lines().next(), Some(first));
    let chosen = vae
        .lines()
        .filter(|line| line.ends_with("vae 248/248, diffuser 0/686, ema 0/0, scheduler 0/0"));
    assert_eq!(chosen.count(), 1);
}

#[test]
fn adapters_are_told_by_their_names() {
    let configs = Configs::default();
    for config in configs.iter().filter(|config| config.is_adapter()) {
        let factors = |begin: &'static str| -> Tensors {
            let names = config.keys().map(|(name, _)| name);
            let own = names.filter(|name| name.contains(begin) && name.contains(".lora_"));
            own.map(|name| (name.to_owned(), vec![4, 4])).collect()
        };
        assert_eq!(verdict(&factors("_unet_")), [config.id()]);
        // The text encoders have the same names in both formats of SDXL.
        let text = verdict(&factors("_te"));
        assert!(text.iter().any(|id| id == config.id()), "{text:?}");
    }
}

#[test]
fn a_stray_factor_makes_no_adapter_of_a_model() {
    let mut tensors = mandatory("sdxl-sgm");
    tensors.push(("lora_unet_x.alpha".to_owned(), Vec::new()));
    assert_eq!(verdict(&tensors), ["sdxl-sgm"]);
}
