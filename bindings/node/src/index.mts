// The package as a module: the same as for `require`, so that a program has it once.
export * from "./index.js";
