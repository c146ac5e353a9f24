/** All the slots of an expression, without the bounds of a schedule. Instants in ms. */
export interface Slots {
  /** The first slot strictly after, or null where none is in sight. */
  next(after: number): number | null;
  /** The last slot strictly before, or null where none is in sight. */
  previous(before: number): number | null;
}
