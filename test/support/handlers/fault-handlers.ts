import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Json, Task, type TaskContext } from '@tauro/sdk';

/** Where handlers write down what they do, away from every store; in the worker's working directory. */
const LEDGER = 'ledger.jsonl';

const note = (entry: object): void => appendFileSync(LEDGER, `${JSON.stringify(entry)}\n`);

/** Handlers that leave evidence: what they executed can be compared with what the engine says. */
export class FaultHandlers {
  /** Works for a while and logs evenly spread lines; its output names the execution. */
  @Task('record')
  static async record({
    input,
    run,
    log,
    signal,
  }: TaskContext<{ node: string; seconds: number; lines: number }>): Promise<Json> {
    const { node, seconds, lines } = input;
    const execution = randomUUID();
    note({ execution, run_id: run.id, node_id: node, lines });
    for (let n = 1; n <= lines; n++) {
      log.info(`${execution} line ${n}`);
      await sleep((seconds * 1000) / lines, undefined, { signal });
    }
    return { execution };
  }

  /** Works on for a minute whatever it is told; only the end of its process ends it. */
  @Task('stubborn')
  static async stubborn({ run }: TaskContext): Promise<void> {
    note({ pid: process.pid, stubborn: run.id });
    await sleep(60_000);
  }

  /** Takes memory and keeps it, until somebody stops it. */
  @Task('leak')
  static async leak(): Promise<never> {
    for (const kept: number[][] = []; ; kept.push(Array.from({ length: 100_000 }, Math.random)))
      await sleep(1);
  }

  /** Writes so many megabytes of log, as fast as it can. */
  @Task('log_megabytes')
  static logMegabytes({ input, log }: TaskContext<{ megabytes: number }>): void {
    for (let i = 0; i < input.megabytes * 128; i++) log.info(String(i).padEnd(8192, '.'));
  }
}
