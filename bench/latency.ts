import { setTimeout as sleep } from 'node:timers/promises';
import { noop, task } from '../test/support/nodes.js';
import { Tauro } from '../test/support/tauro.js';
import { User } from '../test/support/user.js';
import { cpuSeconds } from './cpu.js';
import { type Figure, median } from './figure.js';

const STARTS = 200;
const IDLE_SECONDS = 20;

/** How soon the first node starts on an idle system, and what idling costs. */
export async function measureLatency(): Promise<Figure[]> {
  const tauro = await Tauro.start({ workers: 1 });
  try {
    const user = new User(tauro.api);
    const project = await user.project();
    const pipeline = (await user.pipeline(project, [noop('only')])).id;
    const delays: number[] = [];
    for (let i = 0; i < STARTS + 20; i++) {
      const began = Date.now();
      const run = await user.ended(await user.start(project, pipeline));
      if (i >= 20) delays.push(Date.parse(run.started_at) - began);
    }
    delays.sort((a, b) => a - b);
    await sleep(3000);
    const pids = [tauro.apiProcess().pid, ...tauro.workers.map(({ pid }) => pid)];
    const before = cpuSeconds(pids);
    await sleep(IDLE_SECONDS * 1000);
    const idle = ((cpuSeconds(pids) - before) / IDLE_SECONDS) * 100;
    return [
      { what: 'POST /runs to first node started, median', measured: median(delays), unit: 'ms', atMost: 8 },
      {
        what: 'the same, 99th percentile',
        measured: delays[Math.ceil(STARTS * 0.99) - 1]!,
        unit: 'ms',
        atMost: 30,
      },
      { what: 'idle: API and worker together', measured: idle, unit: '% of a core', atMost: 2 },
    ];
  } finally {
    await tauro.stop();
  }
}

/** How much faster two workers are than one, with nodes that take 50 ms without using the processor. */
export async function measureScaling(): Promise<Figure[]> {
  const nodes = Array.from({ length: 200 }, (_, i) => task(`n${i}`, 'sleep', { seconds: 0.05 }));
  const seconds: number[] = [];
  for (const workers of [1, 2]) {
    const tauro = await Tauro.start({
      workers,
      env: { WORKER_CONCURRENCY: '4' },
    });
    try {
      const user = new User(tauro.api);
      const project = await user.project();
      const pipeline = (await user.pipeline(project, nodes)).id;
      const all: number[] = [];
      for (let round = 0; round < 6; round++) {
        const run = await user.ended(await user.start(project, pipeline), 300_000);
        all.push((Date.parse(run.finished_at) - Date.parse(run.queued_at)) / 1000);
      }
      seconds.push(median(all.slice(1)));
    } finally {
      await tauro.stop();
    }
  }
  return [
    { what: '200 x 50 ms, one worker of 4 slots', measured: seconds[0]!, unit: 's' },
    { what: 'two such workers are faster by', measured: seconds[0]! / seconds[1]!, unit: 'x', atLeast: 1.9 },
  ];
}
