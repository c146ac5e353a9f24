/** A node that ends at once. */
export const noop = (id: string, rest: object = {}): object => task(id, 'noop', undefined, rest);

/** A node that calls a handler of examples/handlers or test/support/handlers. */
export const task = (id: string, handler: string, input?: object, rest: object = {}): object => ({
  id,
  type: 'task',
  config: { handler, ...(input && { input }) },
  ...rest,
});

/** A node that sleeps without holding a slot. */
export const wait = (id: string, seconds: number, rest: object = {}): object => ({
  id,
  type: 'wait',
  config: { seconds },
  ...rest,
});

/** Edges along a chain: `chain('a', 'b', 'c')` is a -> b -> c. */
export const chain = (...ids: string[]): object[] => ids.slice(1).map((to, i) => ({ from: ids[i], to }));

/** Fails once and for all: no second attempt. */
export const ONCE = { retry_policy: { max_attempts: 1 } };
