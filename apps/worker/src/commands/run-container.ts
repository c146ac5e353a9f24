import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { type CommandCall, type CommandEnd, type CommandSettings, type ContainerCall } from '@tauro/nodes';
import { type CallContext } from '@tauro/processes';
import { engineError } from './engine-errors.js';
import { LastLine, ShortText } from './lines.js';
import { OutputLines } from './output-lines.js';
import {
  follow,
  graceOf,
  MAX_LAST_LINE,
  MAX_STDOUT_CHARS,
  POLL_MS,
  type RunningCommand,
} from './run-command.js';

/** Labels by which containers are found again. */
export const LABELS = { deployment: 'tauro.deployment', task: 'tauro.task', claim: 'tauro.claim' } as const;

/** How long the last lines of a container that has ended may take. */
const REST_MS = 2000;

type ContainerCommand = CommandCall & { container: ContainerCall };

/** Runs a program in a container of its own, which is removed whatever happens. */
export async function runContainer(
  docker: Docker,
  command: ContainerCommand,
  owner: { claim_id: string; deployment: string },
  limits: CommandSettings,
  context: CallContext,
  onStart: (running: RunningCommand) => void,
): Promise<CommandEnd> {
  const { signal } = context;
  const { container: wanted } = command;
  let container: Docker.Container | undefined;
  let lines: OutputLines | undefined;
  const remove = async (): Promise<void> => {
    await container?.remove({ force: true, v: true }).catch(() => undefined);
  };
  onStart({ kill: remove });
  const stop = (): void => {
    const t = Math.floor(graceOf(signal) / 1000);
    void container?.stop({ t, signal: 'SIGTERM' }).catch(remove);
  };
  signal.addEventListener('abort', stop);
  try {
    await provide(docker, wanted, context);
    signal.throwIfAborted();
    container = await docker.createContainer(optionsOf(command, owner, limits));
    lines = new OutputLines(command.output, context);
    const printed = await attach(docker, container, context);
    signal.throwIfAborted();
    await container.start();
    // Told while it was started, it may not have heard it.
    if (signal.aborted) stop();
    const polling = setInterval(() => void lines!.poll(), POLL_MS);
    let code: number;
    try {
      ({ StatusCode: code } = (await container.wait()) as { StatusCode: number });
    } finally {
      clearInterval(polling);
    }
    await Promise.race([printed.ended, sleep(REST_MS, undefined, { ref: false })]);
    const { State: state } = await container.inspect();
    lines.end();
    const { value, table, fault } = lines;
    return {
      exit_code: code,
      signal: null,
      stdout: printed.stdout.value,
      last_error: printed.lastError.value,
      value,
      table,
      fault,
      outgrown: state.OOMKilled ? 'memory' : undefined,
    };
  } catch (error) {
    signal.throwIfAborted();
    throw engineError(error, wanted.image);
  } finally {
    signal.removeEventListener('abort', stop);
    await remove();
    lines?.close();
  }
}

/** Sees to it that the image is there. */
async function provide(docker: Docker, { image, pull }: ContainerCall, context: CallContext): Promise<void> {
  const there = await docker
    .getImage(image)
    .inspect()
    .then(
      () => true,
      (error: { statusCode?: number }) => {
        if (error.statusCode === 404) return false;
        throw error;
      },
    );
  if (pull === 'never' || (pull === 'missing' && there)) return;
  context.log('INFO', `fetching the image ${image}`);
  const { signal } = context;
  const progress = await docker.pull(image, { abortSignal: signal });
  await new Promise<void>((resolve, reject) => {
    const leave = (): void => {
      (progress as NodeJS.ReadableStream & { destroy?(): void }).destroy?.();
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', leave, { once: true });
    docker.modem.followProgress(progress, (error: Error | null) => {
      signal.removeEventListener('abort', leave);
      if (error) reject(Object.assign(error, { statusCode: 404 }));
      else resolve();
    });
  });
}

/** Nothing that could be given is given: no privileges, no capabilities, no network, no root to write to. */
function optionsOf(
  { argv, env, container }: ContainerCommand,
  { claim_id, deployment }: { claim_id: string; deployment: string },
  limits: CommandSettings,
): Docker.ContainerCreateOptions {
  const { image, network, cpus, memory_mb, cwd, binds, task_id } = container;
  const memory = memory_mb * 1024 * 1024;
  const { getuid, getgid } = process;
  return {
    name: `tauro-${claim_id}`,
    Image: image,
    ...(argv.length > 0 && { Cmd: argv }),
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    WorkingDir: cwd,
    // What it leaves in the shared folders is the worker's.
    ...(getuid && getgid && { User: `${getuid()}:${getgid()}` }),
    Labels: { [LABELS.deployment]: deployment, [LABELS.task]: task_id, [LABELS.claim]: claim_id },
    AttachStdout: true,
    AttachStderr: true,
    NetworkDisabled: network === 'none',
    HostConfig: {
      Binds: binds.map(({ source, target, read_only }) => `${source}:${target}:${read_only ? 'ro' : 'rw'}`),
      NetworkMode: network,
      Memory: memory,
      MemorySwap: memory,
      NanoCpus: Math.round(cpus * 1e9),
      PidsLimit: limits.processes,
      Ulimits: [
        { Name: 'nofile', Soft: limits.openFiles, Hard: limits.openFiles },
        { Name: 'core', Soft: 0, Hard: 0 },
        { Name: 'fsize', Soft: limits.fileMb * 1024 * 1024, Hard: limits.fileMb * 1024 * 1024 },
      ],
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      Privileged: false,
      ReadonlyRootfs: true,
      Tmpfs: { '/tmp': 'rw,nosuid,nodev,mode=1777' },
      // Its lines are read as they come; the engine need not keep them.
      LogConfig: { Type: 'none', Config: {} },
      RestartPolicy: { Name: 'no' },
    },
  };
}

/** Hands on what it prints, from its first byte on. */
async function attach(
  docker: Docker,
  container: Docker.Container,
  context: CallContext,
): Promise<{ stdout: ShortText; lastError: LastLine; ended: Promise<unknown> }> {
  const stream = await container.attach({ stream: true, stdout: true, stderr: true });
  const [out, err] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, out, err);
  const finish = (): void => {
    out.end();
    err.end();
  };
  stream.once('end', finish).once('close', finish).once('error', finish);
  const stdout = new ShortText(MAX_STDOUT_CHARS);
  const lastError = new LastLine(MAX_LAST_LINE);
  const ended = Promise.all([
    follow(out, 'INFO', context, (text) => stdout.add(text)),
    follow(err, 'WARNING', context, (text) => lastError.add(text)),
  ]);
  return { stdout, lastError, ended };
}
