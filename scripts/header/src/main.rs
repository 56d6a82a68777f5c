//! `fbat-header [--all]`: writes what is rendered from `src/ffi` into the source tree:
//! `build/api.json`, and with `--all` what is committed too.

fn main() {
    let all = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--all") => true,
        Some(_) => {
            eprintln!("usage: fbat-header [--all]");
            std::process::exit(2);
        }
    };
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    let root = root.expect("scripts/header");
    for (name, text) in fbat_header::render(root).files() {
        if all || name == "build/api.json" {
            let path = root.join(name);
            let written = std::fs::create_dir_all(path.parent().expect("a directory"))
                .and_then(|()| std::fs::write(&path, text));
            if let Err(e) = written {
                eprintln!("fbat-header: {}: {e}", path.display());
                std::process::exit(1);
            }
        }
    }
}
