import { runPipeline, runTask } from '@tauro/testing';
import { LateFlights } from './late_flights.js';

const flights = [
  { origin: 'AMS', delay: 90 },
  { origin: 'OSL', delay: 5 },
  { origin: 'AMS', delay: null },
];

describe('late_flights', () => {
  it('keeps those that are late enough', async () => {
    const { output, table, logs } = await runTask(LateFlights, { input: { least: 60 }, tables: { flights } });
    expect(output).toEqual({ late: 1 });
    expect(table!.rows).toEqual([{ origin: 'AMS', delay: 90, hours: 1.5 }]);
    expect(table!.columns).toEqual({ origin: 'VARCHAR', delay: 'BIGINT', hours: 'DOUBLE' });
    expect(logs).toEqual([{ level: 'INFO', message: '1 of 3 flights are late' }]);
  });

  it('hands on an empty table on a good day', async () => {
    const { table } = await runTask('late_flights', { input: { least: 600 }, tables: { flights } });
    expect(table).toMatchObject({ rows: [], count: 0 });
  });

  it('refuses a negative delay', async () => {
    await expect(runTask('late_flights', { input: { least: -1 } })).rejects.toThrow(
      "the handler 'late_flights' cannot take this: input.least must be >= 0, got -1",
    );
  });

  it('works within its pipeline, from a file on', async () => {
    const run = await runPipeline('late_flights', {
      params: { path: 'flights.csv' },
      files: { 'flights.csv': 'origin,delay\nAMS,90\nOSL,45\nAMS,3\n' },
    });
    expect(run.state).toBe('SUCCESS');
    expect(run.nodes['late']!.output).toMatchObject({ value: { late: 2 }, rows: 2 });
    expect(run.nodes['worst']!.table!.rows).toEqual([
      { origin: 'AMS', hours: 1.5 },
      { origin: 'OSL', hours: 0.75 },
    ]);
  });
});
