//! Names the shared library as its binary interface is named, and keeps it loaded: hooks for forks
//! and panics point into it.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // For the tests, which compile C for the same target.
    for name in ["HOST", "TARGET"] {
        let triple = std::env::var(name).unwrap_or_default();
        println!("cargo:rustc-env=FBAT_{name}={triple}");
    }
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        let part = |name| std::env::var(name).unwrap_or_default();
        // As long as the major version is 0, each minor version is an interface of its own.
        let interface = match part("CARGO_PKG_VERSION_MAJOR").as_str() {
            "0" => format!("0.{}", part("CARGO_PKG_VERSION_MINOR")),
            major => major.to_owned(),
        };
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libfbat.so.{interface}");
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
