//! The header's text: a first page, sections that cbindgen makes of the files of `src/ffi`, the
//! initializers, and a last page.

use cbindgen::{Builder, Config};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The files of each section, in the order of the header; the last one says what it is about.
const SECTIONS: [&[&str]; 26] = [
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
    &["wait"],
    &["append"],
    &["batch"],
    &["page"],
    &["query"],
    &["count"],
    &["provenance"],
    &["import"],
    &["plan"],
    &["lineage"],
    &["set"],
    &["findings"],
    &["verify"],
    &["copy"],
    &["compress"],
    &["repair"],
];

/// A section of the header.
pub struct Section {
    pub name: String,
    pub title: String,
    /// What it is about, a line of the comment each.
    pub about: Vec<String>,
    /// Comments and declarations.
    pub body: String,
}

/// Everything that the header is made of.
pub struct Source {
    pub version: String,
    pub first_page: String,
    pub sections: Vec<Section>,
    pub initializers: Section,
    /// The Rust type of each constant.
    pub constants: BTreeMap<String, String>,
    last_page: String,
}

/// Reads the source tree at `root`.
pub fn read(root: &Path) -> Source {
    let text = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    let page = |name: &str| text(&root.join("src/ffi/header").join(name));
    let version = package_version(&text(&root.join("Cargo.toml")));
    let mut constants = BTreeMap::new();
    let mut sections = Vec::new();
    for files in SECTIONS {
        let paths = files.iter().map(|file| root.join(format!("src/ffi/{file}.rs")));
        let paths: Vec<_> = paths.collect();
        let sources: Vec<String> = paths.iter().map(|path| text(path)).collect();
        sources.iter().for_each(|source| constants.extend(constant_types(source)));
        let name = files[files.len() - 1].rsplit('/').next().expect("a name").to_owned();
        let lines = sources[sources.len() - 1].lines().map_while(|line| line.strip_prefix("//!"));
        // What cbindgen can't make: constants that are text.
        let mut body = page(&format!("{name}.h")).replace("@VERSION@", &version);
        for (path, source) in paths.iter().zip(&sources) {
            body += &declarations(root, path, source);
        }
        sections.push(section(name, lines, &body));
    }
    let initializers = page("init.h");
    let about = initializers.lines().map_while(|line| line.strip_prefix("//"));
    let body: String = initializers
        .lines()
        .skip_while(|line| line.starts_with("//"))
        .fold(String::new(), |text, line| text + line + "\n");
    Source {
        initializers: section("init".into(), about, &body),
        first_page: page("first_page.h"),
        last_page: page("last_page.h"),
        version,
        sections,
        constants,
    }
}

impl Source {
    /// Puts the rendered initializers after what `src/ffi/header/init.h` has.
    pub fn fill_in(&mut self, initializers: &str) {
        self.initializers.body += "\n\n";
        self.initializers.body += initializers.trim_end();
    }

    /// `include/fbat.h`.
    pub fn header(&self) -> String {
        let mut text = self.first_page.clone();
        for section in self.sections.iter().chain([&self.initializers]) {
            text += &section.text();
        }
        text + "\n" + &self.last_page
    }
}

impl Section {
    fn text(&self) -> String {
        let Section { name, title, about, body } = self;
        let rule = "-".repeat(90 - title.len());
        let about: String = about.iter().map(|line| format!(" * {line}\n")).collect();
        format!(
            "\n/* {rule} {title} */\n\n/** @defgroup fbat_{name} {title}\n{about} * @{{\n */\n\n\
             {body}\n\n/** @}} */\n"
        )
    }
}

/// A section whose title is the first of `lines`, and what it is about the others.
fn section<'a>(name: String, lines: impl Iterator<Item = &'a str>, body: &str) -> Section {
    let mut lines = lines.map(|line| line.trim().to_owned());
    let title = lines.next().unwrap_or_else(|| panic!("the section {name} has no title"));
    let about = lines.filter(|line| !line.is_empty()).collect();
    Section { name, title, about, body: body.trim().to_owned() }
}

fn package_version(manifest: &str) -> String {
    let mut versions = manifest.lines().filter_map(|line| line.strip_prefix("version = \""));
    versions.next().expect("a version").trim_end_matches('"').to_owned()
}

/// The types of a file's public constants.
fn constant_types(source: &str) -> Vec<(String, String)> {
    let constant = |line: &str| {
        let (name, rest) = line.strip_prefix("pub const ")?.split_once(": ")?;
        Some((name.to_owned(), rest.split_once(" =")?.0.to_owned()))
    };
    source.lines().filter_map(constant).collect()
}

/// What cbindgen makes of one file.
fn declarations(root: &Path, path: &Path, source: &str) -> String {
    let mut config = Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
    // cbindgen leaves out structs and opaque types that no function of the same file names.
    config.export.include = declared_types(source);
    let bindings = Builder::new().with_config(config).with_src(path).generate();
    let mut text = Vec::new();
    bindings.unwrap_or_else(|e| panic!("{}: {e}", path.display())).write(&mut text);
    short_comments(&without_struct(&String::from_utf8(text).expect("text")))
}

/// The names of a file's public types.
fn declared_types(source: &str) -> Vec<String> {
    let name = |line: &str| {
        let rest = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub type "))?;
        Some(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?.to_owned())
    };
    source.lines().filter_map(name).collect()
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
