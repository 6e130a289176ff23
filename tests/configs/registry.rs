//! The built-in configs and the user's, by their identifiers.

use wgmerge::keys::config::{Config, Configs};

use super::{IDS, OWN};

fn config(id: &str) -> Config {
    let text = format!("identifier: {id}\ncomponents: {{a: {{k: {{shape: [2], dtype: F32}}}}}}");
    Config::from_yaml(&text).expect("a config")
}

#[test]
fn configs_are_found_by_their_identifiers() {
    let mut configs = Configs::default();
    configs.add(config("my-format")).expect("a new identifier");
    let ids: Vec<&str> = configs.iter().map(|config| config.id()).collect();
    assert_eq!(ids[..10], IDS);
    assert_eq!(ids[10..16], OWN);
    assert!(ids[16..22].iter().all(|id| id.ends_with("_lora")));
    assert_eq!(ids[22..], ["my-format"]);
    for id in ids {
        assert_eq!(configs.find(id).expect("a config").id(), id);
    }
}

#[test]
fn an_unknown_identifier_leads_to_the_nearest() {
    let configs = Configs::default();
    for (id, hint) in [
        ("sdxl_sgm", " (did you mean `sdxl-sgm`?)"),
        ("flux", " (did you mean `flux-flux`?)"),
        ("qqq", ""),
    ] {
        let fault = configs.find(id).expect_err("no such config");
        let expected =
            format!("there is no model config `{id}`{hint}; `wgmerge configs` lists them");
        assert_eq!(fault.to_string(), expected);
    }
}

#[test]
fn an_identifier_is_taken_once() {
    let mut configs = Configs::default();
    configs.add(config("my-format")).expect("a new identifier");
    for id in ["my-format", "sd1-ldm"] {
        let fault = configs.add(config(id)).expect_err("a taken identifier");
        let expected =
            format!("there are two model configs `{id}`; give the second one another identifier");
        assert_eq!(fault.to_string(), expected);
    }
}
