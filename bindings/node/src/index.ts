// Finds the types of Node.js, `Buffer` among them, also where a program's `types` does not list them.
/// <reference types="node" preserve="true" />
/**
 * fbat: an embedded, append-only event store with exactly-once import.
 * @packageDocumentation
 */
export { type EventInit, Receipt, type ReceiptJson } from "./append.js";
export * from "./constants.js";
export { type BackupReport, newIdentity } from "./copy.js";
export {
  BusyError,
  CancelledError,
  type CategoryName,
  ClosedError,
  ConflictError,
  CorruptError,
  type ErrorDetail,
  FbatError,
  type FbatErrorJson,
  InternalError,
  InvalidError,
  IoError,
  NotFoundError,
  reportOf,
  statusCategory,
  statusMessage,
  statusName,
  UnsupportedError,
} from "./error.js";
export type { Handle } from "./handle.js";
export type { Hash, Id } from "./hex.js";
export {
  contentHash,
  hashFromBytes,
  hashToBytes,
  idFromBytes,
  idToBytes,
  kind,
  kindCategory,
  kindType,
  namespaceFromPath,
  operationKey,
  parseHash,
  parseId,
} from "./id.js";
export {
  type AsyncImportInit,
  Cancel,
  type Filter,
  type ImportInit,
  ImportOptions,
  type ImportReport,
  type Progress,
  type SharedCancel,
  type SignalOptions,
} from "./import.js";
export { type LogFunction, setLogCallback } from "./log.js";
export type { Region, RegionInit, VersionRange } from "./options.js";
export { EventRecord, Page, type RecordJson, type RecordObject } from "./page.js";
export { Provenance, type ProvenanceInit, type ProvenanceJson } from "./provenance.js";
export { Cursor, Query, type QueryInit } from "./query.js";
export { type Loss, type RepairReport, type RepairTotals, repair, repairAsync } from "./repair.js";
export type { JsonObject } from "./show.js";
export {
  type BatchOptions,
  type Frontier,
  type Head,
  type OpenInit,
  OpenOptions,
  type OpenReport,
  type SharedStore,
  type Stats,
  Store,
  setMappedReads,
} from "./store.js";
export type { Finding, VerifyReport, VerifyTotals } from "./verify.js";
export { abiVersion, liveHandles, versionString } from "./version.js";
