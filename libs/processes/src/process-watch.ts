import { writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { MEMORY_MARK } from './protocol.js';

/** Memory grows by some 2 GB a second at most, so what comes after the bound stays within a few hundred MB. */
const INTERVAL_MS = 100;

// In a thread of its own, because a call may never let go of the main one. Plain JavaScript, since a
// thread that only looks at two numbers should not have to load anything.
const WATCH = `
  const { workerData } = require('node:worker_threads');
  const { writeSync } = require('node:fs');
  const kill = () => process.kill(process.pid, 'SIGKILL');
  setInterval(() => {
    if (process.ppid !== workerData.parent) kill();
    if (process.memoryUsage.rss() > workerData.maxRssBytes) {
      writeSync(2, workerData.mark);
      kill();
    }
  }, ${INTERVAL_MS});
`;

/**
 * Ends this process when its parent is gone or its memory has grown too large: buffers are outside of the
 * JavaScript heap and its limit, as are the values of a native library, and a busy loop hears no disconnect.
 */
export function watchProcess(parent: number, maxRssBytes: number): void {
  new Worker(WATCH, {
    eval: true,
    workerData: { parent, maxRssBytes, mark: MEMORY_MARK },
    resourceLimits: {
      maxOldGenerationSizeMb: 8,
      maxYoungGenerationSizeMb: 2,
      codeRangeSizeMb: 8,
      stackSizeMb: 1,
    },
  }).unref();
  try {
    // When the whole machine runs out of memory, Linux should pick this process and not the worker.
    writeFileSync('/proc/self/oom_score_adj', '500');
  } catch {
    // Not Linux, or not allowed: nothing is lost but that preference.
  }
}
