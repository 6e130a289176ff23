//! Documents that are generated: the committed file must be what the program says now.

use std::path::Path;

#[test]
fn methods_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/METHODS.md");
    let page = wgmerge::cli::methods_markdown();
    if std::env::var_os("WGMERGE_BLESS").is_some() {
        std::fs::write(&path, &page).expect("docs/METHODS.md can be written");
    }
    let committed = std::fs::read_to_string(&path).expect("docs/METHODS.md can be read");
    assert!(
        committed == page,
        "docs/METHODS.md is not what the table of methods says: run the tests with WGMERGE_BLESS=1"
    );
}

#[test]
fn methods_page_has_every_method_and_parameter() {
    let page = wgmerge::cli::methods_markdown();
    for method in wgmerge::method::METHODS {
        let begin = page.find(&format!("\n### {}\n", method.id));
        let section = &page[begin.expect("a section for each method") + 1..];
        let section = &section[..section.find("\n### ").unwrap_or(section.len())];
        assert!(section.contains(method.formula), "{}", method.id);
        assert!(section.contains(method.source), "{}", method.id);
        for parameter in method.parameters {
            let row = format!("\n| `{}` |", parameter.name);
            assert!(section.contains(&row), "{} {}", method.id, parameter.name);
        }
    }
}

/// The test command finds a driver in one of several folders, most of which are not there, and
/// finds none where there is none: the first must not ask for root.
#[cfg(unix)]
#[test]
fn the_test_command_sees_a_driver_that_is_there() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run");
    let text = std::fs::read_to_string(script).expect("tests/run");
    let begin = text.find("\nhas_driver() {").expect("the function");
    let function = &text[begin..];
    let end = function.find("\n}\n").expect("its end") + 3;
    let folder = tempfile::tempdir().expect("scratch");
    std::fs::create_dir(folder.path().join("full")).expect("scratch");
    std::fs::create_dir(folder.path().join("empty")).expect("scratch");
    std::fs::write(folder.path().join("full/driver.json"), "{}").expect("scratch");
    for (call, found) in [
        ("has_driver none full empty", true),
        ("has_driver none empty", false),
    ] {
        let script = format!("set -euo pipefail\n{}{call}\n", &function[..end]);
        let status = std::process::Command::new("bash")
            .current_dir(folder.path())
            .args(["-c", &script])
            .status();
        // A machine without bash does not run tests/run either.
        if let Ok(status) = status {
            assert_eq!(status.success(), found, "{call}");
        }
    }
}

/// The page about formats has a line for each that an output can be asked for.
#[test]
fn every_format_is_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/FORMATS.md");
    let text = std::fs::read_to_string(path).expect("the page");
    for target in wgmerge::recipe::target::TARGETS {
        let row = format!("| `{}` | {} |", target.word, target.summary);
        assert!(text.contains(&row), "{row}");
    }
    for word in wgmerge::recipe::target::Layers::WORDS {
        assert!(text.contains(&format!("`{word}`")), "{word}");
    }
}
