import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ErrorDetail, type NodeDefinition } from '@tauro/domain';
import {
  type CommandCall,
  MAKES_TABLE,
  NodeError,
  type NodeContext,
  type NodeKind,
  type NodeResult,
} from '../node-kind.js';
import { DataFiles } from '../tables/data-files.js';
import { allowedProgram } from './allowed.js';
import { COMMAND_SCHEMA } from './command.schema.js';
import { CONTAINER_KEYS, containerOf } from './container.js';
import { environmentOf, refusedVariable } from './environment.js';
import { inputOf } from './input.js';
import { assertFits, jobOf, placeFaults, runsOnKubernetes } from './kubernetes.js';
import { assertSuccess, resultOf } from './output.js';
import {
  besideWorker,
  type Folders,
  inContainer,
  INPUT_FILE,
  onKubernetes,
  OUTPUT_FILE,
  type Place,
} from './place.js';

type Variables = Record<string, string | number | boolean>;

/** Runs a program, beside the worker, in a container or as a Job. How far either confines it: see docs/commands.md. */
export const commandNode: NodeKind = {
  type: 'command',
  readsTables: true,
  cacheable: true,
  summary:
    'Runs a program, such as a Python script, beside the worker, in a container or as a Kubernetes Job, where ' +
    'COMMANDS_ENABLED, CONTAINERS_ENABLED or KUBERNETES_ENABLED let it.',
  schema: COMMAND_SCHEMA,

  // Arguments are shown to every user of the machine, and the input lies in a file.
  secrets: ([key]) => key === 'env',

  check(node: NodeDefinition): ErrorDetail[] {
    const config = node.config ?? {};
    const { command, image, env = {}, table } = config as { env?: object; [key: string]: unknown };
    const fault = (field: string, message: string, type = 'value_error'): ErrorDetail[] => [
      { field: `config.${field}`, message, type },
    ];
    return [
      ...(command === undefined && image === undefined ? fault('command', 'is required', 'missing') : []),
      ...CONTAINER_KEYS.filter((key) => image === undefined && config[key] !== undefined).flatMap((key) =>
        fault(key, 'means something with an image only'),
      ),
      ...placeFaults(config).flatMap(([key, message]) => fault(key, message)),
      ...Object.keys(env).flatMap((name) => {
        const why = refusedVariable(name, image !== undefined);
        return why === undefined ? [] : fault(`env.${name}`, `cannot be set: ${why}`);
      }),
      ...(table !== undefined && node.for_each
        ? fault('table', `a command with for_each cannot have a table: ${MAKES_TABLE}`)
        : []),
    ];
  },

  async execute(context: NodeContext): Promise<NodeResult> {
    const { config, settings, task, signal } = context;
    const argv = ((config['command'] ?? []) as unknown[]).map(String);
    assertPlain(argv, context);
    const scratch = join(settings.duckdb.tempDirectory, `command-${task.claim_id}`);
    const folders = { scratch, cwd: await workingFolder(context, scratch) };
    const place = placeOf(folders, context);
    const call = await callOf(argv, folders, place, context);
    await mkdir(scratch, { recursive: true, mode: 0o700 });
    try {
      const input = JSON.stringify(inputOf(context, place));
      if (call.job) assertFits(input);
      await writeFile(join(scratch, INPUT_FILE), input);
      await writeFile(call.output, '');
      const end = await context.commands.run(call, context);
      signal.throwIfAborted();
      assertSuccess(end, context);
      return await resultOf(end, scratch, place, context);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  },
};

function placeOf(folders: Folders, context: NodeContext): Place {
  if (runsOnKubernetes(context.config)) return onKubernetes;
  return context.config['image'] === undefined ? besideWorker(folders, context) : inContainer(folders);
}

async function callOf(
  argv: string[],
  folders: Folders,
  place: Place,
  context: NodeContext,
): Promise<CommandCall> {
  const { config, settings, traceparent } = context;
  const named = (config['env'] ?? {}) as Variables;
  const told = {
    ...(traceparent && { TRACEPARENT: traceparent }),
    TAURO_INPUT: place.input,
    TAURO_OUTPUT: place.output,
  };
  const call = { cwd: folders.cwd, output: join(folders.scratch, OUTPUT_FILE) };
  if (runsOnKubernetes(config)) {
    const env = environmentOf(named, place.home, told, {});
    return { ...call, argv, env, job: jobOf(context, folders) };
  }
  if (config['image'] !== undefined) {
    const container = containerOf(context, folders, place);
    return { ...call, argv, env: environmentOf(named, place.home, told, {}), container };
  }
  const program = await allowedProgram(argv[0]!, folders.cwd, settings.commands);
  return { ...call, argv: [program, ...argv.slice(1)], env: environmentOf(named, place.home, told) };
}

/** What no system takes in an argument or a variable, what its place does not have, and what a cached or an older definition may still name. */
function assertPlain(argv: readonly string[], { config }: NodeContext): void {
  const env = (config['env'] ?? {}) as Variables;
  const texts = [
    ...argv.map((text, i) => [`command.${i}`, text]),
    ...Object.entries(env).map(([name, value]) => [`env.${name}`, String(value)]),
  ];
  const bad = texts.find(([, text]) => text!.includes('\0'));
  if (bad) throw new NodeError('InvalidConfig', `config.${bad[0]} has a NUL character`, false);
  const [misplaced] = placeFaults(config);
  if (misplaced) throw new NodeError('InvalidConfig', `config.${misplaced[0]} ${misplaced[1]}`, false);
  for (const name of Object.keys(env)) {
    const why = refusedVariable(name, config['image'] !== undefined);
    if (why) throw new NodeError('InvalidConfig', `config.env.${name} cannot be set: ${why}`, false);
  }
}

async function workingFolder({ config, settings, artifacts }: NodeContext, scratch: string): Promise<string> {
  const written = config['cwd'] as string | undefined;
  if (written === undefined) return scratch;
  const folder = await new DataFiles(settings, artifacts.root).target(written);
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory()) return folder;
  const [type, what] = found ? ['BadPath', 'is no folder'] : ['FileNotFound', 'was not found'];
  throw new NodeError(type!, `cwd: '${written}' ${what}`, false);
}
