import { type Json, type JsonObject } from '@tauro/domain';
import { type NodeContext, type RunScope } from '@tauro/nodes';
import { createHash } from 'node:crypto';

/** What an upstream node left: the content of its table, or its output. */
export type InputDigest = { node_id: string } & ({ table: string } | { output: Json });

/** All that the result of a cached node may depend on. */
export interface CacheKeyParts {
  project_id: string;
  type: string;
  /** With its templates rendered, and bound values beside their SQL. */
  config: NodeContext['config'];
  /** The node's own key, rendered; absent when it has none. */
  key?: unknown;
  /** What its output was declared to hold: a result that was made for less may not do. */
  outputs?: unknown;
  inputs: InputDigest[];
  /** What it depends on outside the run, such as files. */
  pins: Json;
  /** Of a `task` node: which handler it is, and what that is shown without asking. */
  handler?: { version: string | null; params: JsonObject; run: Omit<RunScope, 'id' | 'created_at'> };
}

/** Grows when equal parts no longer mean equal results. */
const VERSION = 1;

/**
 * SHA-256 of what must be the same. Without a key that is everything the node could see. A key is the author's word on
 * what matters: params, the run and outputs upstream then count only where the config or the key name them, so that
 * the items of a list can be cached one by one. Tables, files and the handler's module always count.
 *
 * The order of keys in objects counts too: it is that of columns in rows and in several options.
 */
export function cacheKeyOf({
  project_id,
  type,
  config,
  key,
  outputs,
  inputs,
  pins,
  handler,
}: CacheKeyParts): string {
  const seen =
    key === undefined
      ? { inputs, handler }
      : { key, inputs: inputs.filter((input) => 'table' in input), handler: handler?.version };
  const text = JSON.stringify([VERSION, project_id, type, config, outputs ?? null, pins, seen]);
  return createHash('sha256').update(text).digest('hex');
}

/** What a handler is shown without asking, but for who its run is, when that was made, and the attempt. */
export function handlerPart({
  config,
  params,
  run,
  handlers,
}: Pick<NodeContext, 'config' | 'params' | 'run' | 'handlers'>): CacheKeyParts['handler'] {
  const { id: _, created_at: __, ...rest } = run;
  return { version: handlers.version?.(String(config['handler'])) ?? null, params, run: rest };
}
