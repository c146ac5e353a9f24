import { setTimeout as sleep } from 'node:timers/promises';

import { type ManagedProcess } from './managed-process.js';

const POLL_MS = 60;
const REMIND_MS = 5_000;
/** A process that crashes so often before it was ever ready will not become ready by trying. */
const HOPELESS_CRASHES = 3;

interface Waiting {
  /** What is waited for, for the messages. */
  what: string;
  path: string;
  /** Whether this answer means "there". */
  accept: (answer: { status: number; body: Health }) => boolean;
  process: ManagedProcess;
  signal: AbortSignal;
  say: (line: string) => void;
}

interface Health {
  checks?: Record<string, string>;
}

/** Asks a URL until the answer is accepted. @throws Error when the process keeps crashing */
export async function untilReady(url: string, waiting: Waiting): Promise<void> {
  const { what, path, accept, process, signal, say } = waiting;
  let reminded = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const answer = await ask(url + path);
    if (answer && accept(answer)) return;
    if (process.crashes >= HOPELESS_CRASHES) throw new Error(`${what} does not start; the reason is above`);
    if (performance.now() - reminded > REMIND_MS) {
      reminded = performance.now();
      const state = answer ? JSON.stringify(answer.body.checks ?? answer.body) : 'no answer yet';
      say(`waiting for ${what}: ${state}`);
    }
    await sleep(POLL_MS);
  }
}

async function ask(url: string): Promise<{ status: number; body: Health } | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    return { status: response.status, body: (await response.json()) as Health };
  } catch {
    return undefined;
  }
}
