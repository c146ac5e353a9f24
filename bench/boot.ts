import { setTimeout as settle } from 'node:timers/promises';
import { Tauro } from '../test/support/tauro.js';
import { waitFor } from '../test/support/wait-for.js';
import { type Figure } from './figure.js';
import { isChildless, residentMb } from './memory.js';

/** How long the API takes to be ready, and what both processes weigh when nothing is asked of them. */
export async function measureBoot(): Promise<Figure[]> {
  const began = performance.now();
  const tauro = await Tauro.start({ workers: 0 });
  try {
    const seconds = (performance.now() - began) / 1000;
    const worker = await tauro.addWorker();
    await settle(5000);
    // The process that checked the discovered definitions ends when nobody has asked it for a while.
    const api = tauro.apiProcess().pid;
    await waitFor(() => isChildless(api), { what: 'the API to have no process of its own', everyMs: 250 });
    return [
      { what: 'API boot to ready', measured: seconds, unit: 's', atMost: 3 },
      { what: 'API idle memory', measured: residentMb(api), unit: 'MB', atMost: 200 },
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
