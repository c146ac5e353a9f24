/**
 * Joins single look-ups that arrive within one turn of the event loop into one of many: pollers come in crowds,
 * and a round trip to the store costs more than all else of a small answer. A look-up begins only after the last
 * who joined it, so nobody is told what was true before they asked.
 */
export class Batcher<V> {
  private waiting = new Map<string, Waiting<V>>();

  /** @param load finds the values of distinct keys; those that are missing are left out. */
  constructor(private readonly load: (keys: string[]) => Promise<Map<string, V>>) {}

  /** Undefined when there is no value. */
  get(key: string): Promise<V | undefined> {
    const joined = this.waiting.get(key);
    if (joined) return joined.promise;
    if (this.waiting.size === 0) setImmediate(() => void this.flush());
    const added = waiting<V>();
    this.waiting.set(key, added);
    return added.promise;
  }

  private async flush(): Promise<void> {
    const batch = this.waiting;
    this.waiting = new Map();
    try {
      const values = await this.load([...batch.keys()]);
      for (const [key, { resolve }] of batch) resolve(values.get(key));
    } catch (error) {
      for (const { reject } of batch.values()) reject(error);
    }
  }
}

interface Waiting<V> {
  promise: Promise<V | undefined>;
  resolve: (value: V | undefined) => void;
  reject: (error: unknown) => void;
}

function waiting<V>(): Waiting<V> {
  let resolve!: Waiting<V>['resolve'];
  let reject!: Waiting<V>['reject'];
  const promise = new Promise<V | undefined>((onValue, onError) => {
    [resolve, reject] = [onValue, onError];
  });
  return { promise, resolve, reject };
}
