/** Appending: events and batches of them, with receipts as the answer. */
import { type Call, call } from "./call.js";
import { FbatError } from "./error.js";
import { makeError, needed } from "./fail.js";
import { fbat } from "./library.js";
import { Block, type Place } from "./memory.js";
import { EVENT, type EventInit } from "./options.js";
import { Receipt } from "./structs.js";

function readReceipts({ block, at }: Place, count: number): Receipt[] {
  const bytes = Buffer.from(block.buffer.subarray(at, at + Receipt.SIZE * count));
  const copy = new Block(bytes);
  return Array.from({ length: count }, (_, i) => new Receipt(copy, i * Receipt.SIZE));
}

export function appendCall(store: bigint, event: EventInit): Call<Receipt> {
  return call((arena) => {
    const address = arena.write(EVENT, event);
    const receipt = arena.structs(Receipt.SIZE);
    const answer = () => readReceipts(receipt, 1)[0] as Receipt;
    return [fbat.fbat_append, [store, address, receipt.address], answer];
  });
}

/** Says which event of a batch was refused, as the library does. */
function ofItem(error: unknown, item: number): unknown {
  const isOurs = error instanceof FbatError;
  return isOurs ? makeError({ status: error.status, message: error.message, item }) : error;
}

export function appendBatchCall(
  store: bigint,
  events: readonly EventInit[],
  wantsReceipts: boolean,
): Call<Receipt[]> {
  if (!Array.isArray(events)) {
    throw needed("events", "an array", events);
  }
  return call((arena) => {
    const count = events.length;
    const { block, at, address } = arena.structs(EVENT.size, count);
    for (let i = 0; i < count; i++) {
      try {
        EVENT.write(arena, block, at + i * EVENT.size, events[i] as EventInit);
      } catch (error) {
        throw ofItem(error, i);
      }
    }
    const receipts = wantsReceipts ? arena.structs(Receipt.SIZE, count) : null;
    const answer = () => (receipts === null ? [] : readReceipts(receipts, count));
    return [fbat.fbat_append_batch, [store, address, count, receipts?.address ?? 0], answer];
  });
}
