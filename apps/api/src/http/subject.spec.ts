import { subjectOf } from './subject.js';

describe('what an answer is about', () => {
  it.each([
    ['a run', { id: 'run_1', project_id: 'proj_1' }, { run_id: 'run_1', project_id: 'proj_1' }],
    ['a task', { id: 'task_1', run_id: 'run_1' }, { run_id: 'run_1' }],
    ['a project', { id: 'proj_1', name: 'a' }, { project_id: 'proj_1' }],
    ['a pipeline of nobody', { id: 'pipe_1', project_id: null }, {}],
    ['a list', [{ id: 'run_1' }], {}],
    ['nothing', undefined, {}],
  ])('%s', (_what, answer, subject) => {
    expect(subjectOf(answer)).toEqual(subject);
  });
});
