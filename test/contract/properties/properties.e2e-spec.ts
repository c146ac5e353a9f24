import { randomBytes } from 'node:crypto';
import { ApiDocument } from '../../support/api-document.js';
import { Tauro } from '../../support/tauro.js';
import { drive } from './drive.js';

/** `npm run test:contract` sends many more, which takes minutes. */
const COUNT = Number(process.env.CONTRACT_REQUESTS ?? 600);
const SEED = Number(process.env.CONTRACT_SEED ?? 20_251_118);

describe(`${COUNT} generated requests, good and bad (seed ${SEED})`, () => {
  let tauro: Tauro;
  let api: ApiDocument;

  beforeAll(async () => {
    tauro = await Tauro.start({ env: { SECRET_KEY: randomBytes(32).toString('base64') } });
    api = new ApiDocument((await tauro.api.get('/openapi.json')).body);
  });
  afterAll(() => tauro?.stop());

  it('are all answered as the document says, and never by a failure', async () => {
    const { statuses, succeeded, faults } = await drive(tauro, api, { count: COUNT, seed: SEED });
    expect(faults.join('\n')).toBe('');
    // Else they would be so bad that nothing behind the first check was ever reached.
    const sorted = [...statuses].sort(([a], [b]) => a - b);
    process.stderr.write(`answers: ${sorted.map(([status, n]) => `${status} ${n}x`).join(', ')}; `);
    process.stderr.write(`${succeeded.size} of ${api.operations.length} operations answered a success\n`);
    const good = sorted.filter(([status]) => status < 300).reduce((sum, [, n]) => sum + n, 0);
    expect(good / COUNT).toBeGreaterThan(0.2);
    const never = api.operations.map(({ name }) => name).filter((name) => !succeeded.has(name));
    if (COUNT > 5000) process.stderr.write(`never: ${never.join(', ')}\n`);
    // Some cannot: nobody calls with credentials, and no worker is there to be drained.
    expect(succeeded.size / api.operations.length).toBeGreaterThan(COUNT > 5000 ? 0.85 : 0.35);
  }, 3_600_000);
});
