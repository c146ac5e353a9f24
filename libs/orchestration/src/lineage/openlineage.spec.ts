/* eslint-disable @typescript-eslint/no-explicit-any -- an event as its receiver reads it */
import { type Run } from '@tauro/database';
import { lineageEvent, lineageRunId } from './openlineage.js';

const run = {
  _id: 'run_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  project_id: 'proj_1',
  pipeline_id: 'pipe_1',
  pipeline_version: 3,
  rerun_of: null,
  scheduled_for: null,
  data_interval_start: null,
  data_interval_end: null,
  error: { type: 'BadRow', message: 'line 3 is no CSV', node_id: 'load' },
} as unknown as Run;
const job = { namespace: 'tauro', name: 'sales.daily' };
const at = new Date('2026-01-02T03:04:05.678Z');
const columns = [{ name: 'n', type: 'BIGINT' }];

describe('an OpenLineage event', () => {
  it('names a run by a UUID that follows from its id', () => {
    const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    expect(lineageRunId(run._id)).toMatch(uuid);
    expect(lineageRunId(run._id)).toBe(lineageRunId(run._id));
    expect(lineageRunId(`${run._id}X`)).not.toBe(lineageRunId(run._id));
  });

  it('tells what was read and written, as far as it is known', () => {
    const event: any = lineageEvent({
      type: 'COMPLETE',
      at,
      run,
      job,
      uses: [
        { access: 'read', namespace: 'file', name: '/a.csv', columns, rows: 3, bytes: 30 },
        { access: 'read', namespace: 'https://api.example.com', name: '/items' },
        { access: 'write', namespace: 'file', name: '/b.parquet', columns, rows: 2, bytes: 20 },
      ],
    });
    expect(event).toMatchObject({
      eventType: 'COMPLETE',
      eventTime: at.toISOString(),
      schemaURL: 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent',
      job: { ...job, facets: { jobType: { processingType: 'BATCH' } } },
      run: { runId: lineageRunId(run._id), facets: { tauro_run: { id: run._id, pipeline_version: 3 } } },
    });
    expect(event.run.facets).not.toHaveProperty('errorMessage');
    expect(event.inputs).toMatchObject([
      {
        name: '/a.csv',
        facets: { schema: { fields: columns } },
        inputFacets: { inputStatistics: { rowCount: 3, size: 30 } },
      },
      { namespace: 'https://api.example.com', name: '/items', facets: {}, inputFacets: {} },
    ]);
    expect(event.outputs).toMatchObject([
      { name: '/b.parquet', outputFacets: { outputStatistics: { rowCount: 2, size: 20 } } },
    ]);
  });

  it('says of what slot a run is, whose part, and why it failed', () => {
    const scheduled = {
      ...run,
      data_interval_start: new Date('2026-01-01T00:00:00Z'),
      data_interval_end: new Date('2026-01-02T00:00:00Z'),
    };
    const parent = { run_id: 'run_parent', job: { namespace: 'tauro', name: 'sales.all' } };
    const event: any = lineageEvent({ type: 'FAIL', at, run: scheduled, job, parent, uses: [] });
    expect(event.run.facets).toMatchObject({
      nominalTime: {
        nominalStartTime: '2026-01-01T00:00:00.000Z',
        nominalEndTime: '2026-01-02T00:00:00.000Z',
      },
      parent: { run: { runId: lineageRunId('run_parent') }, job: parent.job },
      errorMessage: { message: 'line 3 is no CSV', programmingLanguage: 'TypeScript' },
    });
    expect([event.inputs, event.outputs]).toEqual([[], []]);
  });

  it('carries in every facet who made it and what it is made by', () => {
    const event = lineageEvent({
      type: 'FAIL',
      at,
      run,
      job,
      uses: [{ access: 'read', namespace: 'file', name: '/a', columns, rows: 1 }],
    });
    const facets: any[] = [];
    const look = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const [key, child] of Object.entries(value)) {
        if (/facets$/i.test(key)) facets.push(...Object.values(child as object));
        look(child);
      }
    };
    look(event);
    expect(facets.length).toBeGreaterThanOrEqual(6);
    for (const { _producer, _schemaURL } of facets) {
      expect(URL.canParse(_producer)).toBe(true);
      expect(_schemaURL).toMatch(/^https:\/\/openlineage\.io\/spec\/.*\.json#\/\$defs\/\w+$/);
    }
  });
});
