import { play } from './scenario.js';
import { SCENARIOS } from './scenarios/index.js';
import { FaultStores } from './stores.js';

describe('whatever breaks', () => {
  const seed = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
  let stores: FaultStores;

  beforeAll(async () => {
    process.stderr.write(`faults: FAULT_SEED=${seed}\n`);
    stores = await FaultStores.start();
  });
  afterAll(() => stores?.stop());

  it.each(SCENARIOS.map(({ name }) => name))(
    '%s: every promise is kept',
    async (name) => {
      const scenario = SCENARIOS.find((one) => one.name === name)!;
      const { did, measured, broken, seconds } = await play(scenario, 'short', stores, seed);
      const told = Object.entries(measured).map(([what, value]) => `${what} ${value}`);
      process.stderr.write(`faults: ${did}: ${told.join(', ')} (${seconds.toFixed(0)} s)\n`);
      expect(broken).toEqual([]);
    },
    400_000,
  );
});
