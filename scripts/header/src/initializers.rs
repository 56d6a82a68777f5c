//! The `FBAT_..._INIT` macros.

use crate::api::{Api, Kind, MadeBy, Member, Shape, Type};
use std::collections::BTreeMap;

/// As wide as a line may be, without what continues it.
const WIDTH: usize = 98;

/// One for each struct that the caller makes.
pub fn render(api: &Api) -> String {
    let kinds: BTreeMap<&str, &Type> =
        api.types.iter().map(|item| (item.name.as_str(), item)).collect();
    let mut text = String::new();
    for item in &api.types {
        let Shape::Struct { made_by: MadeBy::Caller, sized, members, .. } = &item.shape else {
            continue;
        };
        let values: Vec<String> = members.iter().map(|m| value(&kinds, item, m)).collect();
        let size = if *sized { " except its size" } else { "" };
        text += &format!("/** An #{}, all zero{size}. @since {} */\n", item.name, item.since);
        text += &definition(&item.name.to_uppercase(), &values);
        text.push('\n');
    }
    text
}

fn value(kinds: &BTreeMap<&str, &Type>, item: &Type, member: &Member) -> String {
    if let Some(value) = member.initial {
        return value.to_owned();
    }
    if let Some((_, length)) = member.of.split_once('[') {
        let length = length.trim_end_matches(']').parse().expect("a length");
        return format!("{{{}}}", vec!["0"; length].join(", "));
    }
    match kinds.get(member.of.as_str()).map(|of| of.kind) {
        _ if member.name == "struct_size" => format!("sizeof({})", item.name),
        _ if member.of.ends_with('*') => "NULL".to_owned(),
        Some(Kind::Callback) => "NULL".to_owned(),
        Some(Kind::Struct) => format!("{}_INIT", member.of.to_uppercase()),
        _ => "0".to_owned(),
    }
}

/// A macro on one line, or broken at its values.
fn definition(name: &str, values: &[String]) -> String {
    let head = format!("#define {name}_INIT");
    let whole = format!("{head} {{{}}}", values.join(", "));
    if whole.len() <= WIDTH {
        return whole + "\n";
    }
    let mut lines = vec![head];
    let mut line = "  {".to_owned();
    for word in whole[whole.find('{').expect("a brace") + 1..].split(' ') {
        if line.len() + word.len() > WIDTH - 2 {
            lines.push(line.trim_end().to_owned());
            line = "   ".to_owned();
        }
        line += word;
        line.push(' ');
    }
    lines.push(line.trim_end().to_owned());
    let broken: Vec<String> = lines.iter().map(|line| format!("{line:<WIDTH$}")).collect();
    broken.join("\\\n").trim_end().to_owned() + "\n"
}
