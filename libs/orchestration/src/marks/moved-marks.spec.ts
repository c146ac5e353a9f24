import { buildGraph, type TaskState } from '@tauro/domain';
import { type MarkedTask, movedMarks } from './moved-marks.js';

const graph = buildGraph({
  name: 'p',
  nodes: ['one', 'two', 'clean', 'out', 'aside'].map((id) => ({ id, type: 'source' })),
  edges: [
    { from: 'one', to: 'clean' },
    { from: 'clean', to: 'out' },
    { from: 'two', to: 'aside' },
  ],
});
const task = (node_id: string, state: TaskState, value?: string): MarkedTask => ({
  node_id,
  state,
  engine: value === undefined ? {} : { mark: { by: 'id', value, revision: 1 } },
});
const namesOf = (marks: { node_id: string }[]): string[] => marks.map(({ node_id }) => node_id);

describe('the marks that a run moves', () => {
  it('are those of its sources that read something new', () => {
    const tasks = [task('one', 'SUCCESS', '7'), task('two', 'SUCCESS'), task('out', 'SUCCESS')];
    expect(movedMarks(tasks, graph)).toEqual({
      moves: [{ node_id: 'one', by: 'id', value: '7', revision: 1 }],
      held: [],
    });
  });

  it.each(['FAILED', 'UPSTREAM_FAILED', 'CANCELLED'] as const)(
    'are not those whose rows a node has not taken on, because it is %s',
    (state) => {
      const tasks = [
        task('one', 'SUCCESS', '7'),
        task('two', 'SUCCESS', '8'),
        task('clean', 'SUCCESS'),
        task('out', state),
      ];
      const { moves, held } = movedMarks(tasks, graph);
      expect([namesOf(moves), namesOf(held)]).toEqual([['two'], ['one']]);
    },
  );

  it('are also those before a node that was skipped', () => {
    expect(namesOf(movedMarks([task('one', 'SUCCESS', '7'), task('clean', 'SKIPPED')], graph).moves)).toEqual(
      ['one'],
    );
  });
});
