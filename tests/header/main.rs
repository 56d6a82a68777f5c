//! The header: generated, and compared with what is committed.
mod generate;
use std::path::Path;

#[test]
fn bless() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fresh = generate::header(root);
    if std::env::var_os("FBAT_BLESS").is_some() {
        std::fs::write(root.join("include/fbat.h"), &fresh).unwrap();
    }
}
