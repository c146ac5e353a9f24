import { setTimeout as settle } from 'node:timers/promises';
import { Tauro } from '../test/support/tauro.js';
import { type Figure } from './figure.js';
import { residentMb } from './memory.js';

/** How long the API takes to be ready, and what both processes weigh when nothing is asked of them. */
export async function measureBoot(): Promise<Figure[]> {
  const began = performance.now();
  const tauro = await Tauro.start({ workers: 0 });
  try {
    const seconds = (performance.now() - began) / 1000;
    const worker = await tauro.addWorker();
    await settle(5000);
    return [
      { what: 'API boot to ready', measured: seconds, unit: 's', atMost: 3 },
      { what: 'API idle memory', measured: residentMb(tauro.apiProcess().pid), unit: 'MB', atMost: 200 },
      {
        what: 'worker and its processes, idle memory',
        measured: residentMb(worker.pid),
        unit: 'MB',
        atMost: 250,
      },
    ];
  } finally {
    await tauro.stop();
  }
}
