//! C and Rust see every struct alike: sizes, offsets, and what the initializers write.

use crate::generate;
use crate::tools::{altered_header, root, run_c};
use fbat::ffi::boundary::types::*;
use fbat::ffi::{
    append::*, cancel::*, copy::*, error::*, findings::*, import::*, page::*, provenance::*,
    query::*, region::*, repair::*, store::*, verify::*,
};
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
        fbat_error_detail {
            struct_size, status, os_error, message, path, offset, item, sequence, event_id, actual,
            allowed
        }
        fbat_progress { struct_size, done, total }
        fbat_region {
            struct_size, entity, scope, flags, kind_match, kind, version_first, version_last,
            timestamp_first_us, timestamp_last_us, recorded_first_us, recorded_last_us
        }
        fbat_open_options {
            struct_size, mode, durability, label, payload_bytes_max, batch_events_max,
            batch_bytes_max, segment_bytes, progress, progress_data, cancel
        }
        fbat_frontier { struct_size, visible, durable }
        fbat_head { struct_size, version, sequence, event_id, event_hash }
        fbat_stats {
            struct_size, events, segments, log_bytes, index_bytes, unindexed_events, memory_bytes
        }
        fbat_open_report {
            struct_size, flags, reserved, dropped_bytes, dropped_offset, dropped_path,
            dropped_batches, dropped_events, gap_first, gap_last, indexes_rebuilt
        }
        fbat_event {
            struct_size, entity, scope, kind, payload_version, event_flags, payload, payload_len,
            key, expect, flags, expected_version, timestamp_us, correlation, causation,
            causation_item, extensions, extension_count
        }
        fbat_receipt {
            struct_size, id, sequence, version, timestamp_us, recorded_us, content_hash, event_hash,
            previous_hash, flags, reserved
        }
        fbat_record {
            struct_size, id, sequence, entity, scope, kind, payload_version, flags, record_flags,
            reserved, version, timestamp_us, recorded_us, correlation, causation, payload,
            payload_len, stored_payload_len, extensions, extension_count, content_hash, event_hash,
            previous_hash, source_namespace, source_event_id, source_sequence, raw_provenance,
            raw_provenance_len
        }
        fbat_query {
            struct_size, region, after, until, limit, columns, flags, progress, progress_data,
            cancel
        }
        fbat_provenance {
            struct_size, schema_version, source_namespace, source_event_id, source_sequence,
            source_kind, source_content_hash
        }
        fbat_import_report {
            struct_size, imported, deduplicated, skipped_reserved, skipped_filtered,
            skipped_reimported, conflicts, overtaken, source_high_watermark, source_ceiling,
            destination_visible, destination_durable, source_position
        }
        fbat_import_options {
            struct_size, source_namespace, region, after, chunk_size, filter, filter_data, progress,
            progress_data, cancel, filter_columns, durability, on_conflict, flags
        }
        fbat_finding { struct_size, path, offset, first_sequence, last_sequence, message }
        fbat_verify_options { struct_size, region, progress, progress_data, cancel }
        fbat_verify_report {
            struct_size, events, system_events, batches, segments, log_bytes, gaps, gap_sequences,
            losses, lost_sequences, unlinked_events, findings
        }
        fbat_backup_options { struct_size, flags, reserved, progress, progress_data, cancel }
        fbat_backup_report {
            struct_size, events, segments, linked_segments, log_bytes, last_sequence, log_hash
        }
        fbat_repair_options { struct_size, progress, progress_data, cancel }
        fbat_repair_report {
            struct_size, events, system_events, unlinked_events, segments, headers_rebuilt,
            bytes_unread, findings, lost_sequences, gap_first, gap_last, flags, reserved
        }
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
fn initializers_are_zero_but_for_the_size_and_the_schema_version() {
    let mut program = String::from(
        "#include \"fbat.h\"\n#include <stdio.h>\n#include <string.h>\nint main(void) {\n",
    );
    let made_by_callers = |(name, _, members): &Layout| {
        members[0].0 == "struct_size"
            && !["fbat_record", "fbat_finding", "fbat_progress"].contains(name)
    };
    for (name, ..) in layouts().iter().filter(|layout| made_by_callers(layout)) {
        let upper = name.to_uppercase();
        let more = match *name {
            "fbat_provenance" => "zero.schema_version = FBAT_PROVENANCE_SCHEMA_VERSION;",
            _ => "",
        };
        program += &format!(
            "{{ static const {name} value = {upper}_INIT; {name} zero; memset(&zero, 0, sizeof zero);\n\
             zero.struct_size = sizeof zero; {more}\n\
             if (memcmp(&value, &zero, sizeof zero)) printf(\"{name} differs\\n\"); }}\n"
        );
    }
    let output = run_c("initializers", &(program + "return 0;\n}\n"), &root().join("include"), &[]);
    assert_eq!(output.unwrap(), "");
}
