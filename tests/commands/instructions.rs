//! The environment variable that chooses the instruction set.

use serde_json::Value;
use wgmerge::exec::cpu::Level;

use crate::support::command::wgmerge;

/// What `wgmerge devices --json` ends with and prints where the variable says this.
fn devices(wish: &str) -> (Option<i32>, String, String) {
    let output = wgmerge()
        .args(["devices", "--json"])
        .env(Level::VARIABLE, wish)
        .output()
        .expect("the command starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn the_variable_chooses_an_instruction_set() {
    for (wish, level) in [
        ("baseline", Ok(Level::BASELINE)),
        ("", Ok(Level::detect())),
        ("avx2", Level::named("avx2")),
        ("avx512", Level::named("avx512")),
    ] {
        let (code, out, errors) = devices(wish);
        match level {
            Ok(level) => {
                let found: Value = serde_json::from_str(&out).expect("JSON");
                assert_eq!(found["cpu"]["level"], level.name(), "{wish:?}");
            }
            Err(missing) => {
                println!("skipped {wish}: {missing}");
                assert_eq!(code, Some(2));
                assert!(errors.contains(&missing.to_string()), "{errors}");
            }
        }
    }
}

#[test]
fn an_unknown_instruction_set_is_told() {
    for wish in ["AVX2", "sse9", "best"] {
        let (code, _, errors) = devices(wish);
        assert_eq!(code, Some(2));
        let told = format!("error: WGMERGE_SIMD is {wish:?}; on this machine it may be baseline");
        assert!(errors.starts_with(&told), "{errors}");
    }
}
