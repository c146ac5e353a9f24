import { noop } from '../test/support/nodes.js';
import { Tauro } from '../test/support/tauro.js';
import { User } from '../test/support/user.js';
import { type Figure, median } from './figure.js';

const ROUNDS = 5;

interface Shape {
  nodes: object[];
  edges: { from: string; to: string }[];
}

/** One node, `width` nodes after it, one node after all of them. */
function fanOut(width: number): Shape {
  const middle = Array.from({ length: width }, (_, i) => `m${i}`);
  return {
    nodes: [noop('first'), ...middle.map((id) => noop(id)), noop('last')],
    edges: middle.flatMap((id) => [
      { from: 'first', to: id },
      { from: id, to: 'last' },
    ]),
  };
}

/** Each node comes after up to three random ones among the fifty before it; the same graph every time. */
function randomGraph(size: number): Shape {
  let seed = 42;
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * below);
  };
  const edges: Shape['edges'] = [];
  for (let i = 1; i < size; i++) {
    const parents = new Set(Array.from({ length: 1 + random(3) }, () => i - 1 - random(Math.min(i, 50))));
    for (const parent of parents) edges.push({ from: `n${parent}`, to: `n${i}` });
  }
  return { nodes: Array.from({ length: size }, (_, i) => noop(`n${i}`)), edges };
}

/** What a task costs in wide and in large graphs: it must not grow with them. */
export async function measureShapes(): Promise<Figure[]> {
  const tauro = await Tauro.start({ workers: 1 });
  try {
    const user = new User(tauro.api);
    const project = await user.project();
    const seconds = async ({ nodes, edges }: Shape): Promise<number> => {
      const pipeline = (await user.pipeline(project, nodes, { edges })).id;
      const all: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const run = await user.ended(await user.start(project, pipeline), 300_000);
        if (run.state !== 'SUCCESS') throw new Error(`the run ended ${run.state}`);
        all.push((Date.parse(run.finished_at) - Date.parse(run.queued_at)) / 1000);
      }
      return median(all);
    };
    await seconds(fanOut(20));
    const narrow = (await seconds(fanOut(100))) / 102;
    const wide = await seconds(fanOut(1000));
    const small = (await seconds(randomGraph(300))) / 300;
    const large = (await seconds(randomGraph(3000))) / 3000;
    const perTask = { unit: 'ms' };
    return [
      { what: '1 -> 1,000 -> 1', measured: wide, unit: 's', atMost: 1 },
      { what: '1 -> 100 -> 1, per task', measured: narrow * 1000, ...perTask },
      { what: '1 -> 1,000 -> 1, per task', measured: wide / 1.002, atMost: 1500 * narrow, ...perTask },
      { what: 'random graph of 300, per task', measured: small * 1000, ...perTask },
      { what: 'random graph of 3,000, per task', measured: large * 1000, atMost: 1500 * small, ...perTask },
    ];
  } finally {
    await tauro.stop();
  }
}
