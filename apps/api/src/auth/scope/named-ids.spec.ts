import { type IdPrefix } from '@tauro/domain';
import { namedIds } from './named-ids.js';

const KINDS = new Set<IdPrefix>(['run', 'proj']);

describe('ids that a request names', () => {
  it('are found wherever they stand, each once', () => {
    const body = {
      ids: ['run_1', 'run_2', 'run_1'],
      schedules: [{ project_id: 'proj_9', params: { deep: [{ of: 'run_3' }] } }],
      rerun_of: 'run_4,run_5, run_6',
      nothing: null,
    };
    const found = namedIds(body, KINDS);
    expect([...found.get('run')!].sort()).toEqual(['run_1', 'run_2', 'run_3', 'run_4', 'run_5', 'run_6']);
    expect([...found.get('proj')!]).toEqual(['proj_9']);
  });

  it('are of the kinds asked for, and whole words', () => {
    const body = { a: 'pipe_1', b: 'a run_1', c: 'run_', d: 'run_ü', e: 'rerun_1', run_7: 'key' };
    expect(namedIds(body, KINDS).size).toBe(0);
  });

  it('are found as deep as JSON may go', () => {
    let body: unknown = 'run_1';
    for (let i = 0; i < 100_000; i++) body = [body];
    expect([...namedIds(body, KINDS).get('run')!]).toEqual(['run_1']);
  });
});
