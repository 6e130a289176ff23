//! References that lead nowhere, and hubs that do not answer.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::server::{Hub, Trouble};
use super::{Home, model, names};

const MERGE: [&str; 5] = ["merge", "--device", "cpu", "-M", "linear"];

#[test]
fn what_the_hub_does_not_have_is_said_by_both() {
    let hub = Hub::new();
    hub.put("org/a", "model.safetensors", &model("x.weight", 1));
    hub.put("org/text", "README.md", b"nothing here");
    let home = Home::at(hub.endpoint());
    let none = format!("{} has no model models/foo", hub.endpoint());
    home.refuses(
        &["inspect", "models/foo"],
        &["no such file or folder", &none],
    );
    home.refuses(&["inspect", "org/a@v7"], &["org/a", "no revision `v7`"]);
    home.refuses(&["inspect", "org/text"], &["org/text", "holds no weights"]);
    // Nothing of all that is in the cache, or in the way of an output.
    assert_eq!(names(&home.path("")), [""; 0]);
    std::fs::write(home.path("out.safetensors"), "an older result").expect("a file");
    let out = ["org/a", "models/foo", "--force", "-o", "out.safetensors"];
    home.refuses(&[&MERGE[..], &out].concat(), &["models/foo"]);
    let kept = std::fs::read(home.path("out.safetensors")).expect("the output");
    assert_eq!(kept, b"an older result");
}

#[test]
fn several_models_in_one_repository_are_not_guessed_between() {
    let hub = Hub::new();
    for name in ["step1_lora.safetensors", "step2_lora.safetensors"] {
        hub.put("org/loras", name, &model("x.weight", 1));
    }
    let home = Home::at(hub.endpoint());
    let parts = [
        "several models",
        "step1_lora.safetensors, step2_lora.safetensors",
        "name one, as in org/loras/step1_lora.safetensors",
    ];
    home.refuses(&["inspect", "org/loras"], &parts);
    home.succeeds(&["inspect", "org/loras/step2_lora.safetensors"]);
}

#[test]
fn a_closed_door_says_what_opens_it() {
    let hub = Hub::new();
    hub.put("org/a", "model.safetensors", &model("x.weight", 1));
    hub.demand("secret");
    let home = Home::at(hub.endpoint());
    let file = home.path("hf/token").display().to_string();
    home.refuses(
        &["inspect", "org/a"],
        &["set HF_TOKEN", "hf auth login", &file],
    );
    let home = home.with("HF_TOKEN", "wrong");
    let terms = format!("accept them at {}/org/a", hub.endpoint());
    let parts = [
        "does not open org/a to this token (403)",
        "Access is restricted",
        &terms,
    ];
    let message = home.refuses(&["inspect", "org/a"], &parts);
    assert!(!message.contains("wrong"), "the token is shown: {message}");
    let home = home.with("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1");
    home.refuses(&["inspect", "org/a"], &["set HF_TOKEN"]);
}

#[test]
fn where_nobody_answers_it_is_said_at_once() {
    let port = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = port.local_addr().expect("an address");
    drop(port);
    let begin = Instant::now();
    let home = Home::at(&format!("http://{address}"));
    let parts = [
        "no such file or folder",
        "cannot be reached",
        &address.to_string(),
    ];
    home.fails(1, &["inspect", "org/a"], &parts);
    let home = Home::at("http://hub.invalid");
    home.fails(
        1,
        &["inspect", "org/a"],
        &["http://hub.invalid cannot be reached"],
    );
    let home = Home::at("no address");
    home.fails(1, &["inspect", "org/a"], &["no address"]);
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn a_hub_that_is_not_well_is_named() {
    let hub = Hub::new();
    hub.put("org/a", "model.safetensors", &model("x.weight", 1));
    let home = Home::at(hub.endpoint());
    hub.trouble(Trouble::Status(503), 9);
    home.fails(1, &["inspect", "org/a"], &["answers 503: not today"]);
    hub.trouble(Trouble::Round, 99);
    home.refuses(&["inspect", "org/a"], &["its redirects do not end"]);
    // Once is none.
    hub.trouble(Trouble::Status(503), 1);
    home.succeeds(&["inspect", "org/a"]);
}

#[test]
fn without_a_network_weights_of_the_cache_are_enough() {
    let hub = Hub::new();
    hub.put("org/a", "model.safetensors", &model("x.weight", 1));
    hub.put("org/a", "config.json", b"{}");
    let home = Home::at(hub.endpoint());
    home.succeeds(&["inspect", "org/a"]);
    // As if only the weights had been asked for, by a program that keeps no listings.
    let repository = home.repository("org/a");
    std::fs::remove_dir_all(repository.join("trees")).expect("listings");
    let config = repository
        .join("snapshots")
        .join(super::COMMIT)
        .join("config.json");
    std::fs::remove_file(&config).expect("a link");
    let home = home.with("HF_HUB_OFFLINE", "1");
    let said = home.succeeds(&["inspect", "org/a"]);
    assert!(said.contains("its weights are in the cache"), "{said}");
    let home = home.with("HF_HUB_OFFLINE", "0");
    home.succeeds(&["inspect", "org/a"]);
    assert!(config.exists());
}
