import { Task, type TaskContext } from '@tauro/sdk';

interface Flight {
  carrier: string;
  delay: number | null;
}

/** A handler that works on tables of any size, of which it holds a few thousand rows at a time. */
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
  })
  async keep({ input, tables, log }: TaskContext<{ least: number }>) {
    async function* late(): AsyncGenerator<object> {
      for await (const flights of tables.read<Flight>('flights')) {
        for (const { carrier, delay } of flights) {
          if (delay !== null && delay >= input.least) yield { carrier, delay, hours: delay / 60 };
        }
      }
    }
    const columns = { carrier: 'VARCHAR', delay: 'BIGINT', hours: 'DOUBLE' };
    const { rows } = await tables.write(late(), { columns });
    log.info(`${rows} of ${tables.count('flights')} flights are late`);
    return { late: rows };
  }
}
