import { closeSync, mkdirSync, openSync, rmSync, statSync, utimesSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { type Log } from './run-tool.js';

const BEAT_MS = 1_000;
/** A holder that has not touched its lock for so long is gone, whatever killed it. */
const STALE_MS = 10_000;

/**
 * Runs `work` while no other process on this machine that asks for the same path does. The holder keeps touching
 * the file; a pid inside would mean nothing to a process in another container.
 */
export async function withLock<T>(path: string, log: Log, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  for (let waits = 0; !take(path); waits++) {
    if (waits === 10) log(`waiting for another process that holds ${path}`);
    await sleep(100);
  }
  const beat = setInterval(() => touch(path), BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    rmSync(path, { force: true });
  }
}

function take(path: string): boolean {
  try {
    closeSync(openSync(path, 'wx'));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const held = statSync(path, { throwIfNoEntry: false });
    if (held && Date.now() - held.mtimeMs > STALE_MS) rmSync(path, { force: true });
    return false;
  }
}

function touch(path: string): void {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // Taken for stale while this process was stopped; the work itself ends in an atomic rename.
  }
}
