/** Errors: every failure of the library is an {@link FbatError}, of a class for its category. */
import { type CategoryName, categoryName } from "./category.js";
import { fbat } from "./library.js";
import { reportOf } from "./report.js";
import { DetailedError, type ErrorDetail, type ImportReport } from "./structs.js";
import { type JsonObject, jsonObject } from "./view.js";

/** An error as JSON has it. */
export type FbatErrorJson = JsonObject<ErrorDetail & Pick<FbatError, "name" | "code" | "category">>;

/** A call of the library that failed. */
export class FbatError extends DetailedError {
  /** The name of the status, for example `FBAT_ERR_NOT_FOUND`. */
  readonly code: string;
  /** What it is about. There is a class for each. */
  readonly category: CategoryName;

  /** Made by the library's calls; a constructor for tests that need one. */
  constructor(detail: Partial<ErrorDetail> & Pick<ErrorDetail, "status">, options?: ErrorOptions) {
    super(detail, options);
    this.code = statusName(detail.status);
    this.category = categoryName(detail.status);
  }

  /** For `JSON.stringify`: 64-bit integers are decimal text, `pathBytes` is base64. */
  toJSON(): FbatErrorJson {
    return jsonObject(Object.assign({ name: this.name, message: this.message }, this));
  }

  /** Of an import that failed: what was committed until then. The same as {@link reportOf}. */
  get report(): ImportReport | undefined {
    return reportOf(this);
  }
}

// The name of the class is what a stack trace shows.
Object.defineProperty(FbatError.prototype, "name", {
  get() {
    return this.constructor.name;
  },
  configurable: true,
});

/**
 * The name of a status; "FBAT_STOPPED_BY_CALLBACK" for negative numbers, "FBAT_ERR_UNKNOWN" for
 * unknown ones.
 */
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
