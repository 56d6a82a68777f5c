/* Provenance by hand, verify, backup, new identity, repair. */
#include "fixture.hpp"

#include <fstream>

namespace {

/* A closed store of 3 entities and several segments. */
void make_segments(const char* name) {
  fbat::open_options options;
  options.durability = fbat::durability::os;
  options.segment_bytes = 65536;
  auto store = fbat::store::try_open(t::dir() / name, options);
  if (!CHECK_OK(store)) return;
  const std::string payload(1000, 'x');
  for (int i = 0; i < 150; i++) {
    const std::string entity = "thing:" + std::to_string(i % 3);
    CHECK_OK(store->try_append(event_of(entity, payload + std::to_string(i))));
  }
  CHECK_OK(store->try_close());
}

/* Overwrites the payload of one event. */
void damage(const char* name) {
  const auto log = t::dir() / name / "00000000000000000001.log";
  std::string bytes(std::filesystem::file_size(log), '\0');
  std::fstream file(log, std::ios::in | std::ios::out | std::ios::binary);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  const std::size_t at = bytes.find("xx40");
  CHECK(at != std::string::npos);
  file.seekp(static_cast<std::streamoff>(at));
  file.write("zz", 2);
}

}  // namespace

TEST(a_provenance_goes_over_a_wire_as_it_is) {
  fbat::provenance provenance;
  CHECK_EQ(provenance.schema_version, fbat::provenance_schema_version);
  CHECK_STATUS(provenance.try_encode(), fbat::status::invalid_argument); // no namespace
  provenance.source_namespace = "Gebäude/1";
  provenance.source_event_id = *fbat::try_operation_key("tests", {"id"});
  provenance.source_sequence = UINT64_MAX;
  provenance.source_kind = note;
  provenance.source_content_hash = *fbat::try_content_hash("x");
  auto frame = provenance.try_encode();
  auto body = provenance.try_encode_body();
  REQUIRE_OK(frame);
  REQUIRE_OK(body);
  auto decoded = fbat::provenance::try_decode(frame->bytes());
  auto bare = fbat::provenance::try_from_extension(body->bytes());
  REQUIRE_OK(decoded);
  REQUIRE_OK(bare);
  for (const fbat::provenance* one : {&*decoded, &*bare}) {
    CHECK_EQ(one->schema_version, fbat::provenance_schema_version);
    CHECK_EQ(one->source_namespace, "Gebäude/1");
    CHECK_EQ(one->source_event_id, provenance.source_event_id);
    CHECK_EQ(one->source_sequence, UINT64_MAX);
    CHECK_EQ(one->source_kind, note);
    CHECK_EQ(one->source_content_hash, provenance.source_content_hash);
  }
  const char* text = decoded->source_namespace.data();
  const fbat::bytes in_frame = frame->bytes();
  CHECK(text >= in_frame.text().data() && text < in_frame.text().data() + in_frame.size());
  CHECK_STATUS(fbat::provenance::try_decode(in_frame, fbat::wire_flags{64}),
               fbat::status::invalid_argument);
  fbat::buffer moved = *std::move(frame);
  CHECK(frame->bytes().empty());
  CHECK(!moved.bytes().empty());
}

TEST(a_provenance_that_is_not_allowed_is_refused) {
  fbat::provenance provenance;
  provenance.source_namespace = "";
  CHECK_STATUS(provenance.try_encode(), fbat::status::invalid_argument);
  provenance.source_namespace = "\xff";
  CHECK_STATUS(provenance.try_encode_body(), fbat::status::invalid_utf8);
  provenance.source_namespace = "n";
  provenance.schema_version = 2;
  CHECK_STATUS(provenance.try_encode(), fbat::status::future_version);
}

TEST(verify_finds_nothing_in_a_sound_store) {
  make_segments("s");
  auto store = open_new("s");
  auto verified = store.try_verify();
  REQUIRE_OK(verified);
  const fbat::verify_report& report = verified->report;
  CHECK_EQ(report.events, 151u);
  CHECK_EQ(report.system_events, 1u);
  CHECK_EQ(report.batches, 151u);
  CHECK(report.segments > 1 && report.log_bytes > 150000);
  CHECK_EQ(report.gaps + report.losses + report.lost_sequences + report.unlinked_events, 0u);
  CHECK_EQ(report.findings, 0u);
  CHECK(verified->findings.empty());
}

TEST(verify_leaves_out_the_segments_that_have_nothing_of_a_region) {
  make_segments("s");
  auto store = open_new("s");
  CHECK_OK(store.try_append(event_of("other:1", "x")));
  auto everything = store.try_verify();
  REQUIRE_OK(everything);
  fbat::verify_options options;
  options.region.entity = "other";
  auto some = store.try_verify(options);
  REQUIRE_OK(some);
  CHECK(some->report.events > 0 && some->report.events < everything->report.events);
  options.region.entity = "";
  CHECK_STATUS(store.try_verify(options), fbat::status::invalid_argument);
}

TEST(verify_names_file_and_offset_of_damage) {
  make_segments("s");
  damage("s");
  auto verified = open_read_only("s").try_verify();
  REQUIRE_OK(verified);
  REQUIRE(!verified->findings.empty());
  CHECK_EQ(verified->findings.size(), verified->report.findings);
  const fbat::finding& first = verified->findings[0];
  CHECK_EQ(first.path, (t::dir() / "s" / "00000000000000000001.log").native());
  CHECK(first.offset > 0);
  CHECK(!first.message.empty());
}

TEST(repair_keeps_what_holds_and_lists_what_is_lost) {
  make_segments("s");
  damage("s");
  auto repair = fbat::try_repair(t::dir() / "s", t::dir() / "repaired");
  REQUIRE_OK(repair);
  CHECK_EQ(repair->report.events, 150u);
  CHECK_EQ(repair->report.lost_sequences, 1u);
  CHECK_EQ(repair->report.flags, fbat::repair_flags::none);
  REQUIRE(repair->findings.size() == repair->report.findings && !repair->findings.empty());
  const fbat::finding& first = repair->findings[0];
  CHECK(first.first_sequence > 0 && first.last_sequence >= first.first_sequence);
  CHECK(!first.message.empty());
  CHECK_EQ(first.path, (t::dir() / "s" / "00000000000000000001.log").native());
  auto verified = open_new("repaired").try_verify();
  REQUIRE_OK(verified);
  CHECK(verified->findings.empty());
  CHECK_EQ(verified->report.lost_sequences, 1u);
  CHECK_STATUS(fbat::try_repair(t::dir() / "s", t::dir() / "repaired"),
               fbat::status::store_exists);
  CHECK_STATUS(fbat::try_repair(t::dir() / "none", t::dir() / "r"), fbat::status::store_not_found);
}

TEST(a_backup_of_a_store_in_use_has_its_history) {
  make_segments("s");
  auto store = open_new("s");
  append_n(store, "thing:1", 5);
  fbat::backup_options link;
  link.flags = fbat::backup_flags::link;
  auto copied = store.try_backup(t::dir() / "copy");
  auto linked = store.try_backup(t::dir() / "linked", link);
  REQUIRE_OK(copied);
  REQUIRE_OK(linked);
  CHECK_EQ(copied->events, 156u);
  CHECK_EQ(copied->last_sequence, 156u);
  CHECK_EQ(copied->log_hash, *store.try_log_hash());
  CHECK_EQ(copied->linked_segments, 0u);
  CHECK(copied->segments > 1 && copied->log_bytes > 150000);
  CHECK_EQ(linked->log_hash, copied->log_hash);
  auto copy = open_read_only("copy");
  CHECK_EQ(*copy.try_log_hash(), *store.try_log_hash());
  CHECK_STATUS(store.try_backup(t::dir() / "copy"), fbat::status::store_exists);
  link.flags = fbat::backup_flags{64};
  CHECK_STATUS(store.try_backup(t::dir() / "x", link), fbat::status::invalid_argument);
}

TEST(a_copy_gets_an_id_of_its_own) {
  make_segments("s");
  std::filesystem::copy(t::dir() / "s", t::dir() / "copy");
  CHECK_STATUS(fbat::try_new_identity(t::dir() / "none"), fbat::status::store_not_found);
  auto id = fbat::try_new_identity(t::dir() / "copy");
  REQUIRE_OK(id);
  auto original = open_new("s"), copy = open_new("copy");
  CHECK_EQ(copy.id(), *id);
  CHECK(original.id() != *id);
}

#if FBAT_EXCEPTIONS
TEST(verify_backup_repair_and_provenance_throw) {
  make_segments("s");
  std::filesystem::copy(t::dir() / "s", t::dir() / "damaged");
  damage("damaged");
  {
    auto store = open_new("s");
    const auto [report, findings] = store.verify();
    CHECK_EQ(report.events, 151u);
    CHECK(findings.empty());
    CHECK_EQ(store.backup(t::dir() / "backup").events, 151u);
    fbat::compress_options how;
    how.level = 3;
    const fbat::compress_report packed = store.compress(how);
    CHECK(packed.segments > 0 && packed.bytes_after < packed.bytes_before);
    CHECK(store.verify().findings.empty());
    CHECK_EQ(store.compress().segments, 0u);
    CHECK_THROWS(fbat::conflict_error, fbat::status::store_exists,
                 store.backup(t::dir() / "backup"));
  }
  CHECK(!open_read_only("damaged").verify().findings.empty());
  CHECK(fbat::new_identity(t::dir() / "backup"));
  CHECK_EQ(fbat::repair(t::dir() / "damaged", t::dir() / "repaired").report.events, 150u);
  CHECK_THROWS(fbat::not_found_error, fbat::status::store_not_found,
               fbat::new_identity(t::dir() / "none"));
  CHECK_THROWS(fbat::not_found_error, fbat::status::not_found,
               fbat::namespace_from_path(t::dir() / "none"));

  fbat::provenance provenance;
  provenance.source_namespace = "n";
  provenance.source_sequence = 1;
  const fbat::buffer frame = provenance.encode(), body = provenance.encode_body();
  CHECK_EQ(fbat::provenance::decode(frame.bytes()).source_namespace, "n");
  CHECK_EQ(fbat::provenance::from_extension(body.bytes()).source_sequence, 1u);
  CHECK_THROWS(fbat::corrupt_error, fbat::status::wire_framing, fbat::provenance::decode("x"));
  provenance.source_namespace = {};
  CHECK_THROWS(fbat::invalid_error, fbat::status::invalid_argument, provenance.encode());
}
#endif
