//! The tools that judge a header: compilers, binutils, doxygen. A missing one is a failure that
//! says so, never a test left out.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub const WARNINGS: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"];

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// An empty directory of the test's own.
pub fn scratch(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("header").join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// Runs a program; what it wrote to both outputs, as an error where it failed.
pub fn run(program: impl AsRef<OsStr>, arguments: &[&str]) -> Result<String, String> {
    let program = program.as_ref();
    let name = program.to_string_lossy();
    let output = match Command::new(program).args(arguments).current_dir(root()).output() {
        Ok(output) => output,
        Err(e) if e.kind() == ErrorKind::NotFound => {
            panic!("{name} is missing: install it to test the header")
        }
        Err(e) => panic!("{name}: {e}"),
    };
    let Output { status, stdout, stderr } = output;
    let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    match status.success() {
        true => Ok(text),
        false => Err(format!("{name} {}: {status}\n{text}", arguments.join(" "))),
    }
}

/// The library that these tests were built with.
pub fn library() -> PathBuf {
    let library = std::env::current_exe().unwrap().with_file_name("libfbat.so");
    assert!(library.exists(), "{} is missing", library.display());
    library
}

/// Compiles a C program against the library in a directory of its own, and runs it.
pub fn run_c(
    name: &str,
    source: &str,
    include: &Path,
    arguments: &[&str],
) -> Result<String, String> {
    let directory = scratch(name);
    let (file, program) = (directory.join("main.c"), directory.join("main"));
    fs::write(&file, source).unwrap();
    std::os::unix::fs::symlink(library(), directory.join(soname())).unwrap();
    let paths = [&file, &program, &directory.join(soname()), &directory]
        .map(|p| p.to_str().unwrap().to_owned());
    let include = format!("-I{}", include.display());
    let rpath = format!("-Wl,-rpath,{}", paths[3]);
    let mut compile = vec!["-std=c99", &include];
    compile.extend(WARNINGS);
    compile.extend([&*paths[0], "-o", &*paths[1], &*paths[2], &*rpath]);
    run("gcc", &compile)?;
    run(&program, arguments)
}

/// What the library calls itself.
pub fn soname() -> String {
    let dynamic = run("readelf", &["-d", library().to_str().unwrap()]).unwrap();
    let line = dynamic.lines().find(|line| line.contains("(SONAME)")).expect("a soname");
    line.split(['[', ']']).nth(1).unwrap().to_owned()
}

/// A copy of the header with something in it replaced, in a directory of its own.
pub fn altered_header(name: &str, from: &str, to: &str) -> PathBuf {
    let directory = scratch(name);
    let header = fs::read_to_string(root().join("include/fbat.h")).unwrap();
    assert!(header.contains(from), "the canary {name} has nothing to replace");
    fs::write(directory.join("fbat.h"), header.replacen(from, to, 1)).unwrap();
    directory
}
