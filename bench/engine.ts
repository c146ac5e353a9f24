import { chain, noop } from '../test/support/nodes.js';
import { Tauro } from '../test/support/tauro.js';
import { User } from '../test/support/user.js';
import { type Figure } from './figure.js';

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `n${i}`);

/** What the engine itself costs: nodes that do nothing, one after the other and all at once. */
export async function measureEngine(): Promise<Figure[]> {
  const tauro = await Tauro.start({ workers: 1 });
  try {
    const user = new User(tauro.api);
    const seconds = async (ids: string[], edges: object[]): Promise<number> => {
      const run = await user.ended(
        await user.startNew(
          ids.map((id) => noop(id)),
          { edges },
        ),
        300_000,
      );
      if (run.state !== 'SUCCESS') throw new Error(`the run ended ${run.state}`);
      return run.duration_seconds;
    };
    await seconds(names(20), []);
    const deep = await seconds(names(100), chain(...names(100)));
    const wide = await seconds(names(1000), []);
    return [
      { what: 'a hop of a chain (100 nodes)', measured: (deep / 100) * 1000, unit: 'ms' },
      { what: 'nodes side by side (1,000 nodes)', measured: 1000 / wide, unit: 'nodes/s' },
    ];
  } finally {
    await tauro.stop();
  }
}
