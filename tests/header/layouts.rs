// Generated from src/ffi; make header writes it again.

layouts! {
    fbat_id 16 {
        bytes 0;
    }
    fbat_hash 32 {
        bytes 0;
    }
    fbat_str 16 {
        data 0;
        len 8;
    }
    fbat_extension 32 {
        key 0;
        value 16;
        value_len 24;
    }
    fbat_kind_range 4 {
        first 0;
        last 2;
    }
    fbat_error_detail 104 {
        struct_size 0;
        status 8;
        os_error 12;
        message 16;
        path 32;
        offset 48;
        item 56;
        sequence 64;
        event_id 72;
        actual 88;
        allowed 96;
    }
    fbat_progress 24 {
        struct_size 0;
        done 8;
        total 16;
    }
    fbat_region 112 {
        struct_size 0;
        entity 8;
        scopes 24;
        scope_count 32;
        kinds 40;
        kind_count 48;
        flags 56;
        reserved 60;
        version_first 64;
        version_last 72;
        timestamp_first_us 80;
        timestamp_last_us 88;
        recorded_first_us 96;
        recorded_last_us 104;
    }
    fbat_open_options 96 {
        struct_size 0;
        mode 8;
        durability 12;
        label 16;
        payload_bytes_max 32;
        batch_events_max 40;
        batch_bytes_max 48;
        segment_bytes 56;
        files_max 64;
        progress 72;
        progress_data 80;
        cancel 88;
    }
    fbat_frontier 24 {
        struct_size 0;
        visible 8;
        durable 16;
    }
    fbat_head 72 {
        struct_size 0;
        version 8;
        sequence 16;
        event_id 24;
        event_hash 40;
    }
    fbat_stats 80 {
        struct_size 0;
        events 8;
        segments 16;
        log_bytes 24;
        index_bytes 32;
        unindexed_events 40;
        memory_bytes 48;
        clock_behind_us 56;
        system_events 64;
        news 72;
        reserved 76;
    }
    fbat_open_report 96 {
        struct_size 0;
        flags 8;
        reserved 12;
        dropped_bytes 16;
        dropped_offset 24;
        dropped_path 32;
        dropped_batches 48;
        dropped_events 56;
        gap_first 64;
        gap_last 72;
        indexes_rebuilt 80;
        clock_behind_us 88;
    }
    fbat_wait_options 32 {
        struct_size 0;
        timeout_ms 8;
        flags 16;
        reserved 20;
        cancel 24;
    }
    fbat_event 160 {
        struct_size 0;
        entity 8;
        scope 24;
        kind 40;
        payload_version 42;
        event_flags 44;
        payload 48;
        payload_len 56;
        key 64;
        expect 80;
        flags 84;
        expected_version 88;
        timestamp_us 96;
        correlation 104;
        causation 120;
        causation_item 136;
        extensions 144;
        extension_count 152;
    }
    fbat_receipt 160 {
        struct_size 0;
        id 8;
        sequence 24;
        version 32;
        timestamp_us 40;
        recorded_us 48;
        content_hash 56;
        event_hash 88;
        previous_hash 120;
        flags 152;
        reserved 156;
    }
    fbat_record 328 {
        struct_size 0;
        id 8;
        sequence 24;
        entity 32;
        scope 48;
        kind 64;
        payload_version 66;
        flags 68;
        record_flags 72;
        reserved 76;
        version 80;
        timestamp_us 88;
        recorded_us 96;
        correlation 104;
        causation 120;
        payload 136;
        payload_len 144;
        stored_payload_len 152;
        extensions 160;
        extension_count 168;
        content_hash 176;
        event_hash 208;
        previous_hash 240;
        source_namespace 272;
        source_event_id 288;
        source_sequence 304;
        raw_provenance 312;
        raw_provenance_len 320;
    }
    fbat_query 80 {
        struct_size 0;
        region 8;
        after 16;
        until 24;
        limit 32;
        page_rows 40;
        columns 48;
        flags 52;
        progress 56;
        progress_data 64;
        cancel 72;
    }
    fbat_list_options 56 {
        struct_size 0;
        entity 8;
        after 24;
        page_rows 40;
        flags 48;
        reserved 52;
    }
    fbat_summary 64 {
        struct_size 0;
        name 8;
        events 24;
        first_sequence 32;
        last_sequence 40;
        first_timestamp_us 48;
        last_timestamp_us 56;
    }
    fbat_provenance 96 {
        struct_size 0;
        schema_version 8;
        source_namespace 16;
        source_event_id 32;
        source_sequence 48;
        source_kind 56;
        source_content_hash 58;
    }
    fbat_import_report 144 {
        struct_size 0;
        imported 8;
        deduplicated 16;
        skipped_reserved 24;
        skipped_filtered 32;
        skipped_reimported 40;
        conflicts 48;
        overtaken 56;
        restored 64;
        conflicts_kept 72;
        source_high_watermark 80;
        resume_after 88;
        source_ceiling 96;
        destination_visible 104;
        destination_durable 112;
        source_position 120;
        started_after 128;
        source_state 136;
        flags 140;
    }
    fbat_import_options 128 {
        struct_size 0;
        source_namespace 8;
        region 24;
        after 32;
        chunk_size 40;
        filter 48;
        filter_data 56;
        progress 64;
        progress_data 72;
        cancel 80;
        filter_columns 88;
        durability 92;
        on_conflict 96;
        flags 100;
        identity 104;
        reserved 108;
        name 112;
    }
    fbat_plan_row 64 {
        struct_size 0;
        source_namespace 8;
        entity_prefix 24;
        events 40;
        payload_bytes 48;
        row_flags 56;
        kind 60;
        reserved 62;
    }
    fbat_conflict 160 {
        struct_size 0;
        sequence 8;
        source_namespace 16;
        source_event_id 32;
        first_id 48;
        first_sequence 64;
        first_content_hash 72;
        kept_id 104;
        kept_sequence 120;
        kept_content_hash 128;
    }
    fbat_source 224 {
        struct_size 0;
        log_id 8;
        store_id 24;
        source_namespace 40;
        label 56;
        name 72;
        region 88;
        identity 104;
        source_flags 108;
        runs 112;
        imported 120;
        deduplicated 128;
        restored 136;
        conflicts 144;
        conflicts_kept 152;
        first_us 160;
        last_us 168;
        last_sequence 176;
        watermark 184;
        watermark_log_hash 192;
    }
    fbat_set_digest 48 {
        struct_size 0;
        events 8;
        fingerprint 16;
    }
    fbat_origins_options 40 {
        struct_size 0;
        region 8;
        after 16;
        page_rows 32;
    }
    fbat_diff_options 40 {
        struct_size 0;
        region 8;
        after 16;
        page_rows 32;
    }
    fbat_origin 72 {
        struct_size 0;
        source_namespace 8;
        events 24;
        fingerprint 32;
        last_source_sequence 64;
    }
    fbat_difference 112 {
        struct_size 0;
        source_namespace 8;
        source_event_id 24;
        source_sequence 40;
        content_hash 48;
        sequence 80;
        in_other 88;
        reserved 92;
        position 96;
    }
    fbat_finding 64 {
        struct_size 0;
        path 8;
        offset 24;
        first_sequence 32;
        last_sequence 40;
        message 48;
    }
    fbat_verify_options 40 {
        struct_size 0;
        region 8;
        progress 16;
        progress_data 24;
        cancel 32;
    }
    fbat_verify_report 152 {
        struct_size 0;
        events 8;
        system_events 16;
        batches 24;
        segments 32;
        log_bytes 40;
        gaps 48;
        gap_sequences 56;
        losses 64;
        lost_sequences 72;
        unlinked_events 80;
        findings 88;
        events_not_examined 96;
        bytes_not_examined 104;
        last_sequence 112;
        log_hash 120;
    }
    fbat_backup_options 40 {
        struct_size 0;
        flags 8;
        reserved 12;
        progress 16;
        progress_data 24;
        cancel 32;
    }
    fbat_backup_report 80 {
        struct_size 0;
        events 8;
        segments 16;
        linked_segments 24;
        log_bytes 32;
        last_sequence 40;
        log_hash 48;
    }
    fbat_compress_options 48 {
        struct_size 0;
        through 8;
        level 16;
        reserved 20;
        progress 24;
        progress_data 32;
        cancel 40;
    }
    fbat_compress_report 40 {
        struct_size 0;
        segments 8;
        segments_left 16;
        bytes_before 24;
        bytes_after 32;
    }
    fbat_repair_options 32 {
        struct_size 0;
        progress 8;
        progress_data 16;
        cancel 24;
    }
    fbat_repair_report 96 {
        struct_size 0;
        events 8;
        system_events 16;
        unlinked_events 24;
        segments 32;
        headers_rebuilt 40;
        bytes_unread 48;
        findings 56;
        lost_sequences 64;
        gap_first 72;
        gap_last 80;
        flags 88;
        reserved 92;
    }
}
