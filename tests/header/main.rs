//! The header is the product: it is what `src/ffi` says, every compiler takes it, the library
//! exports what it declares, and everything in it is documented.

mod layout;
mod tools;

use fbat_header::api::{Api, Kind};
use fbat_header::Rendered;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use tools::{altered_header, root, run, run_c, scratch};

/// What `src/ffi` gives, rendered once.
fn rendered() -> &'static Rendered {
    static RENDERED: OnceLock<Rendered> = OnceLock::new();
    RENDERED.get_or_init(|| fbat_header::render(root()))
}

/// Where two texts part: the line and what each has there.
fn difference(committed: &str, fresh: &str) -> Option<String> {
    let (mut left, mut right) = (committed.lines(), fresh.lines());
    for number in 1.. {
        match (left.next(), right.next()) {
            (None, None) => return None,
            (a, b) if a == b => {}
            (a, b) => {
                return Some(format!(
                    "line {number}: {a:?} is committed, {b:?} is what src/ffi gives"
                ))
            }
        }
    }
    None
}

fn committed(name: &str) -> String {
    fs::read_to_string(root().join("include").join(name)).unwrap_or_default()
}

#[test]
fn what_is_committed_is_what_src_ffi_gives() {
    for (name, fresh) in rendered().files() {
        if name.starts_with("build/") {
            continue;
        }
        let committed = fs::read_to_string(root().join(name)).unwrap_or_default();
        if let Some(difference) = difference(&committed, fresh) {
            panic!("{name} is out of date (make header writes it again): {difference}");
        }
    }
}

#[test]
fn a_header_that_drifted_is_noticed() {
    let header = &rendered().header;
    for (from, to) in
        [("FBAT_ERR_BUSY 400", "FBAT_ERR_BUSY 401"), ("uint64_t sequence;", "uint32_t sequence;")]
    {
        assert!(difference(&header.replacen(from, to, 1), header).is_some());
    }
    assert!(difference(header.trim_end_matches("*/\n"), header).is_some());
}

/// Every dialect, and the compilers that must take it.
const DIALECTS: [(&str, &[&str]); 9] = [
    ("c99", &["gcc", "clang"]),
    ("c11", &["gcc", "clang"]),
    ("c17", &["gcc", "clang"]),
    ("gnu2x", &["gcc", "clang"]),
    ("c++11", &["g++", "clang++"]),
    ("c++14", &["g++", "clang++"]),
    ("c++17", &["g++", "clang++"]),
    ("c++20", &["g++", "clang++"]),
    ("c++2b", &["g++", "clang++"]),
];

/// A program that uses every initializer.
fn program_with_initializers() -> String {
    let macros = rendered().api.macros.iter();
    let names = macros.filter_map(|item| item.name.strip_suffix("_INIT"));
    let declare = |name: &str| {
        let kind = name.to_lowercase();
        let variable = kind.replacen("fbat_", "a_", 1);
        format!(
            "  {kind} {variable} = {name}_INIT;\n  (void)sizeof {variable};\n  (void){variable};\n"
        )
    };
    let uses: String = names.map(declare).collect();
    assert!(uses.contains("fbat_event a_event = FBAT_EVENT_INIT") && uses.contains("fbat_id a_id"));
    format!("#include \"fbat.h\"\nint main(void) {{\n{uses}  return 0;\n}}\n")
}

fn compile_everywhere(name: &str, source: &str, include: &Path) -> Vec<String> {
    let directory = scratch(name);
    let mut failures = Vec::new();
    for (dialect, compilers) in DIALECTS {
        let file = directory.join(if dialect.starts_with("c++") { "main.cpp" } else { "main.c" });
        fs::write(&file, source).unwrap();
        for compiler in compilers {
            failures.extend(tools::check_syntax(compiler, dialect, &file, include).err());
        }
    }
    failures
}

#[test]
fn every_dialect_of_c_and_cpp_takes_the_header_and_each_initializer_without_a_warning() {
    let failures =
        compile_everywhere("dialects", &program_with_initializers(), &root().join("include"));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn an_initializer_that_lacks_a_member_is_noticed() {
    let include = altered_header(
        "short-initializer",
        "{sizeof(fbat_frontier), 0, 0}",
        "{sizeof(fbat_frontier), 0}",
    );
    let failures =
        compile_everywhere("short-initializer-dialects", &program_with_initializers(), &include);
    assert_eq!(failures.len(), DIALECTS.len() * 2, "{}", failures.join("\n"));
}

#[test]
fn the_program_on_the_first_page_compiles_and_runs() {
    let program = &rendered().api.introduction.code;
    let store = scratch("first-page-store").join("orders.fbat");
    let output =
        run_c("first-page", program, &root().join("include"), &[store.to_str().unwrap()]).unwrap();
    assert_eq!(output, "event 2 is version 1 of its order\norder:1: 2 apples\n");
}

/// The functions that the description has.
fn declared() -> BTreeSet<String> {
    rendered().api.functions.iter().map(|function| function.name.clone()).collect()
}

/// The symbols that the library exports.
fn exported() -> BTreeSet<String> {
    let symbols = run("nm", &["-D", "--defined-only", tools::library().to_str().unwrap()]).unwrap();
    symbols.lines().filter_map(|line| Some(line.split_whitespace().nth(2)?.to_owned())).collect()
}

#[test]
fn the_library_exports_what_the_header_declares_and_nothing_else() {
    let (exported, mut declared) = (exported(), declared());
    assert!(declared.contains("fbat_import") && declared.contains("fbat_version_string"));
    // The library of the tests has seams; `scripts/abi shipped` looks at the one without.
    let seams = fs::read_to_string(root().join("tests/abi/internal.h")).unwrap();
    let is_seam = |name: &&String| seams.contains(&format!("{name}("));
    declared.extend(exported.iter().filter(is_seam).cloned());
    assert_eq!(exported, declared);
}

#[test]
fn the_macro_free_header_is_for_parsers_without_a_preprocessor() {
    let text = committed("fbat_ffi.h");
    assert!(!text.contains('#') && !text.contains("FBAT_NODISCARD") && !text.contains("extern"));
    assert!(text.contains("  FBAT_ERR_BUSY = 400,") && text.contains("  FBAT_WIRE_LENIENT = 1,"));
    let api = &rendered().api;
    let names = api.types.iter().map(|item| &item.name);
    for name in names.chain(api.functions.iter().map(|item| &item.name)) {
        assert!(text.contains(name.as_str()), "{name} is missing");
    }
    let file = scratch("macro-free").join("main.c");
    fs::write(
        &file,
        format!("#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n{text}"),
    )
    .unwrap();
    tools::check_syntax("gcc", "c99", &file, &root().join("include")).unwrap();
    // Python's cffi has a parser of its own; where it is not installed, gcc has to do.
    if run("python3", &["-c", "import cffi"]).is_ok() {
        let program = "import cffi; f = cffi.FFI(); f.cdef(open('include/fbat_ffi.h').read()); \
                       print(f.sizeof('fbat_event'), f.typeof('fbat_filter_fn').args[1].cname)";
        let size = size_of::<fbat::ffi::append::fbat_event>();
        assert_eq!(run("python3", &["-c", program]).unwrap(), format!("{size} fbat_record *\n"));
    }
}

#[test]
fn the_library_names_its_interface_and_stays_loaded() {
    let interface = format!(
        "libfbat.so.{}.{}",
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR")
    );
    assert_eq!(tools::soname(), interface);
    let dynamic = run("readelf", &["-d", tools::library().to_str().unwrap()]).unwrap();
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
}

#[test]
fn header_library_and_package_have_one_version() {
    let program =
        "#include \"fbat.h\"\n#include <stdio.h>\n#include <string.h>\nint main(void) {\n\
        printf(\"%s %s %u.%u.%u %d %s\", FBAT_VERSION, fbat_version_string(), FBAT_VERSION_MAJOR, \
        FBAT_VERSION_MINOR, FBAT_VERSION_PATCH, FBAT_ABI_VERSION == fbat_abi_version(), \
        FBAT_PROVENANCE_MAGIC);\nreturn 0;\n}\n";
    let version = env!("CARGO_PKG_VERSION");
    let magic = std::str::from_utf8(fbat::engine::model::provenance::MAGIC).unwrap();
    let output = run_c("versions", program, &root().join("include"), &[]).unwrap();
    assert_eq!(output, format!("{version} {version} {version} 1 {magic}"));
    let schema = u32::from(fbat::engine::model::provenance::SCHEMA_VERSION);
    assert_eq!(fbat::ffi::provenance::FBAT_PROVENANCE_SCHEMA_VERSION, schema);
}

/// Where else the version is written, for those who read no Cargo.toml.
#[test]
fn every_package_has_the_version_of_the_library() {
    let version = env!("CARGO_PKG_VERSION");
    let (interface, _) = version.rsplit_once('.').unwrap();
    for (name, text) in [
        ("packaging/debian/changelog", format!("fbat ({version}-")),
        ("packaging/debian/control", format!("Package: libfbat{interface}\n")),
        (&format!("packaging/debian/libfbat{interface}.install"), "libfbat.so.*".to_owned()),
        ("bindings/java/pom.xml", format!("<version>{version}</version>")),
        ("bindings/node/package.json", format!("\"version\": \"{version}\"")),
        ("docs/packaging.md", format!("find_package(fbat {interface} REQUIRED)")),
        ("README.md", format!("find_package(fbat {interface} REQUIRED)")),
    ] {
        let file = fs::read_to_string(root().join(name)).unwrap_or_default();
        assert!(file.contains(&text), "{name} has no {text:?}");
    }
}

/// What the comments lack.
fn undocumented(api: &Api) -> Vec<String> {
    let mut faults = Vec::new();
    let mut require = |condition: bool, name: &str, what: &str| {
        if !condition {
            faults.push(format!("{name}: {what}"));
        }
    };
    for item in &api.constants {
        require(item.since.starts_with("0."), &item.name, "no @since");
        require(!item.doc.is_empty(), &item.name, "no comment");
    }
    for item in &api.types {
        require(item.since.starts_with("0."), &item.name, "no @since");
        require(!item.doc.is_empty(), &item.name, "no comment");
        let is_opaque = item.kind == Kind::Opaque;
        require(!is_opaque || !item.threads.is_empty(), &item.name, "no word on threads");
        for member in item.members() {
            require(!member.doc.is_empty(), &member.name, "no comment");
        }
    }
    for item in &api.functions {
        let name = &item.name;
        require(item.since.starts_with("0."), name, "no @since");
        require(!item.doc.is_empty(), name, "no comment");
        require(!item.threads.is_empty(), name, "no word on threads");
        require(item.params.iter().all(|param| !param.doc.is_empty()), name, "no @param");
        let says =
            !item.return_doc.is_empty() || item.retvals.iter().any(|r| r.status == "FBAT_OK");
        require(says || item.returns == "void", name, "no result");
        for retval in &item.retvals {
            let is_known = api.constants.iter().any(|status| status.name == retval.status);
            require(is_known, name, &format!("{} is no status", retval.status));
        }
    }
    faults
}

#[test]
fn everything_says_since_when_on_which_threads_and_with_which_status() {
    let faults = undocumented(&rendered().api);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let mut api = fbat_header::render(root()).api;
    let function = api.functions.iter_mut().find(|f| f.name == "fbat_import").unwrap();
    function.since.clear();
    function.threads.clear();
    function.params[0].doc.clear();
    function.retvals[1].status = "FBAT_ERR_SHUT".into();
    assert_eq!(undocumented(&api).len(), 4);
}

#[test]
fn doxygen_finds_nothing_undocumented() {
    fn doxygen(header: &Path, name: &str) -> Result<String, String> {
        let directory = scratch(name);
        let settings = fs::read_to_string(root().join("docs/Doxyfile")).unwrap();
        let file = directory.join("Doxyfile");
        let (input, output) = (header.display(), directory.display());
        fs::write(&file, format!("{settings}\nINPUT = {input}\nOUTPUT_DIRECTORY = {output}\n"))
            .unwrap();
        run("doxygen", &[file.to_str().unwrap()])
    }
    doxygen(&root().join("include/fbat.h"), "doxygen").unwrap();
    let altered = altered_header("doxygen-canary-header", "@param destination ", "@param target ");
    assert!(doxygen(&altered.join("fbat.h"), "doxygen-canary").is_err());
}
