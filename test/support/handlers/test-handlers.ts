import { setTimeout as sleep } from 'node:timers/promises';
import { type Json, Task, type TaskContext } from '@tauro/sdk';

/** Handlers that behave, and misbehave, in ways the engine must cope with. */
export class TestHandlers {
  /** Tells which trace it belongs to. */
  @Task('traced')
  static traced({ traceparent }: TaskContext): Json {
    return { traceparent: traceparent ?? null };
  }

  @Task('echo')
  static echo({ params, input, inputs, run, attempt }: TaskContext): Json {
    return { params, input, inputs, attempt, run: { id: run.id, pipeline_name: run.pipeline_name } };
  }

  /** Hands on what it is given. */
  @Task('give')
  static give({ input }: TaskContext<{ value: Json }>): Json {
    return input.value;
  }

  @Task('where')
  static where(): Json {
    return { pid: process.pid };
  }

  /** Sleeps, and stops at once when told to. */
  @Task('sleep')
  static async sleep({ input, signal }: TaskContext<{ seconds: number }>): Promise<void> {
    await sleep(input.seconds * 1000, undefined, { signal });
  }

  /** Never gives its thread back. */
  @Task('busy_loop')
  static busyLoop({ input }: TaskContext<{ seconds: number }>): void {
    for (const end = performance.now() + input.seconds * 1000; performance.now() < end;);
  }

  @Task('fail')
  static fail({ input }: TaskContext<{ message: string }>): never {
    throw new Error(input.message);
  }

  /** Fails with an error of this name. */
  @Task('fail_as')
  static failAs({ input }: TaskContext<{ name: string; message: string }>): never {
    throw Object.assign(new Error(input.message), { name: input.name });
  }

  /** Gives away what it is given, in every way that a handler has. */
  @Task('blab')
  static blab({ input, log }: TaskContext<{ secret: string; fail?: boolean }>): Json {
    const { secret, fail } = input;
    const basic = Buffer.from(`me:${secret}`).toString('base64');
    log.warning(`it is ${secret}`);
    process.stdout.write(`out: ${secret} ${basic}\n`);
    process.stderr.write(`err: ${encodeURIComponent(secret)} ${JSON.stringify({ secret })}\n`);
    if (fail) throw Object.assign(new Error(`failed with ${secret} and ${basic}`), { name: secret });
    return { it: secret, [`key ${secret}`]: [basic], length: secret.length };
  }

  @Task('fail_times')
  static failTimes({ input, attempt }: TaskContext<{ times: number }>): Json {
    if (attempt <= input.times) throw new Error(`attempt ${attempt} fails as asked`);
    return { succeeded_at: attempt };
  }

  @Task('exit_process')
  static exitProcess(): never {
    process.exit(3);
  }

  @Task('log_flood')
  static logFlood({ input, log }: TaskContext<{ lines: number }>): void {
    for (let i = 1; i <= input.lines; i++) log.info(`line ${i} of ${input.lines}`);
  }

  @Task('log_levels')
  static logLevels({ log }: TaskContext): void {
    log.debug('a detail');
    log.info('some news');
    log.warning('a worry');
    log.error('a fault');
  }

  @Task('report_progress')
  static async reportProgress({ progress, signal }: TaskContext): Promise<void> {
    progress(0.5);
    await sleep(60_000, undefined, { signal });
  }
}
