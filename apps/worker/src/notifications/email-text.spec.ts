import { textOf } from './email-text.js';

const run = {
  id: 'run_1',
  pipeline_name: 'daily_etl',
  pipeline_version: 3,
  state: 'FAILED',
  error: { type: 'BadRow', message: 'flights.csv, line 7', node_id: 'load' },
  schedule_id: null,
  scheduled_for: null,
  started_at: '2025-11-18T02:00:00.000Z',
  finished_at: '2025-11-18T02:00:01.500Z',
  duration_seconds: 1.5,
};
const project = { id: 'proj_1', name: 'sales' };

describe('an email about a run', () => {
  it('says what happened, where and why, and leaves out what there is not', () => {
    const { subject, text } = textOf({ _id: 'ntf_1', event: 'run.failure', data: { run, project } });
    expect(subject).toBe('[Tauro] daily_etl FAILED');
    expect(text.split('\n')).toEqual([
      'daily_etl FAILED.',
      '',
      'Run:           run_1',
      'Pipeline:      daily_etl, version 3',
      'Project:       sales',
      'State:         FAILED',
      'Started:       2025-11-18T02:00:00.000Z',
      'Finished:      2025-11-18T02:00:01.500Z',
      'Duration:      1.5 s',
      'Failed node:   load',
      'Error:         BadRow: flights.csv, line 7',
      '',
      'Notification ntf_1',
      '',
    ]);
  });

  it('says when a late run was due', () => {
    const late = { ...run, state: 'RUNNING', error: null, finished_at: null, duration_seconds: null };
    const sla = { seconds: 60, due_at: '2025-11-18T02:01:00.000Z' };
    const { subject, text } = textOf({
      _id: 'ntf_1',
      event: 'run.sla_miss',
      data: { run: late, project: { id: 'proj_1', name: null }, sla },
    });
    expect(subject).toBe('[Tauro] daily_etl is late');
    expect(text).toContain('Due:           2025-11-18T02:01:00.000Z, 60 s after');
    expect(text).toContain('Project:       proj_1');
    expect(text).not.toMatch(/Error|Finished|Duration|null/);
  });

  it('has a subject of one line, whatever a name holds', () => {
    const evil = { ...run, pipeline_name: 'x\r\nBcc: victim@example.com\u0000' };
    const { subject } = textOf({ _id: 'ntf_1', event: 'run.success', data: { run: evil, project } });
    expect(subject).toBe('[Tauro] x Bcc: victim@example.com  succeeded');
  });
});
