const HOUR_MS = 3_600_000;

/**
 * Place in a queue, inside an update: the earlier the sooner. A point of priority is worth an hour of waiting, so
 * the highest goes first, the oldest among equals, and nobody waits for ever behind a stream of more urgent ones.
 * @param priority the field that has it.
 */
export const rankUpdate = (since: Date, priority: '$priority' | '$engine.priority'): object => ({
  $subtract: [since, { $multiply: [{ $ifNull: [priority, 0] }, HOUR_MS] }],
});

/** The same, worked out here. */
export const rankOf = (since: Date, priority: number): Date => new Date(since.getTime() - priority * HOUR_MS);
