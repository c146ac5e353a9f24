import { isTerminalTask, type TaskState, verdictOf } from '../../../libs/domain/src/index.js';
import { type Check, type History, type TaskEvent, type Violation } from './history.js';

/**
 * What becomes of a task is decided when everything before it has ended, and by its trigger rule: it may be
 * queued or run only then, and only then be passed over.
 */
export const noTaskBeforeItsTurn: Check = (history) => {
  const violations: Violation[] = [];
  const versions = new Map<string, string>();
  const states = new Map<string, Map<string, TaskState>>();
  const births = new Map<string, TaskEvent[]>();
  const judge = (event: TaskEvent, before?: TaskState): void => {
    const detail = fault(event, before, states.get(event.run_id)!, versions.get(event.run_id), history);
    if (detail) violations.push({ promise: 'no task before its turn', detail: `${event.id}: ${detail}` });
  };
  for (const event of history.events) {
    if (event.kind === 'run') {
      versions.set(event.id, event.version_id);
      for (const born of births.get(event.id) ?? []) judge(born);
      births.delete(event.id);
    }
    if (event.kind !== 'task') continue;
    const run = states.get(event.run_id) ?? new Map<string, TaskState>();
    states.set(event.run_id, run);
    const before = run.get(event.node_id);
    run.set(event.node_id, event.state);
    // As long as it is PENDING nothing needs the version of its run.
    if (before === event.state || event.state === 'PENDING' || event.state === 'CANCELLED') continue;
    // Tasks are stored before their run is, those that start at once QUEUED: they are judged when it is there.
    if (before === undefined && event.state === 'QUEUED' && !versions.has(event.run_id))
      births.set(event.run_id, [...(births.get(event.run_id) ?? []), event]);
    else judge(event, before);
  }
  return violations;
};

function fault(
  { node_id, state }: TaskEvent,
  before: TaskState | undefined,
  run: ReadonlyMap<string, TaskState>,
  version: string | undefined,
  { graphs }: History,
): string | undefined {
  const graph = version === undefined ? undefined : graphs.get(version);
  const node = graph?.nodes.get(node_id);
  if (!graph || !node) return `${node_id} became ${state} in a run that is not there`;
  const open = node.parents.filter((id) => !isTerminalTask(run.get(id) ?? 'PENDING'));
  if (open.length > 0) return `${node_id} became ${state} while ${open.join(', ')} had not ended`;
  if (before !== 'PENDING') return undefined;
  const verdict = verdictOf(
    node.definition,
    node.parents.map((id) => ({ state: run.get(id)!, definition: graph.nodes.get(id)!.definition })),
  );
  const expected: TaskState[] = verdict === 'run' ? ['QUEUED', 'RUNNING'] : [verdict];
  if (expected.includes(state)) return undefined;
  return `${node_id} became ${state}, its trigger rule says ${expected.join(' or ')}`;
}
