import { type ErrorDetail } from './errors.js';
import { type JsonObject } from './pipeline.js';
import { type RunState } from './states.js';
import { templatesIn } from './templating.js';

/** What a trigger waits for: the end of runs of other pipelines, or a call to its own address. */
export const TRIGGER_KINDS = ['PIPELINE', 'WEBHOOK'] as const;
export type TriggerKind = (typeof TRIGGER_KINDS)[number];

/** Which ends of a run count; `done` is either of the others. A run that somebody cancelled is none of them. */
export const TRIGGER_ENDS = ['success', 'failure', 'done'] as const;
export type TriggerEnd = (typeof TRIGGER_ENDS)[number];

/**
 * WAITING until every other pipeline of its trigger has one too; USED once it counted for the run that another
 * event makes. PENDING when a run was decided upon, STARTED when it is there, FAILED when it cannot be made. SKIPPED
 * when nothing will come of it.
 */
export const TRIGGER_EVENT_STATES = ['WAITING', 'PENDING', 'STARTED', 'USED', 'FAILED', 'SKIPPED'] as const;
export type TriggerEventState = (typeof TRIGGER_EVENT_STATES)[number];

/** Most pipelines that one trigger waits for. */
export const MAX_AFTER = 20;
/** Runs that trigger runs that trigger runs: so many after the first. */
export const MAX_TRIGGER_DEPTH = 20;

/** What the templates of a trigger may name. */
const ROOTS: Record<TriggerKind, readonly string[]> = { PIPELINE: ['run'], WEBHOOK: ['body', 'headers'] };

/** Whether a run that ended so is what a trigger waits for. */
export function isAwaited(on: TriggerEnd, state: RunState): boolean {
  if (state === 'SUCCESS') return on !== 'failure';
  return state === 'FAILED' && on !== 'success';
}

/** What is wrong with the templates of a trigger's params. @param field where they stand, such as `params`. */
export function triggerTemplateFaults(kind: TriggerKind, params: JsonObject, field: string): ErrorDetail[] {
  return templatesIn(params).flatMap(({ names: [root], path, source, fault }) => {
    const known = ROOTS[kind];
    const unknown = root !== undefined && !known.includes(String(root));
    const message =
      fault ?? (unknown && `'${root}' has no value in a trigger of kind ${kind} (has: ${known.join(', ')})`);
    if (!message) return [];
    return [{ field: [field, ...path].join('.'), message: `${source}: ${message}`, type: 'template_error' }];
  });
}

/** That a pipeline is started after others. */
export interface TriggerLink {
  pipeline_id: string;
  after: readonly string[];
}

/**
 * The way by which a new link would lead back to where it begins, as ids of pipelines from the one that it starts
 * to that same one; undefined when there is none.
 */
export function circleThrough(link: TriggerLink, others: readonly TriggerLink[]): string[] | undefined {
  const followers = new Map<string, string[]>();
  for (const { pipeline_id, after } of [...others, link]) {
    for (const id of after) followers.set(id, [...(followers.get(id) ?? []), pipeline_id]);
  }
  const cameFrom = new Map<string, string>();
  const queue = [link.pipeline_id];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    for (const next of followers.get(at) ?? []) {
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, at);
      queue.push(next);
    }
  }
  if (!cameFrom.has(link.pipeline_id)) return undefined;
  const way = [link.pipeline_id];
  do way.unshift(cameFrom.get(way[0]!)!);
  while (way[0] !== link.pipeline_id);
  return way;
}
