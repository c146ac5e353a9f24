import { type Terminal } from './terminal.js';

type Step = () => Promise<void> | void;

/** A signal often comes twice: from the terminal and from npm. Only a later one is meant as "now!". */
const IMPATIENT_AFTER_MS = 1_500;

/** The one way out: what was started last is ended first, and only then the process exits. */
export class Shutdown {
  private readonly steps: Step[] = [];
  private ending?: Promise<void>;
  private since = 0;
  private readonly begin = new AbortController();

  constructor(private readonly terminal: Terminal) {}

  /** Aborted as soon as the end begins. */
  get signal(): AbortSignal {
    return this.begin.signal;
  }

  /** Adds something to be ended. */
  add(step: Step): void {
    this.steps.push(step);
  }

  /** Ends on Ctrl-C, on SIGTERM and when the terminal closes. */
  listen(): void {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => this.onSignal());
    process.on('uncaughtException', (error) => {
      this.terminal.complain(error.stack ?? error.message);
      void this.end(1);
    });
  }

  /** Runs the steps and exits. */
  end(code: number): Promise<void> {
    this.since ||= performance.now();
    return (this.ending ??= this.finish(code));
  }

  private onSignal(): void {
    if (!this.ending) {
      this.terminal.say('Stopping ...');
      void this.end(0);
    } else if (performance.now() - this.since > IMPATIENT_AFTER_MS) {
      // What is still running is killed by the 'exit' handlers of those who started it.
      process.exit(1);
    }
  }

  private async finish(code: number): Promise<void> {
    this.begin.abort();
    for (const step of this.steps.reverse()) {
      try {
        await step();
      } catch (error) {
        this.terminal.complain((error as Error).message);
      }
    }
    process.exit(code);
  }
}
