/** Errors are made here: of the class that their status asks for. */

import { categoryName } from "./category.js";
import { Status } from "./constants.js";
import { FbatError, statusMessage } from "./error.js";
import * as errors from "./errors.js";
import type { ErrorDetail } from "./structs.js";

/** The classes by the names of their categories: NOTFOUND has NotFoundError. */
const classes = new Map(
  Object.entries(errors).map(([name, of]) => [name.replace("Error", "").toUpperCase(), of]),
);

export function makeError(
  detail: Partial<ErrorDetail> & Pick<ErrorDetail, "status">,
  options?: ErrorOptions,
): FbatError {
  const message = detail.message ?? statusMessage(detail.status);
  const of = classes.get(categoryName(detail.status).replace("_", "")) ?? FbatError;
  return new of({ ...detail, message }, options);
}

/** Throws where a call failed that says no more than its status. */
export function check(status: number): void {
  if (status !== Status.OK) {
    throw makeError({ status });
  }
}

/** A mistake of the caller's that the binding sees before the library does. */
export function invalid(message: string, status: number = Status.ERR_INVALID_ARGUMENT): FbatError {
  return makeError({ status, message });
}

/** What is needed, and what was given in its place. */
export function needed(what: string, need: string, value: unknown): FbatError {
  const isNumber = typeof value === "number" || typeof value === "bigint";
  const found = isNumber || value === null ? String(value) : typeof value;
  return invalid(`${what}: ${need} is needed, not ${found}`);
}

/** An object was closed: its number is not given to the library again. */
export function closed(what: string, detail?: Partial<ErrorDetail>): FbatError {
  return makeError({ status: Status.ERR_CLOSED, message: `the ${what} was closed`, ...detail });
}
