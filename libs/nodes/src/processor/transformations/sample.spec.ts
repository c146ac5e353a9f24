import { type Json, type JsonObject } from '@tauro/domain';
import { NodeHarness } from '../../tables/node-harness.js';
import { processorNode } from '../processor.node.js';

jest.setTimeout(30_000);

const ROWS = 20_000;
let harness: NodeHarness;

beforeAll(async () => {
  harness = await NodeHarness.create();
  await harness.table('one', [{ a: 1 }]);
  const sql = `SELECT i, i % 7 AS g FROM range(${ROWS}) r(i)`;
  await harness.run(processorNode, 'many', { sql }, { after: ['one'] });
});
afterAll(() => harness.close());

/** Which rows are kept, by their place in the table. */
async function kept(options: JsonObject, before: Json[] = []): Promise<number[]> {
  const list = { type: 'aggregate', metrics: { kept: 'list(i)', n: 'count(*)' } };
  const transformations = [...before, { type: 'sample', ...options }, list];
  const [row] = await harness.process({ transformations }, ['many']);
  return (row!['kept'] ?? []) as number[];
}

const inOrder = (places: number[]): boolean => places.every((place, i) => i === 0 || places[i - 1]! < place);

describe('sample', () => {
  it('keeps as many rows as asked for, once each and in their order', async () => {
    const places = await kept({ rows: 500 });
    expect(places).toHaveLength(500);
    expect(inOrder(places)).toBe(true);
    expect(await kept({ rows: 0 })).toEqual([]);
    expect(await kept({ rows: ROWS + 1 })).toHaveLength(ROWS);
  });

  it('keeps about a fraction of them, from all over the table', async () => {
    const places = await kept({ fraction: 0.1 });
    // Five standard deviations of a fair die.
    expect(Math.abs(places.length - ROWS / 10)).toBeLessThan(5 * Math.sqrt(ROWS * 0.1 * 0.9));
    expect(inOrder(places)).toBe(true);
    const inFirstHalf = places.filter((place) => place < ROWS / 2).length;
    expect(Math.abs(inFirstHalf - places.length / 2)).toBeLessThan(5 * Math.sqrt(places.length / 4));
    expect(await kept({ fraction: 1 })).toHaveLength(ROWS);
  });

  it('draws the same rows again, and others by another seed', async () => {
    for (const size of [{ rows: 200 }, { fraction: 0.02 }] as JsonObject[]) {
      const first = await kept(size);
      expect(await kept({ ...size, seed: 0 })).toEqual(first);
      const others = await kept({ ...size, seed: 1 });
      expect(others).not.toEqual(first);
      const both = others.filter((place) => first.includes(place));
      expect(both.length).toBeLessThan(first.length / 4);
    }
  });

  it('draws the same rows with any number of threads', async () => {
    const { settings } = harness;
    const alone = { ...settings, duckdb: { ...settings.duckdb, threads: 1 } };
    const config = { transformations: [{ type: 'sample', rows: 300, seed: 9 }] };
    await harness.run(processorNode, 'alone', config, { after: ['many'], settings: alone });
    await harness.run(processorNode, 'together', config, { after: ['many'] });
    expect(await harness.rows('alone')).toEqual(await harness.rows('together'));
  });

  it('counts rows as other transformations leave them', async () => {
    const places = await kept({ rows: 100 }, [{ type: 'filter', where: 'g = 3' }]);
    expect(places).toHaveLength(100);
    expect(places.every((place) => place % 7 === 3)).toBe(true);
  });

  it('takes rows at even distances', async () => {
    const method = 'systematic';
    const every = await kept({ method, fraction: 0.01 });
    expect(every).toEqual(Array.from({ length: ROWS / 100 }, (_, i) => i * 100 + 99));
    const three = await kept({ method, rows: 3 });
    expect(three).toHaveLength(3);
    expect(three[1]! - three[0]!).toBeCloseTo(ROWS / 3, -1);
    expect(await kept({ method, rows: ROWS * 2 })).toHaveLength(ROWS);
    expect(await kept({ method, rows: 5 }, [{ type: 'limit', count: 0 }])).toEqual([]);
  });

  it('wants one size', async () => {
    expect(await harness.failure(kept({}))).toBe(
      'InvalidConfig: transformations.0 (sample): needs either rows or fraction',
    );
  });
});
