//! `fbat-header DIRECTORY`: renders `fbat.h`, `fbat_ffi.h` and `api.json` into a directory.

use std::path::Path;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(directory), None) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: fbat-header DIRECTORY");
        std::process::exit(2);
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("scripts/header");
    let rendered = fbat_header::render(root);
    for (name, text) in rendered.files() {
        let path = Path::new(&directory).join(name);
        if let Err(e) = std::fs::write(&path, text) {
            eprintln!("fbat-header: {}: {e}", path.display());
            std::process::exit(1);
        }
    }
}
