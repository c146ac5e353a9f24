import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ErrorDetail, type NodeDefinition } from '@tauro/domain';
import { MAKES_TABLE, NodeError, type NodeContext, type NodeKind, type NodeResult } from '../node-kind.js';
import { DataFiles } from '../tables/data-files.js';
import { allowedProgram } from './allowed.js';
import { COMMAND_SCHEMA } from './command.schema.js';
import { environmentOf, refusedVariable } from './environment.js';
import { inputOf } from './input.js';
import { assertSuccess, resultOf } from './output.js';

/** Runs a program beside the worker. What it may do is not confined: see docs/commands.md. */
export const commandNode: NodeKind = {
  type: 'command',
  cacheable: true,
  summary: 'Runs a program, such as a Python script, where COMMANDS_ENABLED and COMMANDS_ALLOWED let it.',
  schema: COMMAND_SCHEMA,

  // Arguments are shown to every user of the machine, and the input lies in a file.
  secrets: ([key]) => key === 'env',

  check(node: NodeDefinition): ErrorDetail[] {
    const { env = {}, table } = (node.config ?? {}) as { env?: object; table?: unknown };
    const faults = Object.keys(env).flatMap((name) => {
      const why = refusedVariable(name);
      return why === undefined
        ? []
        : [{ field: `config.env.${name}`, message: `cannot be set: ${why}`, type: 'value_error' }];
    });
    if (table === undefined || !node.for_each) return faults;
    const message = `a command with for_each cannot have a table: ${MAKES_TABLE}`;
    return [...faults, { field: 'config.table', message, type: 'value_error' }];
  },

  async execute(context: NodeContext): Promise<NodeResult> {
    const { config, settings, task, signal } = context;
    const argv = (config['command'] as unknown[]).map(String);
    const env = (config['env'] ?? {}) as Record<string, string | number | boolean>;
    assertPlain(argv, env);
    const scratch = join(settings.duckdb.tempDirectory, `command-${task.claim_id}`);
    const cwd = await workingFolder(context, scratch);
    const program = await allowedProgram(argv[0]!, cwd, settings.commands);
    await mkdir(scratch, { recursive: true, mode: 0o700 });
    try {
      const [input, output] = [join(scratch, '.tauro-input.json'), join(scratch, '.tauro-output.jsonl')];
      await writeFile(input, JSON.stringify(inputOf(context)), { mode: 0o600 });
      await writeFile(output, '', { mode: 0o600 });
      const end = await context.commands.run(
        {
          argv: [program, ...argv.slice(1)],
          cwd,
          env: environmentOf(env, scratch, {
            ...(context.traceparent && { TRACEPARENT: context.traceparent }),
            TAURO_INPUT: input,
            TAURO_OUTPUT: output,
          }),
          output,
        },
        context,
      );
      signal.throwIfAborted();
      assertSuccess(end, context);
      return await resultOf(end, { cwd, scratch }, context);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  },
};

/** What no system takes in an argument or a variable, and what templates have made of names that were checked. */
function assertPlain(argv: readonly string[], env: Record<string, unknown>): void {
  const texts = [
    ...argv.map((text, i) => [`command.${i}`, text]),
    ...Object.entries(env).map(([name, value]) => [`env.${name}`, String(value)]),
  ];
  const bad = texts.find(([, text]) => text!.includes('\0'));
  if (bad) throw new NodeError('InvalidConfig', `config.${bad[0]} has a NUL character`, false);
  for (const name of Object.keys(env)) {
    const why = refusedVariable(name);
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
