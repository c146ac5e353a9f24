import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { DomainError, type ErrorDetail } from '@tauro/domain';
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { type CheckAnswer, type CheckRequest } from './checker-protocol.js';

const PROGRAM = join(__dirname, 'checker-main.js');
/** Starting it takes half a second, so it outlives a burst of changes, but not much more. */
const IDLE_MS = 10_000;
/** Far more than the largest definition needs. */
const TIMEOUT_MS = 30_000;
const MAX_HEAP_MB = 512;
/** All it may know of the environment: it reads what strangers wrote and needs no secret for it. */
const ENVIRONMENT = ['PATH', 'HOME', 'TMPDIR', 'LD_LIBRARY_PATH'];

interface Pending {
  resolve(errors: ErrorDetail[]): void;
  reject(error: Error): void;
  timer?: NodeJS.Timeout;
}

/**
 * Checks definitions in a process of its own, which ends when nobody has asked for a while. SQL is parsed by
 * DuckDB, whose native library weighs as much as the rest of an idle API; a definition that takes seconds to
 * check, or ends the process, delays or ends no other request.
 */
@Injectable()
export class DefinitionChecker implements OnModuleDestroy {
  private readonly logger = new Logger(DefinitionChecker.name);
  private readonly pending = new Map<number, Pending>();
  private child?: ChildProcess;
  private ready = false;
  private idle?: NodeJS.Timeout;
  private asked = 0;

  /** What is wrong with a definition; nothing when it is a `PipelineDefinition`. @throws DomainError */
  check(definition: unknown): Promise<ErrorDetail[]> {
    const child = this.start();
    const id = ++this.asked;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      if (this.ready) this.bound(id, child);
      child.send({ id, definition } satisfies CheckRequest, (error) => error && this.fail(id, error.message));
    });
  }

  /** Starts the process if it does not run, so that a check that is to come need not wait for it. */
  start(): ChildProcess {
    clearTimeout(this.idle);
    this.child ??= this.spawn();
    this.restWhenIdle();
    return this.child;
  }

  onModuleDestroy(): void {
    if (this.child) this.end(this.child, 'is closing');
  }

  private spawn(): ChildProcess {
    const child = fork(PROGRAM, {
      // Structured clones, because YAML knows values that JSON does not.
      serialization: 'advanced',
      execArgv: [`--max-old-space-size=${MAX_HEAP_MB}`],
      env: Object.fromEntries(ENVIRONMENT.map((name) => [name, process.env[name]])),
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    child.on('message', (answer: CheckAnswer) => this.receive(answer, child));
    child.on('error', (error) => this.end(child, `could not be started: ${error.message}`));
    child.on('exit', (code, signal) => this.end(child, `ended with ${signal ?? code}`));
    return child;
  }

  /** A check's time counts from when the process can work on it. */
  private bound(id: number, child: ChildProcess): void {
    const tooLong = (): void => this.end(child, 'took too long', 'SIGKILL');
    this.pending.get(id)!.timer = setTimeout(tooLong, TIMEOUT_MS).unref();
  }

  private receive(answer: CheckAnswer, child: ChildProcess): void {
    if (this.child !== child) return;
    if (answer === 'ready') {
      this.ready = true;
      for (const id of this.pending.keys()) this.bound(id, child);
      this.restWhenIdle();
      return;
    }
    if ('failure' in answer) this.fail(answer.id, answer.failure);
    else this.take(answer.id)?.resolve(answer.errors);
    this.restWhenIdle();
  }

  private fail(id: number, reason: string): void {
    const pending = this.take(id);
    if (!pending) return;
    this.logger.error(`the definition checker ${reason}`);
    pending.reject(
      new DomainError('SERVICE_UNAVAILABLE', 'The definition could not be checked; try again shortly'),
    );
  }

  private take(id: number): Pending | undefined {
    const pending = this.pending.get(id);
    clearTimeout(pending?.timer);
    this.pending.delete(id);
    return pending;
  }

  private restWhenIdle(): void {
    clearTimeout(this.idle);
    const { child } = this;
    // One that still loads was started for a check that is to come.
    if (!child || !this.ready || this.pending.size > 0) return;
    this.idle = setTimeout(() => this.end(child, 'was idle'), IDLE_MS).unref();
  }

  /** Lets go of the process; whoever still waits for an answer of it is told that there will be none. */
  private end(child: ChildProcess, reason: string, signal?: NodeJS.Signals): void {
    if (this.child !== child) return;
    this.child = undefined;
    this.ready = false;
    clearTimeout(this.idle);
    for (const id of [...this.pending.keys()]) this.fail(id, reason);
    if (signal) child.kill(signal);
    else if (child.connected) child.disconnect();
  }
}
