//! Makes the two headers from `src/ffi`: each of its files becomes a section, by way of cbindgen.

use cbindgen::{Builder, Config};
use std::fs;
use std::path::Path;

/// The files of each section, in the order of the header; the last one says what it is about.
const SECTIONS: [&[&str]; 19] = [
    &["boundary/types"],
    &["boundary/status"],
    &["version"],
    &["boundary/error", "error"],
    &["buffer"],
    &["id"],
    &["log"],
    &["cancel"],
    &["region"],
    &["boundary/store", "store"],
    &["append"],
    &["page"],
    &["query"],
    &["provenance"],
    &["import"],
    &["findings"],
    &["verify"],
    &["copy"],
    &["repair"],
];

/// `include/fbat.h`, as it should be.
pub fn header(root: &Path) -> String {
    let page = |name: &str| fs::read_to_string(root.join("src/ffi/header").join(name)).unwrap();
    let mut text = page("first_page.h");
    for files in SECTIONS {
        text += &section(root, files);
    }
    text + "\n" + &page("last_page.h")
}

/// `include/fbat_ffi.h`: the same for tools that have no preprocessor. No macro, no comment but the
/// first, constants as enumerators.
pub fn ffi_header(header: &str) -> String {
    let code = without_comments(header);
    let mut constants = String::new();
    let mut declarations = String::new();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        if let Some(definition) = line.strip_prefix("#define ") {
            let (name, value) = definition.split_once(' ').unwrap_or((definition, ""));
            if let Ok(number) = value.trim_end_matches('u').parse::<i32>() {
                constants += &format!("  {name} = {number},\n");
            }
            if line.ends_with('\\') {
                lines.by_ref().find(|line| !line.ends_with('\\'));
            }
        } else if !line.starts_with('#')
            && !matches!(line.trim_end(), "FBAT_NODISCARD" | "extern \"C\" {" | "}" | "")
        {
            declarations += &format!("{line}\n");
        }
    }
    format!(
        "/* fbat.h for tools that have no preprocessor: cffi, LuaJIT, PHP FFI. Types of stdbool.h,\n \
         * stddef.h and stdint.h are taken for granted. Generated as fbat.h is, which says what all this means. */\n\
         enum {{\n{constants}}};\n{declarations}"
    )
}

fn without_comments(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("/*") {
        code += before;
        rest = comment.split_once("*/").expect("a comment without an end").1;
    }
    code + rest
}

/// A section: the first comment of its last file as the text of a group, then what cbindgen makes of
/// its files.
fn section(root: &Path, files: &[&str]) -> String {
    let path = |name: &str| root.join(format!("src/ffi/{name}.rs"));
    let last = files[files.len() - 1];
    let source = fs::read_to_string(path(last)).unwrap();
    let name = last.rsplit('/').next().unwrap();
    let mut comment = source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let title = comment.next().unwrap_or_else(|| panic!("{name}.rs has no title"));
    let about: String =
        comment.filter(|line| !line.is_empty()).map(|line| format!(" * {line}\n")).collect();
    let body: String = files.iter().map(|file| declarations(root, &path(file))).collect();
    let rule = "-".repeat(90 - title.len());
    format!(
        "\n/* {rule} {title} */\n\n/** @defgroup fbat_{name} {title}\n{about} * @{{\n */\n\n{}\n\n/** @}} */\n",
        body.trim()
    )
}

/// What cbindgen makes of one file.
fn declarations(root: &Path, path: &Path) -> String {
    let mut config = Config::from_file(root.join("cbindgen.toml")).unwrap();
    // cbindgen leaves out structs and opaque types that no function of the same file names.
    config.export.include = declared_types(&fs::read_to_string(path).unwrap());
    let bindings = Builder::new().with_config(config).with_src(path).generate().unwrap();
    let mut text = Vec::new();
    bindings.write(&mut text);
    short_comments(&without_struct(&String::from_utf8(text).unwrap()))
}

/// A comment of one line needs no more.
fn short_comments(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut short = String::new();
    let mut at = 0;
    while at < lines.len() {
        let is_short =
            lines[at].trim() == "/**" && lines.get(at + 2).is_some_and(|end| end.trim() == "*/");
        if is_short {
            let indent = &lines[at][..lines[at].len() - 3];
            short += &format!("{indent}/** {} */\n", lines[at + 1].trim().trim_start_matches("* "));
            at += 3;
        } else {
            short += &format!("{}\n", lines[at]);
            at += 1;
        }
    }
    short
}

/// cbindgen writes `struct` before types of the same section, and not before others.
fn without_struct(text: &str) -> String {
    let plain = |line: &str| match line.starts_with("typedef struct") {
        true => format!("{line}\n"),
        false => format!("{}\n", line.replace("struct fbat_", "fbat_")),
    };
    text.lines().map(plain).collect()
}

/// The names of a file's public types.
fn declared_types(source: &str) -> Vec<String> {
    let name = |line: &str| {
        let rest = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub type "))?;
        Some(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?.to_owned())
    };
    source.lines().filter_map(name).collect()
}
