import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const ROOT = resolve(__dirname, '../..');

/** One of Tauro's real processes, started from the build. What it printed is kept and can be asked for. */
export class ServerProcess {
  private readonly child: ChildProcess;
  private output = '';
  readonly exited: Promise<void>;

  constructor(
    readonly name: string,
    entry: string,
    env: Record<string, string>,
    workingDirectory: string,
  ) {
    const file = join(ROOT, 'dist', entry);
    if (!existsSync(file))
      throw new Error(`dist/${entry} is missing: run 'npm run build' first, or 'npm test'`);
    this.child = spawn(process.execPath, ['--enable-source-maps', file], {
      cwd: workingDirectory,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
      // By the channel it learns that whoever started it is gone, however that ended.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    }
    this.exited = new Promise((done) => this.child.once('exit', () => done()));
    // A test run that is itself interrupted must not leave servers behind.
    const killWithUs = (): void => this.signal('SIGKILL');
    process.once('exit', killWithUs);
    void this.exited.then(() => process.removeListener('exit', killWithUs));
  }

  get pid(): number {
    return this.child.pid!;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** How it ended, for people. */
  get ending(): string {
    return this.running ? 'running' : `ended by ${this.child.signalCode ?? `code ${this.child.exitCode}`}`;
  }

  logs(): string {
    return this.output;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running) this.child.kill(signal);
  }

  /** Ends it without a word of warning. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.exited;
  }

  /** Asks it to end, and insists after ten seconds. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    const insist = setTimeout(() => this.signal('SIGKILL'), 10_000);
    await this.exited;
    clearTimeout(insist);
  }
}
