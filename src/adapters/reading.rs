//! The entries of an adapter's file, sorted by module.

use std::collections::BTreeMap;

use super::adapted::{Adapted, Effect, Form, Of, Scale};
use super::config::PeftConfig;
use super::entry::Entry;
use super::role::Role;

/// What a file of an adapter says.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// What it changes, by the names of modules.
    pub adapted: Vec<Adapted>,
    /// Entries that no rule is for.
    pub unknown: Vec<String>,
    /// Modules whose parts make nothing, with what is missing.
    pub incomplete: Vec<String>,
}

/// What the names in PEFT's own files begin with.
const PEFT: &str = "base_model.model.";

/// A module's parts, as they are gathered.
type Parts = BTreeMap<Role, Entry>;

impl Reading {
    /// Sorts the entries of an adapter.
    pub fn of(entries: impl Iterator<Item = Entry>, config: Option<&PeftConfig>) -> Reading {
        let mut reading = Reading::default();
        let mut modules: BTreeMap<String, Parts> = BTreeMap::new();
        for entry in entries {
            match Role::split(&entry.name) {
                Some((module, role)) => {
                    let parts = modules.entry(module).or_default();
                    if let Some(other) = parts.insert(role, entry) {
                        reading.unknown.push(other.name);
                    }
                }
                None => reading.unknown.push(entry.name),
            }
        }
        let modules = nested(modules);
        for (target, parts) in modules {
            reading.add(target, parts, config);
        }
        reading.unknown.sort();
        reading
    }

    /// As [`Reading::of`], where each model has a configuration of its own: those of
    /// [`PeftConfig::packed`].
    pub fn packed(
        entries: impl Iterator<Item = Entry>,
        configs: &[(String, PeftConfig)],
    ) -> Reading {
        let mut models: Vec<Vec<Entry>> = vec![Vec::new(); configs.len() + 1];
        for entry in entries {
            let mut prefixes = configs.iter();
            let at = prefixes.position(|(prefix, _)| entry.name.starts_with(prefix));
            models[at.unwrap_or(configs.len())].push(entry);
        }
        let configs = configs.iter().map(|(_, config)| Some(config)).chain([None]);
        let mut all = Reading::default();
        for (entries, config) in models.into_iter().zip(configs) {
            let reading = Reading::of(entries.into_iter(), config);
            all.adapted.extend(reading.adapted);
            all.unknown.extend(reading.unknown);
            all.incomplete.extend(reading.incomplete);
        }
        all
    }

    fn add(&mut self, target: String, mut parts: Parts, config: Option<&PeftConfig>) {
        if let Some(parameter) = config.and_then(|config| parameter(&target, config)) {
            if let Some(bank) = bank(&parameter, parts, config) {
                self.adapted.push(bank);
            } else {
                self.incomplete
                    .push(format!("`{parameter}` has no pair of factors"));
            }
            return;
        }
        let is_trained = config.is_some() || target.starts_with(PEFT) || is_norm(&target);
        let mut effects = Vec::new();
        match weight(&target, &parts, config) {
            Ok(Some(effect)) => effects.push(effect),
            Ok(None) => {}
            Err(missing) => {
                self.incomplete.push(format!("`{target}` has no {missing}"));
                return;
            }
        }
        effects.extend(bias(&target, &parts, config));
        let is_step = parts.contains_key(&Role::OnInput);
        for (role, of) in [(Role::Weight, Of::Weight), (Role::Bias, Of::Bias)] {
            let is_own = role == Role::Weight && is_step;
            match parts.contains_key(&role) {
                true if is_own => {}
                true if is_trained => effects.push(plain(of, Form::Replaced(role))),
                true => self
                    .unknown
                    .extend(parts.remove(&role).map(|entry| entry.name)),
                false => {}
            }
        }
        // What is replaced is so before the rest is done.
        effects.sort_by_key(|effect| !matches!(effect.form, Form::Replaced(_)));
        if effects.is_empty() {
            self.unknown
                .extend(parts.into_values().map(|entry| entry.name));
            return;
        }
        self.adapted.push(Adapted {
            target,
            parts,
            effects,
        });
    }
}

/// The parameter that a LoRA is of. PEFT wraps a module once for each parameter that is listed, so
/// that the last lies outermost, and the others in `base_layer`s.
fn parameter(target: &str, config: &PeftConfig) -> Option<String> {
    let mut module = target;
    let mut depth = 0;
    while let Some(outer) = module.strip_suffix(".base_layer") {
        (module, depth) = (outer, depth + 1);
    }
    let own = |listed: &&String| match listed.rsplit_once('.') {
        Some((place, _)) => module == place || module.ends_with(&format!(".{place}")),
        None => false,
    };
    let listed = config
        .target_parameters
        .iter()
        .filter(own)
        .nth_back(depth)?;
    let leaf = listed.rsplit('.').next()?;
    Some(format!("{module}.{leaf}"))
}

/// What is done to a bank of experts.
fn bank(target: &str, parts: Parts, config: Option<&PeftConfig>) -> Option<Adapted> {
    pair(&parts, Role::Up, Role::Down).ok()??;
    let rank = config.and_then(|config| config.rank(own_name(target)))?;
    let scale = scale(target, &parts, config, rank as u64, 0.0);
    Some(Adapted {
        target: target.to_owned(),
        effects: vec![Effect {
            scale,
            ..plain(Of::Weight, Form::Bank)
        }],
        parts,
    })
}

/// Norms whose scales some files replace.
fn is_norm(target: &str) -> bool {
    target.ends_with(".key_norm") || target.ends_with(".query_norm")
}

fn plain(of: Of, form: Form) -> Effect {
    Effect {
        of,
        form,
        scale: Scale::Number(1.0),
        is_optional: false,
    }
}

/// Puts what PEFT keeps of a layer that it wraps (`X.base_layer.weight`) to the layer. A LoRA that
/// lies in another is one of a parameter, and stays by itself.
fn nested(modules: BTreeMap<String, Parts>) -> BTreeMap<String, Parts> {
    let mut flat: BTreeMap<String, Parts> = BTreeMap::new();
    for (target, mut parts) in modules {
        let outer = target.trim_end_matches(".base_layer");
        for role in [Role::Weight, Role::Bias] {
            if let Some(entry) = parts.remove(&role) {
                flat.entry(outer.to_owned())
                    .or_default()
                    .insert(role, entry);
            }
        }
        if !parts.is_empty() {
            flat.entry(target).or_default().extend(parts);
        }
    }
    flat
}

/// The name of a module in its model, as PEFT's patterns know it.
fn own_name(target: &str) -> &str {
    target.strip_prefix(PEFT).unwrap_or(target)
}

/// What a difference is multiplied with, given its rank.
fn scale(target: &str, parts: &Parts, config: Option<&PeftConfig>, rank: u64, add: f64) -> Scale {
    if parts.contains_key(&Role::Alpha) {
        return Scale::Alpha { rank };
    }
    let alpha = config.and_then(|config| config.alpha(own_name(target)));
    let is_root = config.is_some_and(|config| config.use_rslora);
    let rank = rank as f64 + add;
    Scale::Number(match alpha {
        Some(alpha) if is_root => alpha / rank.sqrt(),
        Some(alpha) => alpha / rank,
        None => 1.0,
    })
}

/// What is done to a module's weight; None where nothing is, the missing part where one is.
fn weight(
    target: &str,
    parts: &Parts,
    config: Option<&PeftConfig>,
) -> Result<Option<Effect>, &'static str> {
    let has = |role: Role| parts.contains_key(&role);
    let first = |role: Role| {
        parts
            .get(&role)
            .and_then(|entry| entry.shape.first().copied())
    };
    let effect = |form: Form, scale: Scale| {
        Ok(Some(Effect {
            of: Of::Weight,
            form,
            scale,
            is_optional: false,
        }))
    };
    let scaled = |rank: u64, add: f64| scale(target, parts, config, rank, add);
    for (up, down) in [
        (Role::Up, Role::Down),
        (Role::EmbeddingUp, Role::EmbeddingDown),
    ] {
        let Some(rank) = pair(parts, up, down)? else {
            continue;
        };
        let add = if has(Role::Values) { 1e-5 } else { 0.0 };
        let is_flipped = config.is_some_and(|config| config.fan_in_fan_out);
        let is_flipped = is_flipped || up == Role::EmbeddingUp;
        return effect(Form::Lora { is_flipped }, scaled(rank, add));
    }
    // PEFT divides by the rank of its configuration, whatever is stored.
    let said = config.and_then(|config| config.rank(own_name(target)));
    let said = said.map(|rank| rank as u64);
    let first_pair = pair(parts, Role::Hada1A, Role::Hada1B)?;
    let second_pair = pair(parts, Role::Hada2A, Role::Hada2B)?;
    if let (Some(rank), Some(_)) = (first_pair, second_pair) {
        return effect(Form::Loha, scaled(said.unwrap_or(rank), 0.0));
    }
    if first_pair.or(second_pair).is_some() {
        return Err("second pair of factors");
    }
    let left = pair(parts, Role::Lokr1A, Role::Lokr1B)?;
    let right = pair(parts, Role::Lokr2A, Role::Lokr2B)?;
    match (
        has(Role::Lokr1) || left.is_some(),
        has(Role::Lokr2) || right.is_some(),
    ) {
        (true, true) => {
            let rank = said.or(right).or(left);
            let scale = rank.map_or(Scale::Number(1.0), |rank| scaled(rank, 0.0));
            return effect(Form::Lokr, scale);
        }
        (true, false) => return Err("second matrix"),
        (false, true) => return Err("first matrix"),
        (false, false) => {}
    }
    if has(Role::Diff) {
        return effect(Form::Added(Role::Diff), Scale::Number(1.0));
    }
    if let (Some(rank), true) = (first(Role::GloraB2), has(Role::GloraA1)) {
        return match has(Role::GloraA2) && has(Role::GloraB1) {
            true => effect(Form::Glora, scaled(rank, 0.0)),
            false => Err("second factor"),
        };
    }
    let form = others(target, parts, config);
    form.map_or(Ok(None), |form| effect(form, Scale::Number(1.0)))
}

/// Forms of a single part.
fn others(target: &str, parts: &Parts, config: Option<&PeftConfig>) -> Option<Form> {
    let has = |role: Role| parts.contains_key(&role);
    if has(Role::OnInput) && has(Role::Weight) {
        return Some(Form::Ia3Step);
    }
    if let Some(is_input) = of_inputs(target, parts, config) {
        return Some(Form::Ia3 { is_input });
    }
    if has(Role::OftR) {
        return Some(Form::OftInputs {
            terms: config.and_then(|config| config.neumann_terms),
            most: config.and_then(|config| config.coft),
        });
    }
    if has(Role::Tokens) {
        let modules = config.map_or(&[][..], |config| &config.tokens);
        let is_own = |module: &str| target == module || target.ends_with(&format!(".{module}"));
        let rows = modules.iter().find(|(module, _)| is_own(module));
        return rows.map(|(_, rows)| Form::Tokens(rows.clone()));
    }
    let rows = [
        (Role::OftBlocks, Form::Oft),
        (Role::BoftR, Form::Boft),
        (Role::HraU, Form::Hra),
    ];
    rows.into_iter()
        .find(|(role, _)| has(*role))
        .map(|(_, form)| form)
}

/// Whether the numbers of PEFT's IA3 are of inputs; None where there are none. Those of a linear
/// layer's outputs are \[out, 1\]; all of convolutions are \[1, n, 1, …\].
fn of_inputs(target: &str, parts: &Parts, config: Option<&PeftConfig>) -> Option<bool> {
    let numbers = parts.get(&Role::Ia3)?;
    Some(match &numbers.shape[..] {
        [_, _, _, ..] => config.is_some_and(|config| config.is_feedforward(own_name(target))),
        [first, ..] => *first == 1,
        [] => false,
    })
}

/// The rank of a pair of factors; None where there is neither, the missing one where one is there.
fn pair(parts: &Parts, up: Role, down: Role) -> Result<Option<u64>, &'static str> {
    match (parts.contains_key(&up), parts.get(&down)) {
        (true, Some(down)) => Ok(down.shape.first().copied()),
        (true, None) => Err("right factor"),
        (false, Some(_)) => Err("left factor"),
        (false, None) => Ok(None),
    }
}

/// What is done to a module's bias.
fn bias(target: &str, parts: &Parts, config: Option<&PeftConfig>) -> Vec<Effect> {
    let mut effects = Vec::new();
    if parts.contains_key(&Role::DiffBias) {
        effects.push(plain(Of::Bias, Form::Added(Role::DiffBias)));
    }
    let rank = parts.get(&Role::Down).and_then(|down| down.shape.first());
    if let (true, Some(rank)) = (parts.contains_key(&Role::UpBias), rank) {
        effects.push(Effect {
            scale: scale(target, parts, config, *rank, 0.0),
            ..plain(Of::Bias, Form::Added(Role::UpBias))
        });
    }
    // Numbers of outputs are for the bias too; those of inputs leave it.
    if of_inputs(target, parts, config) == Some(false) {
        effects.push(Effect {
            is_optional: true,
            ..plain(Of::Bias, Form::Ia3 { is_input: false })
        });
    }
    effects
}
