import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { RestartPolicy } from './restart-policy.js';
import { type Terminal } from './terminal.js';

const GUARD = join(__dirname, 'end-with-parent.js');

export interface ProcessSpec {
  /** Shown before every line of its output. */
  name: string;
  /** The script that Node runs. */
  entry: string;
  env: NodeJS.ProcessEnv;
  /** How long it may take to end after SIGTERM before it is killed. */
  graceMs: number;
}

/** The last resort, when the supervisor ends in any other way than by stopping them. */
const running = new Set<ChildProcess>();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** A child that is started again whenever it ends by itself. */
export class ManagedProcess {
  /** Crashes since the last start that was asked for. */
  crashes = 0;
  private child?: ChildProcess;
  private exited: Promise<void> = Promise.resolve();
  private wanted = false;
  private startedAt = 0;
  private retry?: NodeJS.Timeout;
  private readonly policy = new RestartPolicy();

  constructor(
    private readonly spec: ProcessSpec,
    private readonly terminal: Terminal,
  ) {}

  get pid(): number | undefined {
    return this.child?.pid;
  }

  start(): void {
    this.wanted = true;
    this.startedAt = performance.now();
    const { name, entry, env } = this.spec;
    const child = spawn(process.execPath, ['--enable-source-maps', '--require', GUARD, entry], {
      // A group of its own: Ctrl-C is the supervisor's to pass on, once.
      detached: true,
      env: { ...env, TAURO_SUPERVISOR_PID: String(process.pid) },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.child = child;
    running.add(child);
    for (const stream of [child.stdout!, child.stderr!]) {
      createInterface(stream).on('line', (line) => this.terminal.child(name, line));
    }
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => this.terminal.complain(`${name}: ${error.message}`));
      child.once('close', (code, signal) => {
        this.child = undefined;
        running.delete(child);
        resolve();
        if (this.wanted) this.onCrash(signal ?? `exit code ${code}`);
      });
    });
  }

  /** SIGTERM, then after the grace SIGKILL; resolves when the process is gone. */
  async stop(): Promise<void> {
    this.wanted = false;
    clearTimeout(this.retry);
    const child = this.child;
    if (!child) return;
    child.kill('SIGTERM');
    const insist = setTimeout(() => child.kill('SIGKILL'), this.spec.graceMs);
    await this.exited;
    clearTimeout(insist);
  }

  /** Not a crash: the same process with new code. */
  async restart(): Promise<void> {
    await this.stop();
    this.crashes = 0;
    this.start();
  }

  private onCrash(how: string): void {
    this.crashes++;
    const delay = this.policy.delayAfter(performance.now() - this.startedAt);
    this.terminal.complain(`${this.spec.name} ended (${how}); starting it again in ${delay / 1000} s`);
    this.retry = setTimeout(() => this.start(), delay);
  }
}
