import { realpath, stat } from 'node:fs/promises';
import { posix, sep } from 'node:path';
import { type Json } from '@tauro/domain';
import { NodeError, type CommandEnd, type NodeContext, type NodeResult } from '../node-kind.js';
import { DataFiles } from '../tables/data-files.js';
import { chooseFormat } from '../tables/file-format.js';
import { type Place } from './place.js';

/** What a command's end means for its task. @throws NodeError unless it was a success. */
export function assertSuccess(end: CommandEnd, { config, settings }: NodeContext): void {
  const { processes } = settings.commands;
  if (end.outgrown === 'memory') {
    const { memory_mb } = config as { memory_mb?: number };
    const [mb, raise] =
      config['image'] === undefined
        ? [settings.commands.memoryMb, 'COMMAND_MEMORY_MB']
        : [memory_mb ?? settings.containers.memoryMb, 'memory_mb, or CONTAINER_MEMORY_MB'];
    const message = `the command needs more than ${mb} MB of memory, with all that it started; raise ${raise}`;
    throw new NodeError('OutOfMemory', message);
  }
  if (end.outgrown === 'processes') {
    const message = `the command had more than ${processes} processes at once; raise COMMAND_PROCESSES`;
    throw new NodeError('CommandFailed', message, false);
  }
  const successes = (config['success_codes'] as number[] | undefined) ?? [0];
  const { exit_code: code } = end;
  if (code === null || !successes.includes(code)) {
    const how = code === null ? `was killed by ${end.signal}` : `exited with code ${code}`;
    const why = end.last_error ? `: ${end.last_error}` : '';
    const again = config['retry_codes'] as number[] | undefined;
    const retryable = again === undefined || (code !== null && again.includes(code));
    throw new NodeError('CommandFailed', `the command ${how}${why}`, retryable);
  }
  if (end.fault) throw new NodeError('InvalidOutput', end.fault, false);
}

/** The result of a command that succeeded, with the table that it handed on. */
export async function resultOf(
  end: CommandEnd,
  scratch: string,
  place: Place,
  context: NodeContext,
): Promise<NodeResult> {
  const declared = context.config['table'] as string | true | undefined;
  const file = end.table ?? (typeof declared === 'string' ? { path: declared } : undefined);
  const own = {
    exit_code: end.exit_code,
    ...(end.stdout !== undefined && { stdout: end.stdout }),
    ...(end.value !== undefined && { value: end.value }),
  };
  if (declared === undefined && !file) return { output: own };
  if (declared === undefined) {
    const message = `the command hands on the table '${file!.path}'; say 'table: true' in its config, so that other nodes can count on it`;
    throw new NodeError('InvalidOutput', message, false);
  }
  if (!file) {
    const message =
      "its config says 'table: true', but the command has handed on none by TAURO_OUTPUT: " +
      '{"type": "table", "path": "out.parquet"}';
    throw new NodeError('InvalidOutput', message, false);
  }
  const path = await handedOn(file.path, scratch, place, context);
  const made = await context.adoptTable({
    path,
    shown: file.path,
    format: chooseFormat(file.path, file.format),
  });
  return { ...made, output: { ...own, ...(made.output as Record<string, Json>) } };
}

/** Where a file lies that a command hands on: in its own folder, or where any node may read. */
async function handedOn(
  written: string,
  scratch: string,
  { cwd, outside }: Place,
  { settings, artifacts }: NodeContext,
): Promise<string> {
  const path = outside(posix.resolve(cwd, written));
  if (path === undefined) {
    const message = `the table '${written}' is in no folder that the container shares: write it to its working folder`;
    throw new NodeError('PathNotAllowed', message, false);
  }
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined) {
    throw new NodeError('FileNotFound', `the command has not left the table '${written}'`, false);
  }
  if (real.startsWith((await realpath(scratch)) + sep)) {
    if ((await stat(real)).isFile()) return real;
    throw new NodeError('BadPath', `the table '${written}' is no file`, false);
  }
  const [file] = await new DataFiles(settings, artifacts.root).find(path, []);
  return file!;
}
