//! `fbat-header [--all | --check] [ROOT]`: writes what is rendered from `src/ffi` into the source
//! tree at ROOT, or the current directory: `build/api.json`, and with `--all` what is committed
//! too. `--check` compares the latter.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mode = arguments.iter().position(|argument| argument.starts_with("--"));
    let mode = mode.map(|at| arguments.remove(at)).unwrap_or_default();
    // Not where it was compiled: a copy of the tree may share what cargo builds.
    let root = arguments.first().map_or(PathBuf::from("."), PathBuf::from);
    if !matches!(mode.as_str(), "" | "--all" | "--check") || arguments.len() > 1 {
        eprintln!("usage: fbat-header [--all | --check] [ROOT]");
        return ExitCode::from(2);
    }
    let mut code = ExitCode::SUCCESS;
    for (name, text) in fbat_header::render(&root).files() {
        let path = root.join(name);
        let is_committed = !name.starts_with("build/");
        if mode == "--check" && is_committed {
            if std::fs::read_to_string(&path).ok().as_deref() != Some(text) {
                println!("{name} is out of date: make header writes it again");
                code = ExitCode::FAILURE;
            }
        } else if mode == "--all" || !is_committed {
            if let Err(e) = write(&path, text) {
                eprintln!("fbat-header: {}: {e}", path.display());
                return ExitCode::FAILURE;
            }
        }
    }
    code
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(path.parent().expect("a directory"))?;
    std::fs::write(path, text)
}
