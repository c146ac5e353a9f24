import { join } from 'node:path';
import { BoundText, type Json } from '@tauro/domain';
import { type NodeContext, type NodeSettings, type TableFile } from '@tauro/nodes';

/** What a table process is told first. */
export interface TableSettings {
  settings: NodeSettings;
  /** Folder of the artifact store. */
  artifacts: string;
}

/** Where a table process spills to; a process that was killed clears nothing away itself. */
export const scratchOf = ({ settings }: Pick<TableSettings, 'settings'>, pid: number): string =>
  join(settings.duckdb.tempDirectory, String(pid));

/** What crosses the border of a table node's attempt: its context without functions. */
export interface TableCall {
  kind: string;
  /** What is asked for: the node's result, what that depends on outside the run, or a table of a file. */
  ask: 'result' | 'pins' | TableFile;
  context: Pick<
    NodeContext,
    'run' | 'params' | 'tags' | 'task' | 'inputs' | 'config' | 'connection' | 'mark'
  >;
  /** Where in the config a `BoundText` stood: JSON knows no classes. */
  bound: Path[];
}

type Path = (string | number)[];

export function callOf(
  kind: string,
  ask: TableCall['ask'],
  { run, params, tags, task, inputs, config, connection, mark }: NodeContext,
): TableCall {
  const context = {
    run,
    params,
    tags,
    task,
    inputs,
    config,
    ...(connection && { connection }),
    ...(mark && { mark }),
  };
  return { kind, ask, context, bound: boundIn(config) };
}

/** The context of a call with every `BoundText` of its config back in its place. */
export function contextOf({ context, bound }: TableCall): TableCall['context'] {
  for (const path of bound) {
    const parent = path.slice(0, -1).reduce<unknown>((value, key) => (value as Keyed)[key], context.config);
    const last = path.at(-1)!;
    const { text, values } = (parent as Keyed)[last] as { text: string; values: Json[] };
    (parent as Keyed)[last] = new BoundText(text, values);
  }
  return context;
}

type Keyed = Record<string | number, unknown>;

function boundIn(value: unknown, path: Path = []): Path[] {
  if (value instanceof BoundText) return [path];
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item, i) => boundIn(item, [...path, i]));
  return Object.entries(value).flatMap(([key, item]) => boundIn(item, [...path, key]));
}
