import { Task, type TaskContext } from '@tauro/sdk';

/** The two handlers to try an engine with: one that does nothing, and one that costs CPU. */
export class Basics {
  @Task('noop', { description: 'Does nothing and returns its input.' })
  static noop({ input }: TaskContext) {
    return input;
  }

  @Task('fibonacci', {
    description: 'The n-th Fibonacci number, computed the slow way.',
    input: {
      type: 'object',
      required: ['n'],
      additionalProperties: false,
      properties: { n: { type: 'integer', minimum: 0, maximum: 45 } },
    },
    output: {
      type: 'object',
      required: ['n', 'value'],
      properties: { n: { type: 'integer' }, value: { type: 'integer' } },
    },
  })
  static fibonacci({ input, log }: TaskContext<{ n: number }>) {
    log.info(`computing fibonacci(${input.n})`);
    return { n: input.n, value: fibonacci(input.n) };
  }
}

// Recursive on purpose: the work grows with the result, about a second for n = 40.
const fibonacci = (n: number): number => (n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2));
