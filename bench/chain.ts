import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { chain, task } from '../test/support/nodes.js';
import { ROOT } from '../test/support/server-process.js';
import { Tauro } from '../test/support/tauro.js';
import { User } from '../test/support/user.js';
import { type Figure, median } from './figure.js';
import { RunEnds } from './run-ends.js';

const ROUNDS = 11;
const WORK = [
  { what: '40 x fibonacci(10) in a row', steps: 40, n: 10, times: 3 },
  { what: '10 x fibonacci(33) in a row', steps: 10, n: 33, times: 1.3 },
];

/** Chains of handlers: from `POST /runs` to a durable SUCCESS, beside the same work by a bare queue. */
export async function measureChains(): Promise<Figure[]> {
  const tauro = await Tauro.start({ workers: 1 });
  const ends = await RunEnds.watch(tauro);
  const bare = await BareQueue.start();
  try {
    const user = new User(tauro.api);
    const project = await user.project();
    const figures: Figure[] = [];
    for (const { what, steps, n, times } of WORK) {
      const ids = Array.from({ length: steps }, (_, i) => `s${i}`);
      const nodes = ids.map((id) => task(id, 'fibonacci', { n }));
      const pipeline = (await user.pipeline(project, nodes, { edges: chain(...ids) })).id;
      const ours: number[] = [];
      const floor: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        floor.push(await bare.run(steps, n));
        const began = performance.now();
        const run = await user.start(project, pipeline);
        ours.push((await ends.of(run)) - began);
      }
      const least = median(floor.slice(1));
      figures.push(
        { what: `${what}, bare BullMQ`, measured: least, unit: 'ms' },
        { what, measured: median(ours.slice(1)), unit: 'ms', atMost: times * least },
      );
    }
    return figures;
  } finally {
    await bare.stop();
    await ends.close();
    await tauro.stop();
  }
}

/** The bare queue's side: its worker is a process of its own. */
class BareQueue {
  private constructor(
    private readonly worker: ChildProcess,
    private readonly queue: Queue,
    private readonly ends: Redis,
  ) {}

  static async start(): Promise<BareQueue> {
    const name = `bare_${randomBytes(4).toString('hex')}`;
    const worker = fork(join(ROOT, 'bench/bare-queue.ts'), [name], {
      execPath: process.execPath,
      execArgv: [join(ROOT, 'node_modules/jiti/lib/jiti-cli.mjs')],
    });
    await once(worker, 'message');
    const ends = new Redis(process.env.TEST_REDIS_URL!);
    await ends.subscribe(`${name}:ended`);
    const connection = { url: process.env.TEST_REDIS_URL! };
    const queue = new Queue(name, { connection, defaultJobOptions: { removeOnComplete: true } });
    return new BareQueue(worker, queue, ends);
  }

  /** @returns milliseconds from adding the first step to the end of the last. */
  async run(left: number, n: number): Promise<number> {
    const began = performance.now();
    const ended = once(this.ends, 'message');
    await this.queue.add('step', { left, n, chain: 'only' });
    await ended;
    return performance.now() - began;
  }

  async stop(): Promise<void> {
    await this.queue.obliterate({ force: true });
    await this.queue.close();
    this.ends.disconnect();
    this.worker.kill();
  }
}
