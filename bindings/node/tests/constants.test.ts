/** The numbers of the binding are those of the header. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as api from "fbat";
import { projectRoot } from "./fixture.js";

const header = readFileSync(join(projectRoot, "include/fbat_ffi.h"), "utf8");

/** Groups whose members stand alone in the header, under these prefixes; longer ones first. */
const groups = {
  CATEGORY_: api.Category,
  LOG_: api.LogLevel,
  OPEN_REPORT_: api.OpenReportFlag,
  OPEN_: api.OpenMode,
  DURABILITY_: api.Durability,
  EXPECT_: api.Expect,
  EVENT_: api.EventFlag,
  RECEIPT_: api.ReceiptFlag,
  NEWS_: api.News,
  WAIT_: api.WaitFlag,
  COLUMN_: api.Column,
  RECORD_: api.RecordFlag,
  QUERY_: api.QueryFlag,
  LIST_: api.ListFlag,
  REGION_: api.RegionFlag,
  WIRE_: api.WireFlag,
  IMPORT_DURABILITY_: api.ImportDurability,
  IMPORT_IDENTITY_: api.ImportIdentity,
  ON_CONFLICT_: api.OnConflict,
  IMPORT_REPORT_: api.ImportReportFlag,
  IMPORT_: api.ImportFlag,
  PLAN_: api.PlanFlag,
  SOURCE_STATE_: api.SourceState,
  SOURCE_: api.SourceFlag,
  BACKUP_: api.BackupFlag,
  REPAIR_: api.RepairFlag,
};

function numberOf(name: string): unknown {
  if (name in api.Status) {
    return api.Status[name as keyof typeof api.Status];
  }
  for (const [prefix, group] of Object.entries(groups)) {
    const rest = name.slice(prefix.length);
    if (name.startsWith(prefix) && rest in group) {
      return (group as Readonly<Record<string, number>>)[rest];
    }
  }
  return (api as Readonly<Record<string, unknown>>)[name];
}

test("every constant of the header is there with its value, and no other", () => {
  const constants = [...header.matchAll(/^ {2}FBAT_(\w+) = (\d+),$/gm)];
  assert.ok(constants.length > 80);
  for (const [, name, value] of constants) {
    assert.equal(numberOf(name as string), Number(value), name);
  }
  const grouped = [api.Status, ...Object.values(groups)].reduce(
    (sum, group) => sum + Object.keys(group).length,
    0,
  );
  const single = Object.entries(api).filter(
    ([name, value]) => /^[A-Z_]+$/.test(name) && typeof value === "number",
  );
  assert.equal(grouped + single.length, constants.length);
});

test("versions of package, header and library agree", () => {
  const { version } = JSON.parse(
    readFileSync(join(projectRoot, "bindings/node/package.json"), "utf8"),
  );
  assert.equal(version, api.VERSION);
  assert.equal(api.versionString(), api.VERSION);
  assert.equal(api.VERSION, [api.VERSION_MAJOR, api.VERSION_MINOR, api.VERSION_PATCH].join("."));
  assert.equal(api.abiVersion(), api.ABI_VERSION);
  const full = readFileSync(join(projectRoot, "include/fbat.h"), "utf8");
  assert.ok(full.includes(`#define FBAT_VERSION "${api.VERSION}"`));
  assert.ok(full.includes(`#define FBAT_PROVENANCE_MAGIC "${api.PROVENANCE_MAGIC}"`));
});
