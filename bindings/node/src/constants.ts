/** The numbers of the header, one object for each group. Names are those of the header without their prefix. */

/** What a call answers with. Negative numbers are those with which a callback stopped a call. */
export const Status = {
  OK: 0,
  ERR_INVALID_ARGUMENT: 100,
  ERR_INVALID_HANDLE: 110,
  ERR_INVALID_UTF8: 120,
  ERR_INVALID_COORDINATE: 130,
  ERR_RESERVED_KIND: 140,
  ERR_RESERVED_EXTENSION: 150,
  ERR_LIMIT_EXCEEDED: 160,
  ERR_NOT_FOUND: 200,
  ERR_STORE_NOT_FOUND: 210,
  ERR_IDEMPOTENCY_CONFLICT: 300,
  ERR_VERSION_CONFLICT: 310,
  ERR_IMPORT_CONFLICT: 320,
  ERR_STORE_EXISTS: 330,
  ERR_BUSY: 400,
  ERR_CLOSED: 500,
  ERR_POISONED: 510,
  ERR_FORKED: 520,
  ERR_READ_ONLY: 530,
  ERR_IO: 600,
  ERR_NO_SPACE: 610,
  ERR_CORRUPT: 700,
  ERR_WIRE_FRAMING: 710,
  ERR_WIRE_CHECKSUM: 720,
  ERR_WIRE_BODY: 730,
  ERR_WIRE_NOT_CANONICAL: 740,
  ERR_FUTURE_VERSION: 800,
  ERR_UNSUPPORTED: 810,
  ERR_CANCELLED: 900,
  ERR_PANIC: 1000,
  ERR_INTERNAL: 1010,
} as const;

/** What a status is about. */
export const Category = {
  NONE: 0,
  INVALID: 1,
  NOT_FOUND: 2,
  CONFLICT: 3,
  BUSY: 4,
  CLOSED: 5,
  IO: 6,
  CORRUPT: 7,
  UNSUPPORTED: 8,
  CANCELLED: 9,
  INTERNAL: 10,
} as const;

/** The version of the header that this package was written for. */
export const VERSION = "0.1.0";
export const VERSION_MAJOR = 0;
export const VERSION_MINOR = 1;
export const VERSION_PATCH = 0;
/** The version of the binary interface that this package needs; loading another one fails. */
export const ABI_VERSION = 1;

/** How much room the library needs for an id, or a hash, in hex and with its NUL. */
export const ID_HEX_SIZE = 33;
export const HASH_HEX_SIZE = 65;

/** The first 6 bytes of a provenance frame. */
export const PROVENANCE_MAGIC = "FBATIP";
/** The schema version of a provenance that the library writes, and the highest that it reads. */
export const PROVENANCE_SCHEMA_VERSION = 1;

/** How much a line of the log matters. */
export const LogLevel = { ERROR: 1, WARNING: 2, INFO: 3 } as const;
/** How much a line of the log matters: one of the values of {@link LogLevel}. */
export type LogLevel = (typeof LogLevel)[keyof typeof LogLevel];

/** Which stores `Store.open` accepts. */
export const OpenMode = {
  /** Opens the store for writing, or makes a new one. */
  CREATE_IF_MISSING: 0,
  /** Opens for writing; the store must be there. */
  MUST_EXIST: 1,
  /** Makes a new store; none may be there. */
  MUST_BE_NEW: 2,
  /** Opens for reading; takes no lock and changes nothing. Works while another process writes. */
  READ_ONLY: 3,
} as const;
/** Which stores `Store.open` accepts: one of the values of {@link OpenMode}. */
export type OpenMode = (typeof OpenMode)[keyof typeof OpenMode];

/** When an append returns. */
export const Durability = {
  /** When its events are on the disk. */
  DURABLE: 0,
  /** When the operating system has them: they survive a killed process, not a power cut. `sync` makes them durable. */
  OS: 1,
} as const;
/** When an append returns: one of the values of {@link Durability}. */
export type Durability = (typeof Durability)[keyof typeof Durability];

/** Bits of an {@link OpenReport}. */
export const OpenReportFlag = { CREATED: 1, UNCLEAN: 2 } as const;

/** What is expected of an entity before an event is appended. */
export const Expect = {
  ANY: 0,
  /** It has no events. */
  ABSENT: 1,
  /** It has at least one. */
  PRESENT: 2,
  /** It has exactly `expectedVersion` events. */
  VERSION: 3,
} as const;
/** What is expected of an entity before an event is appended: one of the values of {@link Expect}. */
export type Expect = (typeof Expect)[keyof typeof Expect];

/** Bits of `options` of the C event. Set for you: an event with `timestampUs` has it. */
export const EventOption = { HAS_TIMESTAMP: 1 } as const;

/** Bits of a receipt. */
export const ReceiptFlag = {
  /** The key was there already, with the same content: this is the answer of the first append. */
  REPLAYED: 1,
  /** The event is known to be on the disk. */
  DURABLE: 2,
  /** The event came from another store. */
  IMPORTED: 4,
} as const;

/** What to read of an event beside the rest. */
export const Column = {
  PAYLOAD: 1,
  /** The provenance of imported events is among them. */
  EXTENSIONS: 2,
  /** Costs one more look-up for each event. */
  PREVIOUS_HASH: 4,
} as const;

/** Bits of a record. */
export const RecordFlag = { IMPORTED: 1, HAS_PREVIOUS_HASH: 2, PROVENANCE_UNREADABLE: 4 } as const;

/** Bits of a query. */
export const QueryFlag = {
  /** Highest sequence first. */
  BACKWARD: 1,
  /** The library's own events too. */
  SYSTEM: 2,
} as const;

/** Whether a query or an import asks for one kind, a category, or any. */
export const KindMatch = { ANY: 0, EXACT: 1, CATEGORY: 2 } as const;
/** Whether a query or an import asks for one kind, a category, or any: one of the values of {@link KindMatch}. */
export type KindMatch = (typeof KindMatch)[keyof typeof KindMatch];

/** Bits for decoding a provenance. */
export const WireFlag = {
  /** Accept every encoding that can be understood, not only the canonical one. */
  LENIENT: 1,
} as const;

/** When imported events are made durable. */
export const ImportDurability = {
  /** Before the import returns. */
  END: 0,
  /** Each chunk before the next. */
  CHUNK: 1,
} as const;
/** When imported events are made durable: one of the values of {@link ImportDurability}. */
export type ImportDurability = (typeof ImportDurability)[keyof typeof ImportDurability];

/** What becomes of an event to import that is there with other content. */
export const OnConflict = {
  /** It ends the import. */
  FAIL: 0,
  /** It is counted and left out. */
  SKIP: 1,
} as const;
/** What becomes of an event to import that is there with other content: one of the values of {@link OnConflict}. */
export type OnConflict = (typeof OnConflict)[keyof typeof OnConflict];

/** Bits of an import. */
export const ImportFlag = {
  /** Hash every payload again, instead of trusting the checksum of its frame. */
  REHASH: 1,
  /** Do everything on the thread that calls. */
  ONE_THREAD: 2,
} as const;

/** Bits of a backup. */
export const BackupFlag = {
  /** Sealed files of the log become hard links where the file system can. */
  LINK: 1,
} as const;

/** Bits of the totals of a repair. */
export const RepairFlag = {
  /** The identity file was lost and made anew. */
  IDENTITY_REBUILT: 1,
  /** An event that told of a newer store id may be among what was lost. */
  IDENTITY_UNCERTAIN: 2,
} as const;
