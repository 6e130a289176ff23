//! Arguments that are not known, and what was probably meant.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::keys::nearest::most_like;
use crate::method::{Domain, Method, Space, all, find};
use crate::recipe::{ROUTES, find_route};

/// The fault with a better tip, where there is one.
pub(super) fn improved(mut fault: clap::Error, arguments: &[String]) -> clap::Error {
    if fault.kind() == ErrorKind::InvalidSubcommand {
        return of_mergekit(fault);
    }
    if fault.kind() != ErrorKind::UnknownArgument {
        return fault;
    }
    let Some(ContextValue::String(given)) = fault.get(ContextKind::InvalidArg) else {
        return fault;
    };
    let tip = given
        .strip_prefix("--")
        .and_then(|name| tip(name, arguments));
    if let Some(tip) = tip {
        let tip = ContextValue::StyledStrs(vec![StyledStr::from(tip)]);
        fault.remove(ContextKind::SuggestedArg);
        fault.insert(ContextKind::Suggested, tip);
    }
    fault
}

/// Programs of mergekit whose recipes `run` takes.
const RECIPES: [&str; 3] = ["mergekit-yaml", "mergekit-multi", "mergekit-pytorch"];

/// The fault with what there is instead of a program of mergekit.
fn of_mergekit(mut fault: clap::Error) -> clap::Error {
    let Some(ContextValue::String(given)) = fault.get(ContextKind::InvalidSubcommand) else {
        return fault;
    };
    if !given.starts_with("mergekit") {
        return fault;
    }
    let tip = match RECIPES.contains(&given.as_str()) {
        true => format!("`wgmerge run RECIPE OUTPUT` does what {given} does, with its flags"),
        false => format!("there is nothing like {given} here; `wgmerge run` takes recipes"),
    };
    fault.remove(ContextKind::SuggestedSubcommand);
    let tip = ContextValue::StyledStrs(vec![StyledStr::from(tip)]);
    fault.insert(ContextKind::Suggested, tip);
    fault
}

/// What was probably meant by `--NAME`.
fn tip(name: &str, arguments: &[String]) -> Option<String> {
    let name = name.split('=').next().unwrap_or(name);
    let converts = arguments.get(1).is_some_and(|command| command == "convert");
    if converts && matches!(name, "exclude" | "include") {
        return Some("convert merges nothing; --drop REGEX leaves tensors out".to_owned());
    }
    let has = |method: &&Method| {
        let mut parameters = method.parameters.iter();
        parameters.any(|parameter| parameter.name == name || parameter.complement == Some(name))
    };
    let chosen = arguments
        .windows(2)
        .find(|pair| matches!(&*pair[0], "-M" | "--method"));
    let chosen = chosen.and_then(|pair| find(&pair[1]));
    match chosen.filter(has) {
        Some(method) => Some(format!(
            "`{name}` is a parameter of {}: give it as -p {name}=VALUE",
            method.id
        )),
        None => {
            let method = all().find(has)?;
            Some(format!(
                "`{name}` is a parameter of methods such as {}, given as -p {name}=VALUE",
                method.id
            ))
        }
    }
}

/// What there is instead of a method that `merge` does not have.
pub(super) fn no_method(id: &str, known: &[&'static str]) -> String {
    if let Some(method) = all().find(|method| method.id == id) {
        let of_models = method
            .inputs
            .iter()
            .all(|input| input.domain != Domain::Only(Space::Delta));
        let why = match method.result {
            _ if !of_models => "its inputs are not whole models",
            Domain::Only(Space::Param) => "its result is a parameter, not a model",
            _ => "its result is a difference of models, not a model",
        };
        return format!(
            "`{id}` is a method of recipes, for {why}; `wgmerge methods {id}` describes it"
        );
    }
    if let Some(route) = find_route(id) {
        let flag = route
            .flag
            .map_or_else(String::new, |flag| format!("; by flags: {flag}"));
        return format!("`{id}` is a route of recipes: {}{flag}", route.summary);
    }
    near(id, known)
}

/// The known names that are most like one.
pub(super) fn near(id: &str, known: &[&'static str]) -> String {
    let near: Vec<String> = most_like(id, known.iter().copied(), NEAR)
        .iter()
        .map(|name| format!("`{name}`"))
        .collect();
    format!(
        "there is no method `{id}`; the nearest are {}; `wgmerge methods` lists all",
        near.join(", ")
    )
}

/// How many names a message offers.
const NEAR: usize = 3;

/// The names that `wgmerge methods` describes: methods, then routes.
pub(super) fn describable() -> Vec<&'static str> {
    let methods = all().map(|method| method.id);
    let mut names: Vec<&str> = methods.chain(ROUTES.iter().map(|route| route.id)).collect();
    names.sort_unstable();
    names.dedup();
    names
}
