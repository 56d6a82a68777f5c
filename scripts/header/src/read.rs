//! Reads what cbindgen wrote into a description, and computes how structs lie in memory.

use crate::api::{
    Api, Constant, Function, Introduction, Kind, Macro, MadeBy, Member, Param, Retval, Section,
    Shape, Type, Value,
};
use crate::comment::Comment;
use crate::sections::{self, Source};
use std::collections::BTreeMap;

/// Members whose default is not zero.
const INITIAL: [(&str, &str, &str); 1] =
    [("fbat_provenance", "schema_version", "FBAT_PROVENANCE_SCHEMA_VERSION")];

/// Everything but the macros, which are rendered from it.
pub fn api(source: &Source) -> Api {
    let page = Comment::read(comment_after(&source.first_page, "/** @file"));
    let mut api = Api {
        version: source.version.clone(),
        abi_version: 0,
        introduction: Introduction {
            paragraphs: page.paragraphs,
            code: page.code,
            chapters: page.chapters,
        },
        sections: Vec::new(),
        constants: Vec::new(),
        macros: Vec::new(),
        types: Vec::new(),
        functions: Vec::new(),
    };
    let mut layouts = Layouts::default();
    for section in source.sections.iter().chain([&source.initializers]) {
        api.sections.push(Section {
            name: section.name.clone(),
            title: section.title.clone(),
            about: section.about.join(" "),
        });
    }
    for section in &source.sections {
        for (comment, raw, code) in items(&section.body) {
            let item = Item { section: &section.name, comment, raw, code };
            if let Some(definition) = item.code.strip_prefix("#define ") {
                api.constants.push(item.constant(definition, &source.constants));
            } else if item.code.starts_with("typedef ") {
                api.types.push(item.type_(&mut layouts));
            } else {
                api.functions.push(item.function());
            }
        }
    }
    find_makers(&mut api);
    find_groups(&mut api, &source.header());
    api.abi_version = match api.constants.iter().find(|c| c.name == "FBAT_ABI_VERSION") {
        Some(Constant { value: Value::Number(version), .. }) => *version as u64,
        _ => panic!("FBAT_ABI_VERSION is no number"),
    };
    api
}

/// The macros of the section of initializers.
pub fn macros(source: &Source) -> Vec<Macro> {
    let sections::Section { name, body, .. } = &source.initializers;
    let mut macros: Vec<Macro> = Vec::new();
    for (comment, _, code) in items(body) {
        let definition = code.strip_prefix("#define ").expect("a macro");
        let end = definition.find(|c: char| !c.is_alphanumeric() && c != '_');
        let macro_name = definition[..end.unwrap_or(definition.len())].to_owned();
        if macros.last().is_some_and(|last| last.name == macro_name) {
            continue; // the other branch of an #ifdef
        }
        let doc = comment.doc();
        macros.push(Macro {
            name: macro_name,
            section: name.clone(),
            doc,
            since: comment.since,
            code,
        });
    }
    macros
}

fn comment_after<'a>(text: &'a str, start: &str) -> &'a str {
    let begin = text.find(start).expect("a comment") + "/**".len();
    let end = text[begin..].find("*/").expect("an end of the comment");
    &text[begin..begin + end]
}

/// A declaration with the section that it is in and its comment.
struct Item<'a> {
    section: &'a str,
    comment: Comment,
    /// As it is in the header.
    raw: &'a str,
    /// Without comments.
    code: String,
}

/// Each declaration of a section with its comment, which is empty where it has none.
fn items(body: &str) -> Vec<(Comment, &str, String)> {
    let mut items = Vec::new();
    let mut comment = Comment::default();
    let mut rest = body.trim_start();
    while !rest.is_empty() {
        let end = if rest.starts_with("/*") {
            rest.find("*/").expect("an end of the comment") + 2
        } else if rest.starts_with('#') {
            preprocessor_end(rest)
        } else {
            declaration_end(rest)
        };
        let (text, after) = rest.split_at(end);
        if let Some(inside) = text.strip_prefix("/**") {
            comment = Comment::read(inside.trim_end_matches("*/"));
        } else if text.starts_with("#define ") || !text.starts_with('#') {
            items.push((comment.clone(), text, without_comments(text)));
            if !text.starts_with('#') {
                comment = Comment::default();
            }
        }
        rest = after.trim_start();
    }
    items
}

/// The end of a line that a backslash may continue.
fn preprocessor_end(text: &str) -> usize {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        if !line.trim_end().ends_with('\\') {
            break;
        }
    }
    at
}

/// The end of a declaration: after the first semicolon outside of braces.
fn declaration_end(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while let Some(c) = text[at..].chars().next() {
        if text[at..].starts_with("/*") {
            at += text[at..].find("*/").expect("an end of the comment") + 2;
            continue;
        }
        at += c.len_utf8();
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at,
            _ => {}
        }
    }
    panic!("a declaration without an end: {text}");
}

fn without_comments(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("/*") {
        code += before;
        rest = comment.split_once("*/").expect("an end of the comment").1;
    }
    code += rest;
    let lines = code.lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// `const fbat_store *store` as type and name.
fn declarator(text: &str) -> (String, String) {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (text, array) = match text.split_once('[') {
        Some((text, length)) => (text.to_owned(), format!("[{length}")),
        None => (text, String::new()),
    };
    let start = text.rfind([' ', '*']).expect("a type and a name") + 1;
    (format!("{}{array}", text[..start].trim_end()), text[start..].to_owned())
}

/// What is between the parentheses of a declaration.
fn params(text: &str, comment: &Comment) -> Vec<Param> {
    let text = text.rsplit_once(')').expect("parentheses").0.trim();
    if text == "void" {
        return Vec::new();
    }
    let param = |text: &str| {
        let (of, name) = declarator(text);
        let mut docs = comment.params.iter().filter(|(documented, _)| *documented == name);
        Param { doc: docs.next().map(|(_, doc)| doc.clone()).unwrap_or_default(), name, of }
    };
    text.split(',').map(param).collect()
}

impl Item<'_> {
    fn constant(&self, definition: &str, types: &BTreeMap<String, String>) -> Constant {
        let (name, value) = definition.split_once(' ').expect("a name and a value");
        let (value, of) = match value.trim().strip_prefix('"') {
            Some(text) => (Value::Text(text.trim_end_matches('"').to_owned()), "string"),
            None => {
                let number = value.trim().trim_end_matches('u').parse();
                let of = types.get(name).unwrap_or_else(|| panic!("{name} has no type"));
                (
                    Value::Number(number.unwrap_or_else(|_| panic!("{name} is no number"))),
                    c_type(of),
                )
            }
        };
        Constant {
            name: name.to_owned(),
            value,
            of: of.to_owned(),
            group: String::new(),
            bits: false,
            section: self.section.to_owned(),
            doc: self.comment.doc(),
            since: self.comment.since.clone(),
        }
    }

    fn type_(self, layouts: &mut Layouts) -> Type {
        let comment = &self.comment;
        let rest = self.code.strip_prefix("typedef ").expect("a type");
        let (kind, name, shape) = if let Some((returns, rest)) = rest.split_once("(*") {
            let (name, parameters) = rest.split_once(")(").expect("a callback");
            let shape = Shape::Callback {
                returns: returns.trim().to_owned(),
                return_doc: comment.returns.clone(),
                params: params(parameters, comment),
            };
            layouts.sizes.insert(name.to_owned(), POINTER);
            (Kind::Callback, name.to_owned(), shape)
        } else if let Some(rest) = rest.strip_prefix("struct ") {
            let name = rest.split_whitespace().next().expect("a name");
            match self.raw.split_once('{') {
                Some((_, members)) => {
                    let members = members.rsplit_once('}').expect("an end of the struct").0;
                    (Kind::Struct, name.to_owned(), layouts.lay_out(name, members))
                }
                None => (Kind::Opaque, name.to_owned(), Shape::Opaque {}),
            }
        } else {
            let (target, name) = declarator(rest.trim_end_matches(';'));
            layouts.sizes.insert(name.clone(), layouts.of(&target));
            (Kind::Alias, name, Shape::Alias { target })
        };
        Type {
            name,
            kind,
            section: self.section.to_owned(),
            brief: comment.brief(),
            doc: comment.doc(),
            threads: comment.chapter("Threads"),
            since: comment.since.clone(),
            code: self.code.clone(),
            shape,
        }
    }

    fn function(self) -> Function {
        let Item { section, comment, code, .. } = self;
        let plain = code.strip_prefix("FBAT_NODISCARD\n").unwrap_or(&code);
        let (head, parameters) = plain.split_once('(').expect("a function");
        let (returns, name) = declarator(head);
        let retval =
            |(status, doc): &(String, String)| Retval { status: status.clone(), doc: doc.clone() };
        Function {
            name,
            section: section.to_owned(),
            returns,
            params: params(parameters, &comment),
            brief: comment.brief(),
            doc: comment.doc(),
            example: comment.code.clone(),
            retvals: comment.retvals.iter().map(retval).collect(),
            return_doc: comment.returns.clone(),
            threads: comment.chapter("Threads"),
            since: comment.since.clone(),
            nodiscard: plain.len() < code.len(),
            code: plain.to_owned(),
        }
    }
}

/// What C calls a type of Rust.
fn c_type(rust: &str) -> &str {
    match rust {
        "u16" => "uint16_t",
        "u32" => "uint32_t",
        "u64" => "uint64_t",
        "usize" => "size_t",
        "i32" => "int32_t",
        named => named,
    }
}

/// Size and alignment of a pointer.
const POINTER: (usize, usize) = (8, 8);

/// Sizes and alignments, by name, of what was declared so far. Those of a machine of 64 bits, where
/// everything has its natural alignment.
#[derive(Default)]
struct Layouts {
    sizes: BTreeMap<String, (usize, usize)>,
}

impl Layouts {
    fn of(&self, name: &str) -> (usize, usize) {
        if let Some((item, length)) = name.split_once('[') {
            let length: usize = length.trim_end_matches(']').parse().expect("a length");
            let (size, align) = self.of(item);
            return (size * length, align);
        }
        match name {
            _ if name.ends_with('*') => POINTER,
            "bool" | "char" | "int8_t" | "uint8_t" => (1, 1),
            "int16_t" | "uint16_t" => (2, 2),
            "int32_t" | "uint32_t" => (4, 4),
            "int64_t" | "uint64_t" | "size_t" => (8, 8),
            _ => *self.sizes.get(name).unwrap_or_else(|| panic!("the type {name} is not known")),
        }
    }

    /// A struct with the offsets of its members.
    fn lay_out(&mut self, name: &str, declarations: &str) -> Shape {
        let (mut end, mut align_max) = (0usize, 1);
        let mut members = Vec::new();
        for (comment, _, code) in items(declarations) {
            let (of, member) = declarator(code.trim_end_matches(';'));
            let (size, align) = self.of(&of);
            let offset = end.next_multiple_of(align);
            let mut initial = INITIAL.iter().filter(|(s, m, _)| *s == name && *m == member);
            members.push(Member {
                initial: initial.next().map(|(_, _, value)| *value),
                doc: comment.doc(),
                name: member,
                of,
                offset,
                size,
            });
            end = offset + size;
            align_max = align_max.max(align);
        }
        let size = end.next_multiple_of(align_max);
        self.sizes.insert(name.to_owned(), (size, align_max));
        let sized = members.first().is_some_and(|member| member.name == "struct_size");
        Shape::Struct { sized, made_by: MadeBy::Caller, size, align: align_max, members }
    }
}

/// The library makes what it hands out by a pointer, or shows to a callback, and fills in nowhere.
fn find_makers(api: &mut Api) {
    let takes = |params: &[Param], of: &str| params.iter().any(|param| param.of == of);
    for at in 0..api.types.len() {
        let name = api.types[at].name.clone();
        let (handed, filled) = (format!("const {name} *"), format!("{name} *"));
        let shown = |item: &Type| match &item.shape {
            Shape::Callback { params, .. } => takes(params, &handed),
            _ => false,
        };
        let is_handed =
            api.functions.iter().any(|f| f.returns == handed) || api.types.iter().any(shown);
        let is_filled = api.functions.iter().any(|f| takes(&f.params, &filled));
        if let Shape::Struct { made_by, .. } = &mut api.types[at].shape {
            if is_handed && !is_filled {
                *made_by = MadeBy::Library;
            }
        }
    }
}

/// The groups of constants are those that a comment names as `FBAT_GROUP_...`.
fn find_groups(api: &mut Api, header: &str) {
    let mut groups = BTreeMap::new();
    for (at, _) in header.match_indices("_...`") {
        let start = header[..at].rfind('`').expect("a beginning of the code");
        let before = header[..start].trim_end().trim_end_matches(':').to_lowercase();
        *groups.entry(&header[start + 1..at]).or_insert(false) |= before.ends_with("bits");
    }
    for constant in &mut api.constants {
        let name = &constant.name;
        let is_in =
            |group: &str| name.strip_prefix(group).is_some_and(|rest| rest.starts_with('_'));
        let found = groups.iter().filter(|(group, _)| is_in(group)).max_by_key(|(g, _)| g.len());
        if let Some((group, bits)) = found {
            (constant.group, constant.bits) = ((*group).to_owned(), *bits);
        }
    }
}
