//! The description of the C interface, as `build/api.json` has it.

use crate::comment::Chapter;
use serde::Serialize;

/// The whole interface, in the order of the header.
#[derive(Debug, Serialize)]
pub struct Api {
    pub version: String,
    pub abi_version: u64,
    pub introduction: Introduction,
    pub sections: Vec<Section>,
    pub constants: Vec<Constant>,
    pub macros: Vec<Macro>,
    pub types: Vec<Type>,
    pub functions: Vec<Function>,
}

/// The header's first page.
#[derive(Debug, Default, Serialize)]
pub struct Introduction {
    pub paragraphs: Vec<String>,
    pub code: String,
    pub chapters: Vec<Chapter>,
}

#[derive(Debug, Serialize)]
pub struct Section {
    pub name: String,
    pub title: String,
    pub about: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Value {
    Number(i64),
    Text(String),
}

#[derive(Debug, Serialize)]
pub struct Constant {
    pub name: String,
    pub value: Value,
    /// Of C; `string` for text.
    #[serde(rename = "type")]
    pub of: String,
    /// What `FBAT_GROUP_...` in a comment means; empty for a constant that stands alone.
    pub group: String,
    /// Whether the group's constants are bits, to be combined.
    pub bits: bool,
    pub section: String,
    pub doc: String,
    pub since: String,
}

/// What only a preprocessor understands: initializers, and `FBAT_STR`.
#[derive(Debug, Serialize)]
pub struct Macro {
    pub name: String,
    pub section: String,
    pub doc: String,
    pub since: String,
    pub code: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Struct,
    Opaque,
    Callback,
    Alias,
}

/// Who provides the memory of a struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MadeBy {
    Caller,
    Library,
}

#[derive(Debug, Serialize)]
pub struct Type {
    pub name: String,
    pub kind: Kind,
    pub section: String,
    pub brief: String,
    pub doc: String,
    pub threads: String,
    pub since: String,
    /// The declaration without comments.
    pub code: String,
    #[serde(flatten)]
    pub shape: Shape,
}

/// What the kinds of types have that others lack.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Shape {
    Struct {
        /// Whether it begins with its `struct_size`.
        sized: bool,
        made_by: MadeBy,
        size: usize,
        align: usize,
        members: Vec<Member>,
    },
    Callback {
        returns: String,
        return_doc: String,
        params: Vec<Param>,
    },
    Alias {
        target: String,
    },
    Opaque {},
}

#[derive(Clone, Debug, Serialize)]
pub struct Member {
    pub name: String,
    #[serde(rename = "type")]
    pub of: String,
    pub doc: String,
    /// What the initializer sets, where it is not zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial: Option<&'static str>,
    pub offset: usize,
    pub size: usize,
}

#[derive(Debug, Serialize)]
pub struct Param {
    pub name: String,
    #[serde(rename = "type")]
    pub of: String,
    pub doc: String,
}

#[derive(Debug, Serialize)]
pub struct Retval {
    pub status: String,
    pub doc: String,
}

#[derive(Debug, Serialize)]
pub struct Function {
    pub name: String,
    pub section: String,
    pub returns: String,
    pub params: Vec<Param>,
    pub brief: String,
    pub doc: String,
    /// An example.
    pub example: String,
    pub retvals: Vec<Retval>,
    pub return_doc: String,
    pub threads: String,
    pub since: String,
    pub nodiscard: bool,
    /// The declaration without comments.
    pub code: String,
}

impl Type {
    /// The members of a struct; none of other types.
    pub fn members(&self) -> &[Member] {
        match &self.shape {
            Shape::Struct { members, .. } => members,
            _ => &[],
        }
    }
}

impl Api {
    /// `include/fbat_ffi.h`: no macro, no comment but the first, constants as enumerators.
    pub fn ffi_header(&self) -> String {
        let number = |constant: &Constant| match constant.value {
            Value::Number(value) => Some(format!("  {} = {value},\n", constant.name)),
            Value::Text(_) => None,
        };
        let constants: String = self.constants.iter().filter_map(number).collect();
        let types: String = self.types.iter().map(|item| item.code.clone() + "\n").collect();
        let functions: String =
            self.functions.iter().map(|item| item.code.clone() + "\n").collect();
        format!(
            "/* fbat.h for tools that have no preprocessor: cffi, LuaJIT, PHP FFI. Types of \
             stdbool.h,\n * stddef.h and stdint.h are taken for granted. Generated as fbat.h is, \
             which says what all\n * this means. */\n\
             enum {{\n{constants}}};\n{types}{functions}"
        )
    }

    /// `tests/header/layouts.rs`: structs with their sizes, members with their offsets.
    pub fn layouts(&self) -> String {
        let mut text = "// Generated from src/ffi; make header writes it again.\n\n\
                        layouts! {\n"
            .to_owned();
        for item in &self.types {
            let Shape::Struct { size, members, .. } = &item.shape else { continue };
            text += &format!("    {} {size} {{\n", item.name);
            for member in members {
                text += &format!("        {} {};\n", member.name, member.offset);
            }
            text += "    }\n";
        }
        text + "}\n"
    }
}
