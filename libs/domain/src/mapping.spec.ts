import { type EndedItem, ItemCollector, itemsFault } from './mapping.js';

const ended = (index: number, more: Partial<EndedItem> = {}): EndedItem => ({
  index,
  state: 'SUCCESS',
  output: index,
  error: null,
  ...more,
});
const failed = (index: number): EndedItem =>
  ended(index, { state: 'FAILED', output: null, error: { type: 'Boom', message: 'boom' } });
const collect = (...items: EndedItem[]): ItemCollector => {
  const collector = new ItemCollector();
  for (const item of items) collector.add(item);
  return collector;
};

describe('what a node may be mapped over', () => {
  it.each([[[]], [[1, null, { a: [] }]], [Array.from({ length: 10_000 }, (_, i) => i)]])(
    'a list within bounds',
    (items) => expect(itemsFault(items)).toBeUndefined(),
  );

  it.each([
    [null, 'must give a list, got null'],
    ['a,b', 'must give a list, got a string'],
    [{ a: 1 }, 'must give a list, got an object'],
    [Array.from({ length: 10_001 }, () => 0), 'has 10001 items, at most 10000 are allowed'],
    [['x'.repeat(70_000)], 'item 0 has 70002 bytes as JSON, at most 65536 are allowed'],
    [Array.from({ length: 100 }, () => 'x'.repeat(60_000)), 'its items have more than 4194304 bytes as JSON'],
  ])('nothing else', (items, fault) => expect(itemsFault(items)).toBe(fault));
});

describe('what a mapped node comes to', () => {
  it('collects outputs in order', () => {
    expect(collect(ended(0), ended(1)).result()).toEqual({
      state: 'SUCCESS',
      output: { items: [0, 1], count: 2, succeeded: 2, failed: 0, skipped: 0, cancelled: 0 },
      error: null,
    });
  });

  it('leaves large outputs out but counts them', () => {
    const { output } = collect(...[0, 1].map((i) => ended(i, { output: 'x'.repeat(40_000) }))).result();
    expect(output).toMatchObject({ truncated: true, count: 2, succeeded: 2 });
    expect(output).not.toHaveProperty('items');
  });

  it.each([
    ['fail', 'FAILED'],
    ['fail_fast', 'FAILED'],
    ['continue', 'SUCCESS'],
  ] as const)('with %s a failed item makes it %s', (policy, state) => {
    const result = collect(ended(0), failed(1)).result(policy);
    expect(result.state).toBe(state);
    expect(result.output).toMatchObject({
      items: [0, null],
      failed: 1,
      failures: [{ index: 1, type: 'Boom', message: 'boom' }],
    });
    expect(result.error?.message).toBe(
      state === 'FAILED' ? '1 of 2 items failed; the first, item 1: boom' : undefined,
    );
  });

  it('counts all failures and spells out the first', () => {
    const many = collect(...Array.from({ length: 500 }, (_, i) => failed(i))).result('continue');
    expect(many.output).toMatchObject({ failed: 500 });
    expect(many.output.failures).toHaveLength(20);
    expect(Buffer.byteLength(JSON.stringify(many.output))).toBeLessThan(65_536);
  });

  it('is cancelled when its items were, unless one failed', () => {
    const cancelled = ended(1, { state: 'CANCELLED', output: null });
    expect(collect(ended(0), cancelled).result().state).toBe('CANCELLED');
    expect(collect(failed(0), cancelled).result('fail_fast').state).toBe('FAILED');
  });

  it('does not mind items whose condition was false', () => {
    const { state, output } = collect(ended(0), ended(1, { state: 'SKIPPED', output: null })).result();
    expect([state, output.skipped]).toEqual(['SUCCESS', 1]);
  });
});
