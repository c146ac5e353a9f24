import { chain, noop } from '../test/support/nodes.js';
import { Tauro } from '../test/support/tauro.js';
import { User } from '../test/support/user.js';
import { type Figure, median } from './figure.js';
import { RunEnds } from './run-ends.js';

const CLIENTS = 20;
const RUNS = 1500;
const ROUNDS = 5;

/** Whole runs per second: three steps each, from twenty clients that start their next run when one has ended. */
export async function measureThroughput(): Promise<Figure[]> {
  const tauro = await Tauro.start({
    workers: 1,
    env: { MAX_CONCURRENT_RUNS: '0', WORKER_CONCURRENCY: '20' },
  });
  const ends = await RunEnds.watch(tauro);
  try {
    const user = new User(tauro.api);
    const project = await user.project();
    const nodes = ['a', 'b', 'c'].map((id) => noop(id));
    const pipeline = (await user.pipeline(project, nodes, { edges: chain('a', 'b', 'c') })).id;
    const rates: number[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      let left = RUNS;
      const began = performance.now();
      const client = async (): Promise<void> => {
        while (left-- > 0) await ends.of(await user.start(project, pipeline));
      };
      await Promise.all(Array.from({ length: CLIENTS }, client));
      rates.push((RUNS / (performance.now() - began)) * 1000);
    }
    const rate = median(rates.slice(1));
    return [
      { what: 'runs of 3 steps, 20 clients, no limit of runs', measured: rate, unit: 'runs/s', atLeast: 300 },
    ];
  } finally {
    await ends.close();
    await tauro.stop();
  }
}
