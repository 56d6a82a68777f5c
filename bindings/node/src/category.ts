/** What a status is about, by name. */
import { Category } from "./constants.js";
import { fbat } from "./library.js";

/** The name of a category, as in {@link Category}. */
export type CategoryName = keyof typeof Category;

const names = new Map<number, CategoryName>(
  Object.entries(Category).map(([name, number]) => [number, name as CategoryName]),
);

export function categoryName(status: number): CategoryName {
  return names.get(fbat.fbat_status_category(status)) ?? "INTERNAL";
}
