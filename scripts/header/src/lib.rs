//! One description of the C interface, and what is rendered from it. cbindgen makes the sections of
//! the header out of `src/ffi`; they are read into an [`Api`], from which the initializers,
//! `fbat_ffi.h` and `api.json` are rendered. Nothing else reads the header's text.

pub mod api;
mod comment;
mod initializers;
mod read;
mod sections;

use api::Api;
use std::path::Path;

/// What is rendered from `src/ffi`.
pub struct Rendered {
    /// `include/fbat.h`.
    pub header: String,
    /// `include/fbat_ffi.h`: the same for tools that have no preprocessor.
    pub ffi_header: String,
    /// `tests/header/layouts.rs`: every struct and member, for Rust to compare with its own.
    pub layouts: String,
    /// `build/api.json`: the same for programs.
    pub description: String,
    /// What the description says.
    pub api: Api,
}

impl Rendered {
    /// Each file with its place in the source tree.
    pub fn files(&self) -> [(&'static str, &str); 4] {
        [
            ("include/fbat.h", &self.header),
            ("include/fbat_ffi.h", &self.ffi_header),
            ("tests/header/layouts.rs", &self.layouts),
            ("build/api.json", &self.description),
        ]
    }
}

/// Renders everything for the source tree at `root`.
pub fn render(root: &Path) -> Rendered {
    let mut source = sections::read(root);
    let mut api = read::api(&source);
    source.fill_in(&initializers::render(&api));
    api.macros = read::macros(&source);
    let description = serde_json::to_string_pretty(&api).expect("plain data") + "\n";
    Rendered {
        header: source.header(),
        ffi_header: api.ffi_header(),
        layouts: api.layouts(),
        description,
        api,
    }
}
