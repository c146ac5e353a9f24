import { type Json, type JsonObject } from '@tauro/domain';
import { type NodeContext } from '../node-kind.js';
import { type Place } from './place.js';

/** What a command finds in the file that `TAURO_INPUT` names. */
export function inputOf({ run, params, task, config, inputs }: NodeContext, place: Place): JsonObject {
  const tables = inputs.flatMap(({ node_id, table }) => {
    const path = table && place.tablePath(node_id, table.artifact);
    if (path === undefined) return [];
    const { rows, bytes, columns } = table!;
    return [[node_id, { path, rows, bytes, columns: columns.map(({ name, type }) => ({ name, type })) }]];
  });
  return {
    run: { ...run } as unknown as JsonObject,
    params,
    node_id: task.node_id,
    attempt: task.attempt,
    ...(task.index !== undefined && { index: task.index }),
    input: (config['input'] ?? {}) as Json,
    inputs: Object.fromEntries(inputs.map(({ node_id, output }) => [node_id, output])),
    tables: Object.fromEntries(tables) as JsonObject,
  };
}
