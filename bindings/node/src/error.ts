/** Status codes and errors: every failure of the library is an {@link FbatError}, of a class for its category. */
import { Category, Status } from "./constants.js";
import { hexOrNull, type Id } from "./hex.js";
import type { ImportReport } from "./import.js";
import { fbat } from "./library.js";
import { copyBytes, textOf } from "./memory.js";
import { type JsonObject, jsonObject } from "./show.js";

/** The name of a category, as in {@link Category}. */
export type CategoryName = keyof typeof Category;

/** What an error tells beside its status. Everything that does not apply is null. */
export interface ErrorDetail {
  /** The operating system's error number. */
  readonly osError: number | null;
  /** The version, size or count that was found. */
  readonly found: bigint;
  /** The version, size or count that is supported, allowed or expected. */
  readonly supported: bigint;
  /** Which item of an array was at fault, counted from 0. */
  readonly item: number | null;
  /** The file or directory concerned. */
  readonly path: string | null;
  /** The same as bytes of the file system, which need not be UTF-8. */
  readonly pathBytes: Buffer | null;
  /** Where in that file, in bytes. */
  readonly offset: bigint | null;
  /** The global sequence of the event concerned. */
  readonly sequence: bigint | null;
  /** The id of the event concerned. */
  readonly eventId: Id | null;
}

const NO_DETAIL: ErrorDetail = {
  osError: null,
  found: 0n,
  supported: 0n,
  item: null,
  path: null,
  pathBytes: null,
  offset: null,
  sequence: null,
  eventId: null,
};

const reports = new WeakMap<object, ImportReport>();

/**
 * How far an import came that ended with this error: what was committed until then. Works for errors of the library and
 * for whatever object a filter or a progress function threw; undefined for everything else.
 */
export function reportOf(error: unknown): ImportReport | undefined {
  return typeof error === "object" && error !== null ? reports.get(error) : undefined;
}

/** @internal */
export function setReport(error: unknown, report: ImportReport): void {
  if ((typeof error === "object" && error !== null) || typeof error === "function") {
    reports.set(error, report);
  }
}

/** An error as JSON has it. */
export type FbatErrorJson = JsonObject<
  ErrorDetail & Pick<FbatError, "name" | "message" | "code" | "status" | "category">
>;

/** A call of the library that failed. */
export class FbatError extends Error implements ErrorDetail {
  /** The name of the status, for example `FBAT_ERR_NOT_FOUND`. */
  readonly code: string;
  /** Its number: one of {@link Status}, or one of a later version of the library. */
  readonly status: number;
  /** What it is about. There is a class for each. */
  readonly category: CategoryName;
  readonly osError: number | null;
  readonly found: bigint;
  readonly supported: bigint;
  readonly item: number | null;
  readonly path: string | null;
  readonly pathBytes: Buffer | null;
  readonly offset: bigint | null;
  readonly sequence: bigint | null;
  readonly eventId: Id | null;

  /** Made by the library's calls; a constructor for tests that need one. */
  constructor(status: number, message: string, detail: Partial<ErrorDetail> = {}, options?: ErrorOptions) {
    super(message, options);
    const all = { ...NO_DETAIL, ...detail };
    this.code = statusName(status);
    this.status = status;
    this.category = categoryName(status);
    this.osError = all.osError;
    this.found = all.found;
    this.supported = all.supported;
    this.item = all.item;
    this.path = all.path;
    this.pathBytes = all.pathBytes;
    this.offset = all.offset;
    this.sequence = all.sequence;
    this.eventId = all.eventId;
  }

  /** What it tells, for `JSON.stringify`: 64-bit integers are decimal text, `pathBytes` is base64. */
  toJSON(): FbatErrorJson {
    return jsonObject(Object.assign({ name: this.name, message: this.message }, this));
  }

  /** Of an import that failed: what was committed until then. The same as {@link reportOf}. */
  get report(): ImportReport | undefined {
    return reportOf(this);
  }
}

/** The name of the class is what a stack trace shows. */
function nameErrors(type: typeof FbatError): typeof FbatError {
  Object.defineProperty(type.prototype, "name", { value: type.name, configurable: true, writable: true });
  return type;
}

/** The caller's mistake; the same call fails again. */
export class InvalidError extends FbatError {}
/** What was asked for is not there. */
export class NotFoundError extends FbatError {}
/** What is there contradicts the call. */
export class ConflictError extends FbatError {}
/** Somebody else is using it; try later. */
export class BusyError extends FbatError {}
/** The object can't be used any more, or not for this. */
export class ClosedError extends FbatError {}
/** The operating system failed; `osError` is its errno. */
export class IoError extends FbatError {}
/** Bytes are not what they should be. */
export class CorruptError extends FbatError {}
/** A version or a feature is beyond this library or this machine. */
export class UnsupportedError extends FbatError {}
/** The caller stopped the call. `cause` is the reason of the signal, where one did. */
export class CancelledError extends FbatError {}
/** A defect in the library. */
export class InternalError extends FbatError {}

const classes: { readonly [C in CategoryName]: typeof FbatError } = {
  NONE: nameErrors(FbatError),
  INVALID: nameErrors(InvalidError),
  NOT_FOUND: nameErrors(NotFoundError),
  CONFLICT: nameErrors(ConflictError),
  BUSY: nameErrors(BusyError),
  CLOSED: nameErrors(ClosedError),
  IO: nameErrors(IoError),
  CORRUPT: nameErrors(CorruptError),
  UNSUPPORTED: nameErrors(UnsupportedError),
  CANCELLED: nameErrors(CancelledError),
  INTERNAL: nameErrors(InternalError),
};

const categoryNames = new Map<number, CategoryName>(
  Object.entries(Category).map(([name, number]) => [number, name as CategoryName]),
);

/** The name of a status; "FBAT_STOPPED_BY_CALLBACK" for negative numbers, "FBAT_ERR_UNKNOWN" for unknown ones. */
export function statusName(status: number): string {
  return fbat.fbat_status_name(status);
}

/** What a status means, in a few words. */
export function statusMessage(status: number): string {
  return fbat.fbat_status_message(status);
}

/** What a status is about, as one of {@link Category}. */
export function statusCategory(status: number): number {
  return fbat.fbat_status_category(status);
}

function categoryName(status: number): CategoryName {
  return categoryNames.get(statusCategory(status)) ?? "INTERNAL";
}

/** @internal An error of the class that its status asks for. */
export function makeError(status: number, message: string, detail?: Partial<ErrorDetail>, options?: ErrorOptions) {
  return new classes[categoryName(status)](status, message, detail, options);
}

/** @internal A mistake of the caller's that the binding sees before the library does. */
export function invalid(status: number, message: string): FbatError {
  return makeError(status, message);
}

/** @internal The object was closed: its number is not given to the library again. */
export function closed(what: string, detail?: Partial<ErrorDetail>): FbatError {
  return makeError(Status.ERR_CLOSED, `the ${what} was closed`, detail);
}

/** @internal Throws what the library says about a failure, and frees its error. */
export function check(status: number, error: bigint, options?: ErrorOptions): void {
  if (status !== Status.OK) {
    throw errorFrom(status, error, options);
  }
}

function errorFrom(status: number, error: bigint, options?: ErrorOptions): FbatError {
  if (error === 0n) {
    return makeError(status, statusMessage(status), {}, options);
  }
  try {
    const message = textOf(fbat.fbat_error_message(error));
    return makeError(fbat.fbat_error_code(error), message, readDetail(error), options);
  } finally {
    fbat.fbat_error_free(error);
  }
}

function readDetail(error: bigint): ErrorDetail {
  const path = fbat.fbat_error_path(error);
  const pathBytes = Number(path.data) === 0 ? null : copyBytes(path.data, path.len);
  const item = Number(fbat.fbat_error_item(error));
  const offset = BigInt(fbat.fbat_error_offset(error));
  return {
    osError: fbat.fbat_error_os_error(error) || null,
    found: BigInt(fbat.fbat_error_found(error)),
    supported: BigInt(fbat.fbat_error_supported(error)),
    item: item < 0 ? null : item,
    path: pathBytes?.toString("utf8") ?? null,
    pathBytes,
    offset: offset < 0n ? null : offset,
    sequence: BigInt(fbat.fbat_error_sequence(error)) || null,
    eventId: hexOrNull(fbat.fbat_error_event_id(error).bytes) as Id | null,
  };
}
