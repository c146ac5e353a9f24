import { Pipeline, Task, type TaskContext } from '@tauro/sdk';

interface Flight {
  origin: string;
  delay: number | null;
}

/** Works on tables of any size, of which it holds a few thousand rows at a time, in a pipeline that stands beside it. */
@Pipeline({
  name: 'late_flights',
  description: 'The worst delay of each airport, for flights that were late enough.',
  params_schema: {
    type: 'object',
    properties: {
      least: { type: 'integer', minimum: 0, default: 30 },
      path: { type: 'string', default: 'node_modules/vega-datasets/data/flights-2k.json' },
    },
  },
  nodes: [
    { id: 'flights', type: 'source', config: { source_type: 'file', path: '{{ params.path }}' } },
    {
      id: 'late',
      type: 'task',
      config: { handler: 'late_flights', input: { least: '{{ params.least }}' }, table: true },
      depends_on: ['flights'],
    },
    {
      id: 'worst',
      type: 'processor',
      config: { sql: 'select origin, max(hours) as hours from late group by origin order by origin' },
      depends_on: ['late'],
    },
    { id: 'show', type: 'sink', config: { destination: 'console' }, depends_on: ['worst'] },
  ],
})
export class LateFlights {
  @Task('late_flights', {
    description:
      'Keeps the flights with a delay of `least` minutes or more, and says how late each of them is.',
    input: {
      type: 'object',
      required: ['least'],
      additionalProperties: false,
      properties: { least: { type: 'number', minimum: 0 } },
    },
    output: { type: 'object', required: ['late'], properties: { late: { type: 'integer' } } },
  })
  async keep({ input, tables, log }: TaskContext<{ least: number }>) {
    async function* late(): AsyncGenerator<object> {
      for await (const flights of tables.read<Flight>('flights')) {
        for (const { origin, delay } of flights) {
          if (delay !== null && delay >= input.least) yield { origin, delay, hours: delay / 60 };
        }
      }
    }
    const columns = { origin: 'VARCHAR', delay: 'BIGINT', hours: 'DOUBLE' };
    const { rows } = await tables.write(late(), { columns });
    log.info(`${rows} of ${tables.count('flights')} flights are late`);
    return { late: rows };
  }
}
