import { createHash } from 'node:crypto';
import { encodeTime, monotonicFactory } from 'ulid';

/** Every kind of id: what stands before its underscore. */
export const ID_PREFIXES = [
  'proj',
  'pipe',
  'run',
  'task',
  'sched',
  'bf',
  'cfg',
  'cfgv',
  'cfgp',
  'conn',
  'ds',
  'mark',
  'pool',
  'slot',
  'sec',
  'aud',
  'var',
  'trg',
  'evt',
  'key',
  'role',
  'ntf',
  'chk',
  'req',
] as const;
export type IdPrefix = (typeof ID_PREFIXES)[number];

const ulid = monotonicFactory();

/**
 * A new id such as `run_01JD…`: prefix, underscore, 26 characters that sort by the time of creation
 * (to the millisecond between processes, strictly within one). Keyset paging relies on that order.
 */
export function newId(prefix: IdPrefix, now: number = Date.now()): string {
  return `${prefix}_${ulid(now)}`;
}

/**
 * The id of the run that a `pipeline` node's task makes: the same one however often an attempt is repeated after a
 * crash, and another one after each failure. It sorts as if it had been made together with the task.
 */
export function subRunId(task: { _id: string; created_at: Date; engine: { failures: number } }): string {
  const unique = createHash('sha256')
    .update(`${task._id}/${task.engine.failures}`)
    .digest('hex')
    .slice(0, 16);
  return `run_${encodeTime(task.created_at.getTime(), 10)}${unique.toUpperCase()}`;
}

/**
 * The id of what a run has to tell one target about one event: always the same one, so that whoever repeats it after a
 * crash tells nobody twice. @param parts event, channel and target.
 */
export function notificationId(run: { _id: string; created_at: Date }, ...parts: string[]): string {
  const unique = createHash('sha256')
    .update(JSON.stringify([run._id, ...parts]))
    .digest('hex')
    .slice(0, 20);
  return `ntf_${encodeTime(run.created_at.getTime(), 10)}${unique.toUpperCase()}`;
}

/** Whether a string is a well-formed id of this kind; it need not exist. */
export function isId(prefix: IdPrefix, value: string): boolean {
  return idPattern(prefix).test(value);
}

const patterns = new Map(ID_PREFIXES.map((prefix) => [prefix, new RegExp(`^${prefix}_[A-Za-z0-9]{1,64}$`)]));

/** The pattern of a kind of id, for validators and OpenAPI. */
export function idPattern(prefix: IdPrefix): RegExp {
  return patterns.get(prefix)!;
}

/**
 * The id of a run's task: the run's own unique part and the node's place in topological order. It is known
 * without a look-up, sorts in the order of the graph, and there can be only one per run and node.
 */
export function taskId(runId: string, position: number): string {
  return `task_${runId.slice(4)}${position.toString(36).padStart(4, '0')}`;
}

/**
 * The id of one item's task: that of its mapped node and the item's place. It too is known without a look-up,
 * and sorts right after the node's own.
 */
export function itemTaskId(mappedTaskId: string, index: number): string {
  return `${mappedTaskId}${index.toString(36).padStart(4, '0')}`;
}

/** The id of the mapped node's own task, from that of one of its items. */
export const mappedTaskId = (itemTaskId: string): string => itemTaskId.slice(0, -4);
