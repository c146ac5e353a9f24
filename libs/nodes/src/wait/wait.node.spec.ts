import { type JsonObject } from '@tauro/domain';
import { NodeError, type NodeContext } from '../node-kind.js';
import { checkRendered } from '../validate.js';
import { waitNode } from './wait.node.js';

const run = (config: object): Promise<{ wait_until: Date }> =>
  Promise.resolve().then(() =>
    waitNode.execute({
      config: checkRendered(waitNode, config as Record<string, unknown>),
      log: () => undefined,
    } as unknown as NodeContext),
  ) as never;
const check = (config: JsonObject): unknown => waitNode.check!({ id: 'w', type: 'wait', config }, []);

describe('wait', () => {
  it.each([
    [1.5, 1500],
    [0, 0],
    ['2', 2000],
    [0.0001, 1],
  ])('seconds: %j sleeps %i ms', async (seconds, ms) => {
    const before = Date.now();
    const { wait_until } = await run({ seconds });
    expect(wait_until.getTime()).toBeGreaterThanOrEqual(before + ms);
    expect(wait_until.getTime()).toBeLessThanOrEqual(Date.now() + ms);
  });

  it.each([
    ['2999-01-31T06:00:00Z', '2999-01-31T06:00:00.000Z'],
    ['2999-01-31T06:00:00+02:00', '2999-01-31T04:00:00.000Z'],
    ['2999-01-31T06:00', '2999-01-31T06:00:00.000Z'],
    ['2999-01-31 06:00:00.25', '2999-01-31T06:00:00.250Z'],
    ['2999-01-31', '2999-01-31T00:00:00.000Z'],
  ])('until: %s is %s', async (until, iso) => {
    expect((await run({ until })).wait_until.toISOString()).toBe(iso);
  });

  it('a time in the past wakes at once', async () => {
    const before = Date.now();
    expect((await run({ until: '2001-01-01' })).wait_until.getTime()).toBeGreaterThanOrEqual(before);
  });

  it.each([
    { seconds: -1 },
    { seconds: 'soon' },
    { seconds: '' },
    { seconds: null },
    { seconds: 1e12 },
    { until: 'tomorrow' },
    { until: '2024-13-01' },
    { until: '2023-02-29' },
    { until: 5 },
  ])('%j is refused, for good', async (config) => {
    const error: unknown = await run(config).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(NodeError);
    expect(error).toMatchObject({ type: 'InvalidConfig', retryable: false });
    expect((error as Error).message).toMatch(/(seconds|until) must be/);
  });

  it('takes exactly one of the two, and checks a time that is no template at create', () => {
    expect(check({ seconds: 1 })).toEqual([]);
    expect(check({ until: '{{ params.when }}' })).toEqual([]);
    expect(check({})).toEqual([
      expect.objectContaining({ field: 'config', message: "needs 'seconds' or 'until'" }),
    ]);
    expect(check({ seconds: 1, until: '2024-01-01' })).toEqual([
      expect.objectContaining({ field: 'config' }),
    ]);
    expect(check({ until: 'noon' })).toEqual([expect.objectContaining({ field: 'config.until' })]);
  });

  it('is not subject to the default timeout', () => expect(waitNode.timed).toBe(false));
});
