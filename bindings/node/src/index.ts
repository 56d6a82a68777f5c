// Finds the types of Node.js, `Buffer` among them, also where a program's `types` lacks them.
/// <reference types="node" preserve="true" />
/**
 * fbat: an embedded, append-only event store with exactly-once import.
 * @packageDocumentation
 */
export * from "./cancel.js";
export type { CategoryName } from "./category.js";
export * from "./constants.js";
export * from "./error.js";
export * from "./errors.js";
export { newIdentity, repair, repairAsync, type WithFindings } from "./findings.js";
export type { FollowOptions } from "./follow.js";
export type { Handle } from "./handle.js";
export type { Hash, Id } from "./hex.js";
export * from "./id.js";
export type { Conflicts } from "./lineage.js";
export type { Extensions } from "./memory.js";
export type * from "./options.js";
export { EventRecord, Page, type PageJson, type RecordJson, type RecordObject } from "./page.js";
export * from "./process.js";
export * from "./provenance.js";
export { Cursor } from "./query.js";
export type { Range, Region } from "./region.js";
export { reportOf } from "./report.js";
export type { Differences, Origins } from "./sets.js";
export { type BatchOptions, type SharedStore, Store } from "./store.js";
export type * from "./structs.js";
export { Receipt } from "./structs.js";
export type { Summaries } from "./summaries.js";
export type { JsonObject } from "./view.js";
export type { WaitOptions } from "./wait.js";
export type { AsyncOptions, CallOptions, Filter, Report } from "./watch.js";
