//! The `wgmerge` command.

fn main() -> std::process::ExitCode {
    wgmerge::cli::run()
}
