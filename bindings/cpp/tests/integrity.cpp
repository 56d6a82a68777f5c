/* Provenance by hand, verify, backup, new identity, repair. */
#include "fixture.hpp"

#include <fstream>

namespace {

/* A closed store of 3 entities and several segments. */
void make(const char* name) {
  fbat::open_options options;
  CHECK_OK(options.try_set_durability(fbat::durability::os));
  CHECK_OK(options.try_set_segment_bytes(65536));
  auto store = fbat::store::try_open(t::dir() / name, options);
  if (!CHECK_OK(store)) return;
  const std::string payload(1000, 'x');
  for (int i = 0; i < 150; i++)
    CHECK_OK(store->try_append(event_of("thing:" + std::to_string(i % 3), payload + std::to_string(i))));
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

fbat::store open_read_only(const char* name) {
  fbat::open_options options;
  CHECK_OK(options.try_set_mode(fbat::open_mode::read_only));
  auto store = fbat::store::try_open(t::dir() / name, options);
  return CHECK_OK(store) ? *std::move(store) : fbat::store();
}

}  // namespace

TEST(a_provenance_answers_what_was_set_and_goes_over_a_wire) {
  fbat::provenance provenance;
  const fbat::id id = *fbat::try_operation_key("tests", {"id"});
  const fbat::hash hash = *fbat::try_content_hash("x");
  CHECK_EQ(provenance.schema_version(), fbat::provenance_schema_version);
  CHECK_STATUS(provenance.try_encode(), fbat::status::invalid_argument); // no namespace
  CHECK_OK(provenance.try_set_namespace("Gebäude/1"));
  CHECK_OK(provenance.try_set_event_id(id));
  CHECK_OK(provenance.try_set_sequence(UINT64_MAX));
  CHECK_OK(provenance.try_set_kind(note));
  CHECK_OK(provenance.try_set_content_hash(hash));
  CHECK_STATUS(provenance.try_set_namespace(""), fbat::status::invalid_argument);
  CHECK_STATUS(provenance.try_set_namespace("\xff"), fbat::status::invalid_utf8);
  auto frame = provenance.try_encode();
  auto body = provenance.try_encode_body();
  REQUIRE_OK(frame);
  REQUIRE_OK(body);
  auto decoded = fbat::provenance::try_decode(frame->bytes());
  auto bare = fbat::provenance::try_from_extension(body->bytes());
  REQUIRE_OK(decoded);
  REQUIRE_OK(bare);
  for (const fbat::provenance* one : {&*decoded, &*bare}) {
    CHECK_EQ(one->namespace_name(), "Gebäude/1");
    CHECK_EQ(one->event_id(), id);
    CHECK_EQ(one->sequence(), UINT64_MAX);
    CHECK_EQ(one->kind(), note);
    CHECK_EQ(one->content_hash(), hash);
  }
  CHECK_OK(provenance.try_set_schema_version(2));
  CHECK_STATUS(provenance.try_encode(), fbat::status::future_version);
  CHECK_STATUS(fbat::provenance::try_decode(frame->bytes(), fbat::wire_flags{64}), fbat::status::invalid_argument);
  fbat::buffer moved = *std::move(frame);
  CHECK(frame->bytes().empty());
  CHECK(!moved.bytes().empty());
}

TEST(verify_finds_nothing_in_a_sound_store) {
  make("s");
  auto store = open_new("s");
  auto report = store.try_verify();
  REQUIRE_OK(report);
  auto totals = report->try_totals();
  REQUIRE_OK(totals);
  CHECK_EQ(totals->events, 151u);
  CHECK_EQ(totals->system_events, 1u);
  CHECK_EQ(totals->batches, 151u);
  CHECK(totals->segments > 1 && totals->log_bytes > 150000);
  CHECK_EQ(totals->gaps + totals->losses + totals->lost_sequences + totals->unlinked_events, 0u);
  CHECK_EQ(report->finding_count(), 0u);
  CHECK_STATUS(report->try_finding(0), fbat::status::not_found);
}

TEST(verify_names_file_and_offset_of_damage) {
  make("s");
  damage("s");
  auto store = open_read_only("s");
  auto report = store.try_verify();
  REQUIRE_OK(report);
  auto findings = report->try_findings();
  REQUIRE_OK(findings);
  REQUIRE(!findings->empty());
  CHECK_EQ(findings->size(), report->finding_count());
  CHECK_EQ((*findings)[0].path, t::dir() / "s" / "00000000000000000001.log");
  CHECK((*findings)[0].offset > 0);
  CHECK(!(*findings)[0].message.empty());
}

TEST(repair_keeps_what_holds_and_lists_what_is_lost) {
  make("s");
  damage("s");
  auto report = fbat::store::try_repair(t::dir() / "s", t::dir() / "repaired");
  REQUIRE_OK(report);
  auto totals = report->try_totals();
  auto losses = report->try_losses();
  REQUIRE_OK(totals);
  REQUIRE_OK(losses);
  CHECK_EQ(totals->events, 150u);
  CHECK_EQ(totals->sequences_lost, 1u);
  CHECK_EQ(totals->flags, fbat::repair_flags::none);
  REQUIRE(losses->size() == report->loss_count() && !losses->empty());
  CHECK((*losses)[0].first_sequence > 0);
  CHECK(!(*losses)[0].message.empty());
  CHECK_EQ((*losses)[0].path, t::dir() / "s" / "00000000000000000001.log");
  CHECK_STATUS(report->try_loss(99), fbat::status::not_found);
  auto repaired = open_new("repaired");
  auto verified = repaired.try_verify();
  REQUIRE_OK(verified);
  CHECK_EQ(verified->finding_count(), 0u);
  CHECK_EQ(verified->try_totals()->lost_sequences, 1u);
  CHECK_STATUS(fbat::store::try_repair(t::dir() / "s", t::dir() / "repaired"), fbat::status::store_exists);
  CHECK_STATUS(fbat::store::try_repair(t::dir() / "none", t::dir() / "r"), fbat::status::store_not_found);
}

TEST(a_backup_of_a_store_in_use_has_its_history) {
  make("s");
  auto store = open_new("s");
  append_n(store, "thing:1", 5);
  auto copied = store.try_backup(t::dir() / "copy");
  auto linked = store.try_backup(t::dir() / "linked", fbat::backup_flags::link);
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
  CHECK_STATUS(store.try_backup(t::dir() / "x", fbat::backup_flags{64}), fbat::status::invalid_argument);
}

TEST(a_copy_gets_an_id_of_its_own) {
  make("s");
  std::filesystem::copy(t::dir() / "s", t::dir() / "copy");
  CHECK_STATUS(fbat::store::try_new_identity(t::dir() / "none"), fbat::status::store_not_found);
  auto id = fbat::store::try_new_identity(t::dir() / "copy");
  REQUIRE_OK(id);
  auto original = open_new("s"), copy = open_new("copy");
  CHECK_EQ(copy.id(), *id);
  CHECK(original.id() != *id);
}

#if FBAT_EXCEPTIONS
TEST(verify_backup_repair_and_provenance_throw) {
  make("s");
  std::filesystem::copy(t::dir() / "s", t::dir() / "damaged");
  damage("damaged");
  {
    auto store = open_new("s");
    CHECK_EQ(store.verify().totals().events, 151u);
    CHECK(store.verify().findings().empty());
    CHECK_EQ(store.backup(t::dir() / "backup").events, 151u);
    CHECK_THROWS(fbat::conflict_error, fbat::status::store_exists, store.backup(t::dir() / "backup"));
  }
  CHECK(!open_read_only("damaged").verify().finding(0).message.empty());
  CHECK(fbat::store::new_identity(t::dir() / "backup"));
  auto report = fbat::store::repair(t::dir() / "damaged", t::dir() / "repaired");
  CHECK_EQ(report.totals().events, 150u);
  CHECK_EQ(report.losses().size(), report.loss_count());
  CHECK(!report.loss(0).message.empty());
  CHECK_THROWS(fbat::not_found_error, fbat::status::not_found, report.loss(99));
  CHECK_THROWS(fbat::not_found_error, fbat::status::store_not_found, fbat::store::new_identity(t::dir() / "none"));

  fbat::provenance provenance;
  provenance.set_schema_version(1).set_namespace("n").set_event_id(fbat::id()).set_sequence(1).set_kind(note)
      .set_content_hash(fbat::content_hash("x"));
  const fbat::buffer frame = provenance.encode(), body = provenance.encode_body();
  CHECK_EQ(fbat::provenance::decode(frame.bytes()).namespace_name(), "n");
  CHECK_EQ(fbat::provenance::from_extension(body.bytes()).sequence(), 1u);
  CHECK_THROWS(fbat::corrupt_error, fbat::status::wire_framing, fbat::provenance::decode("x"));
  CHECK_THROWS(fbat::invalid_error, fbat::status::invalid_argument, provenance.set_namespace(""));
  CHECK_THROWS(fbat::not_found_error, fbat::status::not_found, fbat::namespace_from_path(t::dir() / "none"));
}
#endif
