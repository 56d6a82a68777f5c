//! C and Rust see every struct alike: sizes, offsets, and what the initializers write.

use crate::generate;
use crate::tools::{altered_header, root, run_c};
use fbat::ffi::{append::*, copy::*, import::*, page::*, repair::*, store::*, types::*, verify::*};
use std::path::Path;

type Layout = (&'static str, usize, Vec<(&'static str, usize)>);

macro_rules! layouts {
    ($($name:ident { $($member:ident),* $(,)? })*) => {
        vec![$((
            stringify!($name),
            size_of::<$name>(),
            vec![$((stringify!($member), std::mem::offset_of!($name, $member))),*],
        )),*]
    };
}

#[rustfmt::skip]
fn layouts() -> Vec<Layout> {
    layouts! {
        fbat_id { bytes }
        fbat_hash { bytes }
        fbat_str { data, len }
        fbat_extension { key, value, value_len }
        fbat_frontier { struct_size, visible, durable }
        fbat_head { struct_size, version, sequence, event_id, event_hash }
        fbat_stats { struct_size, events, segments, log_bytes, index_bytes, unindexed_events, memory_bytes }
        fbat_open_report {
            struct_size, flags, reserved, dropped_bytes, dropped_offset, dropped_path, dropped_batches, dropped_events,
            gap_first, gap_last, indexes_rebuilt
        }
        fbat_event {
            struct_size, entity, scope, kind, payload_version, options, payload, payload_len, key, expect, flags,
            expected_version, timestamp_us, correlation, causation, causation_item, extensions, extension_count
        }
        fbat_receipt {
            struct_size, id, sequence, version, timestamp_us, recorded_us, content_hash, event_hash, previous_hash,
            flags, reserved
        }
        fbat_record {
            struct_size, id, sequence, entity, scope, kind, payload_version, flags, record_flags, reserved, version,
            timestamp_us, recorded_us, correlation, causation, payload, payload_len, payload_size, extensions,
            extension_count, content_hash, event_hash, previous_hash, source_namespace, source_event_id,
            source_sequence, raw_provenance, raw_provenance_len
        }
        fbat_import_report {
            struct_size, imported, deduplicated, skipped_reserved, skipped_filtered, skipped_reimported, conflicts,
            overtaken, source_high_watermark, source_ceiling, destination_visible, destination_durable
        }
        fbat_verify_totals {
            struct_size, events, system_events, batches, segments, log_bytes, gaps, gap_sequences, losses,
            lost_sequences, unlinked_events
        }
        fbat_finding { struct_size, path, offset, sequence, message }
        fbat_backup_report {
            struct_size, events, segments, linked_segments, log_bytes, last_sequence, log_hash
        }
        fbat_repair_totals {
            struct_size, events, system_events, unlinked_events, segments, headers_rebuilt, bytes_unread, losses,
            sequences_lost, gap_first, gap_last, flags, reserved
        }
        fbat_loss { struct_size, path, offset, first_sequence, last_sequence, message }
    }
}

/// What Rust says, a line for each size and offset.
fn expected() -> String {
    let lines = |(name, size, members): Layout| {
        let members =
            members.into_iter().map(move |(member, offset)| format!("{name}.{member} {offset}\n"));
        format!("{name} {size}\n{}", members.collect::<String>())
    };
    layouts().into_iter().map(lines).collect()
}

/// What C says.
fn found(name: &str, include: &Path) -> Result<String, String> {
    let mut program = String::from("#include \"fbat.h\"\n#include <stdio.h>\nint main(void) {\n");
    for (name, _, members) in layouts() {
        program += &format!("printf(\"{name} %zu\\n\", sizeof({name}));\n");
        for (member, _) in members {
            program +=
                &format!("printf(\"{name}.{member} %zu\\n\", offsetof({name}, {member}));\n");
        }
    }
    run_c(name, &(program + "return 0;\n}\n"), include, &[])
}

#[test]
fn sizes_and_offsets_are_those_of_rust() {
    assert_eq!(found("layout", &root().join("include")).unwrap(), expected());
}

#[test]
fn a_member_in_another_place_is_noticed() {
    let include = altered_header(
        "layout-canary-header",
        "uint64_t visible;",
        "uint32_t visible;\n  uint32_t odd[3];",
    );
    assert_ne!(found("layout-canary", &include).unwrap(), expected());
}

#[test]
fn no_struct_and_no_member_of_the_header_is_left_out() {
    let code = generate::ffi_header(&generate::header(root()));
    let mut members = std::collections::BTreeMap::new();
    let mut current = None;
    for line in code.lines() {
        match line.strip_prefix("typedef struct ") {
            Some(rest) if line.ends_with('{') => {
                current = rest.split_once(' ').map(|(name, _)| name)
            }
            _ if line.starts_with('}') => current = None,
            _ => {}
        }
        if let Some(name) = current {
            *members.entry(name).or_insert(0) += usize::from(line.ends_with(';'));
        }
    }
    let ours = layouts();
    assert_eq!(members, ours.iter().map(|(name, _, m)| (*name, m.len())).collect());
}

#[test]
fn initializer_macros_and_functions_write_the_same_bytes() {
    let mut program = String::from(
        "#include \"fbat.h\"\n#include <stdio.h>\n#include <string.h>\nint main(void) {\n",
    );
    let sized =
        |(name, _, members): &Layout| members[0].0 == "struct_size" && *name != "fbat_record";
    for (name, ..) in layouts().iter().filter(|layout| sized(layout)) {
        let upper = name.to_uppercase();
        program += &format!(
            "{{ static const {name} by_macro = {upper}_INIT; {name} by_function; memset(&by_function, 0xa5, sizeof by_function);\n\
             {name}_init(&by_function);\n\
             if (memcmp(&by_macro, &by_function, sizeof by_macro)) printf(\"{name} differs\\n\");\n\
             if (by_function.struct_size != sizeof by_function) printf(\"{name} has another size\\n\");\n{name}_init(NULL); }}\n"
        );
    }
    let output = run_c("initializers", &(program + "return 0;\n}\n"), &root().join("include"), &[]);
    assert_eq!(output.unwrap(), "");
}
