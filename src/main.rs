//! The `wgmerge` command.

fn main() -> std::process::ExitCode {
    hush_wayland();
    wgmerge::cli::run()
}

/// Mesa's Vulkan layer asks the Wayland compositor which GPU it uses. Where there is no session,
/// as on a server, libwayland answers on standard error with a line that begins with `error:`. With
/// the path of a socket that is not there it finds out in silence.
#[cfg(all(target_os = "linux", feature = "gpu"))]
#[expect(
    unsafe_code,
    reason = "layers of Vulkan take this from the environment alone, and to start the program anew \
        with another one would break those that start it through a loader of theirs"
)]
fn hush_wayland() {
    let unset = |name| std::env::var_os(name).is_none_or(|value| value.is_empty());
    if unset("XDG_RUNTIME_DIR") && unset("WAYLAND_DISPLAY") {
        // SAFETY: this is the first thing that the process does: no other thread is there to read
        // the environment.
        unsafe { std::env::set_var("WAYLAND_DISPLAY", "/nonexistent/wayland") };
    }
}

#[cfg(not(all(target_os = "linux", feature = "gpu")))]
fn hush_wayland() {}
