//! C, Rust and the description agree on every struct: sizes, offsets, and what the initializers
//! write.

use crate::rendered;
use crate::tools::{altered_header, root, run_c};
use fbat::ffi::boundary::types::*;
use fbat::ffi::verify::*;
use fbat::ffi::{append::*, cancel::*, compress::*, copy::*, count::*, error::*, findings::*};
use fbat::ffi::{
    import::*, lineage::*, page::*, plan::*, provenance::*, query::*, region::*, repair::*, set::*,
    store::*, wait::*,
};
use fbat_header::api::{Kind, Shape, Type};
use std::path::Path;

/// A line for each size and offset, of Rust and of the description.
macro_rules! layouts {
    ($($name:ident $size:literal { $($member:ident $offset:literal;)* })*) => {
        /// What Rust says.
        fn ours() -> String {
            let mut text = String::new();
            $(
                text += &line(stringify!($name), size_of::<$name>());
                $(text += &line(
                    concat!(stringify!($name), ".", stringify!($member)),
                    std::mem::offset_of!($name, $member),
                );)*
            )*
            text
        }
        /// What the description says.
        fn described() -> String {
            let mut text = String::new();
            $(
                text += &line(stringify!($name), $size);
                $(text += &line(concat!(stringify!($name), ".", stringify!($member)), $offset);)*
            )*
            text
        }
    };
}
include!("layouts.rs");

fn line(name: &str, number: usize) -> String {
    format!("{name} {number}\n")
}

fn structs() -> impl Iterator<Item = &'static Type> {
    rendered().api.types.iter().filter(|item| item.kind == Kind::Struct)
}

/// What C says.
fn compiled(test: &str, include: &Path) -> Result<String, String> {
    let mut program = String::from("#include \"fbat.h\"\n#include <stdio.h>\nint main(void) {\n");
    for item in structs() {
        let name = &item.name;
        program += &format!("printf(\"{name} %zu\\n\", sizeof({name}));\n");
        for member in item.members() {
            let member = &member.name;
            program +=
                &format!("printf(\"{name}.{member} %zu\\n\", offsetof({name}, {member}));\n");
        }
    }
    run_c(test, &(program + "return 0;\n}\n"), include, &[])
}

#[test]
fn sizes_and_offsets_are_those_of_rust_and_of_c() {
    assert_eq!(ours(), described());
    assert_eq!(compiled("layout", &root().join("include")).unwrap(), described());
}

#[test]
fn a_member_in_another_place_is_noticed() {
    let include = altered_header(
        "layout-canary-header",
        "uint64_t visible;",
        "uint32_t visible;\n  uint32_t odd[3];",
    );
    assert_ne!(compiled("layout-canary", &include).unwrap(), described());
}

/// An initializer sets the size, what the description says, and zero elsewhere.
#[test]
fn initializers_write_the_size_and_zero() {
    let mut program = String::from(
        "#include \"fbat.h\"\n#include <stdio.h>\n#include <string.h>\nint main(void) {\n",
    );
    let mut count = 0;
    for item in structs() {
        let Shape::Struct { sized, members, .. } = &item.shape else { continue };
        let name = &item.name;
        let initializer = format!("{}_INIT", name.to_uppercase());
        if !rendered().api.macros.iter().any(|m| m.name == initializer) {
            continue;
        }
        count += 1;
        program += &format!(
            "{{ static const {name} found = {initializer}; {name} wanted; \
             memset(&wanted, 0, sizeof wanted);\n"
        );
        if *sized {
            program += "wanted.struct_size = sizeof wanted;\n";
        }
        for member in members {
            if let Some(value) = member.initial {
                program += &format!("wanted.{} = {value};\n", member.name);
            }
        }
        program += &format!(
            "if (memcmp(&found, &wanted, sizeof found)) printf(\"{name} differs\\n\"); }}\n"
        );
    }
    assert!(count > 20, "{count} initializers are too few");
    let output = run_c("initializers", &(program + "return 0;\n}\n"), &root().join("include"), &[]);
    assert_eq!(output.unwrap(), "");
}
