import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { type ServerSpec } from './server-spec.js';

const START_MS = 60_000;
const STOP_MS = 15_000;
const RESTART_AFTER_MS = 1_000;

/** A server process that is kept alive until it is stopped. */
export class GuardedServer {
  private child?: ChildProcess;
  private exited: Promise<void> = Promise.resolve();
  private stopping = false;

  constructor(readonly spec: ServerSpec) {}

  /** Resolves once the port accepts connections. @throws Error with the end of the server's log. */
  async start(): Promise<void> {
    mkdirSync(this.spec.folder, { recursive: true });
    await this.endLeftover();
    this.launch();
    const deadline = performance.now() + START_MS;
    while (!(await accepts(this.spec.port))) {
      if (!this.running || performance.now() > deadline) throw new Error(this.obituary());
      await sleep(15);
    }
    // From here on, a server that vanishes is brought back: its data is all there.
    void this.exited.then(() => this.restart());
  }

  async stop(): Promise<void> {
    this.stopping = true;
    if (this.running) {
      this.child!.kill('SIGTERM');
      const insist = setTimeout(() => this.child!.kill('SIGKILL'), STOP_MS);
      await this.exited;
      clearTimeout(insist);
    }
    rmSync(this.pidFile, { force: true });
  }

  private get running(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  private get pidFile(): string {
    return join(this.spec.folder, 'server.pid');
  }

  private get logFile(): string {
    return join(this.spec.folder, 'server.log');
  }

  private launch(): void {
    const log = openSync(this.logFile, 'w');
    const { command, args, libraryPath, folder } = this.spec;
    const child = spawn(command, args, {
      cwd: folder,
      env: {
        ...process.env,
        LD_LIBRARY_PATH: [...libraryPath, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
      },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.child = child;
    this.exited = new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', (error) => {
        writeFileSync(this.logFile, error.message);
        resolve();
      });
    });
    if (child.pid) writeFileSync(this.pidFile, `${child.pid} ${this.spec.port}`);
  }

  private async restart(): Promise<void> {
    if (this.stopping) return;
    await sleep(RESTART_AFTER_MS);
    if (!this.stopping) await this.start().catch(() => this.restart());
  }

  /** A server whose guardian was killed still holds the data; it has to end before another one starts. */
  private async endLeftover(): Promise<void> {
    const [pid = 0, port = 0] = (readIfThere(this.pidFile) ?? '').split(' ').map(Number);
    const deadline = performance.now() + STOP_MS;
    for (let signal: NodeJS.Signals = 'SIGTERM'; pid > 0 && this.isOurs(pid, port); await sleep(50)) {
      process.kill(pid, signal);
      if (performance.now() > deadline) signal = 'SIGKILL';
    }
  }

  /**
   * The pid may by now belong to a stranger: what it runs has to be this server, on this folder. Redis replaces
   * its command line by a title that tells the port only.
   */
  private isOurs(pid: number, port: number): boolean {
    const running = commandOf(pid);
    return this.spec.name === 'mongod'
      ? running.includes('mongod') && running.includes(this.spec.folder)
      : /(redis|valkey)-server/.test(running) && new RegExp(`:${port}\\b`).test(running);
  }

  private obituary(): string {
    const tail = (readIfThere(this.logFile) ?? '').trim().split('\n').slice(-5).join('\n');
    return `${this.spec.name} did not start; the end of ${this.logFile}:\n${tail}`;
  }
}

/** The command line of a process; empty when it is not there, or dead and not yet collected. */
function commandOf(pid: number): string {
  const fromKernel = readIfThere(`/proc/${pid}/cmdline`);
  if (fromKernel !== undefined) return fromKernel.replaceAll('\0', ' ');
  try {
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
