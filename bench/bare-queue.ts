import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';

// The floor to compare with: steps one after the other by nothing but a queue, whose worker adds the next step itself.
// Started as a process of its own, as a worker is; says `ready`, and publishes the end of each chain.

interface Step {
  left: number;
  n: number;
  chain: string;
}

const fibonacci = (n: number): number => (n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2));

const [name = 'bare'] = process.argv.slice(2);
const connection = { url: process.env.TEST_REDIS_URL!, maxRetriesPerRequest: null };
const options = { removeOnComplete: true, removeOnFail: true };
const queue = new Queue<Step>(name, { connection, defaultJobOptions: options });
const publisher = new Redis(process.env.TEST_REDIS_URL!);

const worker = new Worker<Step>(
  name,
  async ({ data: { left, n, chain } }) => {
    fibonacci(n);
    if (left > 1) await queue.add('step', { left: left - 1, n, chain });
    else await publisher.publish(`${name}:ended`, chain);
  },
  { connection },
);

void worker.waitUntilReady().then(() => process.send!('ready'));
process.on('disconnect', () => process.exit(0));
