import { Running, type Whereabouts } from './tauro.js';

/** How long the first one waits until it is started, on a machine that has much else to do. */
const START_TIMEOUT = 150_000;

/**
 * The one Tauro (an API and a worker, as they are without any setting) that test files share which make projects of
 * their own and look at nothing else: it starts when the first of them asks, and ends with the test run.
 */
export class CommonTauro extends Running {
  private constructor(
    whereabouts: Whereabouts,
    private readonly logLength: number,
  ) {
    super(whereabouts);
  }

  static async join(): Promise<CommonTauro> {
    const signal = AbortSignal.timeout(START_TIMEOUT);
    const answer = await fetch(`${process.env.TEST_COMMON_TAURO_URL!}/join`, { signal });
    if (!answer.ok) throw new Error(await answer.text());
    return new CommonTauro((await answer.json()) as Whereabouts, (await CommonTauro.logs()).length);
  }

  /** What it printed meanwhile is shown when a test of the file failed. */
  async leave(): Promise<void> {
    if ('someTestFailed' in globalThis)
      process.stderr.write(`${(await CommonTauro.logs()).slice(this.logLength)}\n`);
    await this.database.client.close();
  }

  private static async logs(): Promise<string> {
    return (await fetch(`${process.env.TEST_COMMON_TAURO_URL!}/logs`)).text();
  }
}
