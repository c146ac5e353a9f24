/** One variable that cannot be used as it is. */
export interface EnvProblem {
  name: string;
  /** What is wrong with the value; never contains a secret. */
  problem: string;
  /** A line that would be accepted, or that solves the conflict. */
  example: string;
}

/** Every problem of the configuration at once, so that it is corrected in one go. */
export class EnvError extends Error {
  constructor(readonly problems: EnvProblem[]) {
    super(
      [
        'The configuration cannot be used:',
        ...problems.map(({ name, problem, example }) => `  ${name}: ${problem}; for example ${example}`),
      ].join('\n'),
    );
    this.name = 'EnvError';
  }
}
