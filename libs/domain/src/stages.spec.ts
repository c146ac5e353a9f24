import { buildGraph, graphFaults } from './graph.js';
import { type PipelineDefinition } from './pipeline.js';
import { executes, FINALLY, isStopped, MAIN, nextStage, ON_FAILURE, STOP, type StageStep } from './stages.js';
import { RUN_STATES, type TaskState } from './states.js';

const definition = (rest: Partial<PipelineDefinition>): PipelineDefinition => ({
  name: 'p',
  nodes: ['a', 'b', 'f', 'z'].map((id) => ({ id, type: 'wait' })),
  ...rest,
});
const stages = { on_failure: ['f'], finally: ['z'] };

describe('the stages of a graph', () => {
  it('each have roots and leaves of their own', () => {
    const graph = buildGraph(
      definition({ on_failure: ['f'], finally: ['z', 'b'], edges: [{ from: 'z', to: 'b' }] }),
    );
    expect(graph.stages).toEqual([
      { roots: ['a'], leaves: ['a'] },
      { roots: ['f'], leaves: ['f'] },
      { roots: ['z'], leaves: ['b'] },
    ]);
    expect(graph.nodes.get('b')!.stage).toBe(FINALLY);
  });

  it.each<[string, Partial<PipelineDefinition>, string, RegExp]>([
    ['an unknown node', { finally: ['nope'] }, 'finally.0', /'nope', which is no node/],
    ['a node twice', { on_failure: ['f', 'f'] }, 'on_failure.1', /on_failure names already/],
    ['a node in both', { on_failure: ['z'], finally: ['z'] }, 'finally.0', /on_failure names already/],
    [
      'no node left',
      { on_failure: ['a', 'b'], finally: ['f', 'z'] },
      'nodes',
      /neither in on_failure nor in finally/,
    ],
    [
      'an edge into one',
      { ...stages, edges: [{ from: 'a', to: 'z' }] },
      'edges',
      /executes after 'a' anyway/,
    ],
    [
      'an edge out of one',
      { ...stages, edges: [{ from: 'f', to: 'b' }] },
      'edges',
      /cannot wait for the on_failure node 'f'/,
    ],
    ['an edge between two', { ...stages, edges: [{ from: 'f', to: 'z' }] }, 'edges', /a -> z|f -> z/],
  ])('cannot hold %s', (_, rest, field, message) => {
    expect(graphFaults(definition(rest))).toMatchObject([{ field, message: expect.stringMatching(message) }]);
  });
});

describe('what a run does next', () => {
  const S: TaskState = 'SUCCESS';
  it.each<[string, TaskState[], TaskState[], TaskState[], StageStep]>([
    ['main nodes are open', [S, 'RUNNING'], ['PENDING'], ['PENDING'], { do: 'wait' }],
    ['a main node has not begun', [S, 'PENDING'], ['PENDING'], ['PENDING'], { do: 'wait' }],
    ['main has ended', [S, 'FAILED'], ['PENDING'], ['PENDING'], { do: 'open', stage: ON_FAILURE }],
    ['on_failure executes', [S], ['QUEUED', 'PENDING'], ['PENDING'], { do: 'wait' }],
    ['on_failure sleeps', [S], ['WAITING'], ['PENDING'], { do: 'wait' }],
    ['on_failure was skipped', [S], ['SKIPPED'], ['PENDING', 'PENDING'], { do: 'open', stage: FINALLY }],
    ['main was cancelled', ['CANCELLED'], ['CANCELLED'], ['PENDING'], { do: 'open', stage: FINALLY }],
    ['finally goes on', [S], ['SKIPPED'], [S, 'PENDING'], { do: 'wait' }],
    ['there is no on_failure', [S], [], ['PENDING'], { do: 'open', stage: FINALLY }],
    ['everything has ended', [S], ['SKIPPED'], ['FAILED'], { do: 'end' }],
    ['there is nothing else', [S, 'UPSTREAM_FAILED'], [], [], { do: 'end' }],
  ])('when %s', (_, main, onFailure, last, step) => {
    const tasks = [main, onFailure, last].flatMap((states, stage) =>
      states.map((state) => ({ stage, state })),
    );
    expect(nextStage(tasks)).toEqual(step);
  });

  it('executes on_failure after a failure only, and finally always', () => {
    const ending = RUN_STATES.filter((state) => executes(ON_FAILURE, state));
    expect(ending).toEqual(['FAILED']);
    expect(RUN_STATES.every((state) => executes(FINALLY, state))).toBe(true);
  });

  it('stops what stands before the stage that it was told', () => {
    const stopped = (stop_below: number): number[] =>
      [MAIN, ON_FAILURE, FINALLY].filter((stage) =>
        isStopped({ engine: { stop_below } }, { engine: { stage } }),
      );
    expect(stopped(0)).toEqual([]);
    expect(stopped(STOP.cancel)).toEqual([MAIN, ON_FAILURE]);
    expect(stopped(STOP.all)).toEqual([MAIN, ON_FAILURE, FINALLY]);
  });
});
