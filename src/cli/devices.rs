//! `wgmerge devices`: what can compute here, and whether it can be trusted.

use std::fmt::Write;

use serde_json::json;

use super::args::DevicesArgs;
use super::failure::Failure;
use super::{out, threads};
use crate::exec::cpu::Level;
use crate::figures::{counted, human};
use crate::merge::{DeviceReport, devices};

/// Lists and probes the devices.
pub(super) fn run(args: &DevicesArgs) -> Result<(), Failure> {
    let level = Level::chosen()?.name();
    let found = devices();
    if args.json {
        let cpu = json!({ "threads": threads(None), "level": level });
        return out::print_json(&json!({ "cpu": cpu, "gpus": found }));
    }
    let mut text = format!("cpu      {}, {}\n", counted(threads(None), "thread"), level);
    for device in &found {
        text.push_str(&describe(device));
    }
    if found.is_empty() {
        text.push_str("no GPU adapter found; merges run on the CPU\n");
    }
    out::print(&text)
}

fn describe(device: &DeviceReport) -> String {
    let mut text = format!(
        "gpu:{}    {} ({}, {}; {}); bindings up to {}\n",
        device.index,
        device.name,
        device.backend,
        device.kind,
        device.driver,
        human(device.binding_bytes)
    );
    let passed = device.checks.iter().filter(|check| check.passed).count();
    let verdict = match (device.is_trusted(), device.software) {
        (false, _) if !device.fault.is_empty() => device.fault.clone(),
        (false, _) => "not used: its results differ from the CPU's".to_owned(),
        (true, true) => "trusted, but in software: used only when named".to_owned(),
        (true, false) => "trusted".to_owned(),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "         {verdict}; {passed} of {} checks passed",
        device.checks.len()
    );
    for check in &device.checks {
        let outcome = if check.passed {
            "same bytes"
        } else {
            check.detail.as_str()
        };
        let _ = writeln!(text, "           {:24} {outcome}", check.name);
    }
    text
}
