import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Tauro } from '../support/tauro.js';
import { expectStatus, User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

describe('the process that checks definitions', () => {
  let tauro: Tauro;
  let user: User;

  beforeAll(async () => {
    tauro = await Tauro.start({ workers: 0 });
    user = new User(tauro.api);
  });
  afterAll(() => tauro?.stop());

  const checkers = (): number[] => {
    const lines = execFileSync('ps', ['-eo', 'ppid=,pid=,args='], { encoding: 'utf8' }).trim().split('\n');
    const api = String(tauro.apiProcess().pid);
    return lines
      .map((line) => line.trim().split(/\s+/))
      .filter(([parent, , ...args]) => parent === api && args.join(' ').includes('checker-main'))
      .map(([, pid]) => Number(pid));
  };
  const nodes = (sql: string): object[] => [
    { id: 'read', type: 'source', config: { source_type: 'inline', rows: [{ n: 1 }] } },
    { id: 'ask', type: 'processor', depends_on: ['read'], config: { sql } },
  ];

  it('keeps the SQL engine out of the API, which only passes on what it found', async () => {
    const projectId = await user.project();
    await user.pipeline(projectId, nodes('select n from read'));
    const body = { project_id: projectId, name: User.uniqueName('p'), nodes: nodes('select * from other') };
    const refused = await tauro.api.post('/api/v1/pipelines', body);
    expect(refused.status).toBe(422);
    expect(refused.body.error.details[0].field).toBe('nodes.1.config.sql');

    const [checker] = checkers();
    const library = /duckdb\.node|libduckdb/;
    expect(readFileSync(`/proc/${checker}/maps`, 'utf8')).toMatch(library);
    expect(readFileSync(`/proc/${tauro.apiProcess().pid}/maps`, 'utf8')).not.toMatch(library);
  });

  it('is replaced when it dies', async () => {
    const projectId = await user.project();
    await user.pipeline(projectId, nodes('select n from read'));
    const [checker] = checkers();
    process.kill(checker!, 'SIGKILL');
    // Whoever asks in the moment of its death is told to try again.
    await waitFor(
      async () => {
        const report = await tauro.api.post('/api/v1/pipelines/validate', {
          name: 'p',
          nodes: nodes('select 1'),
        });
        return expectStatus(report, 200).valid as boolean;
      },
      { what: 'the next check' },
    );
    expect(checkers()).not.toContain(checker);
  });

  it('ends when nobody asks any more', async () => {
    await waitFor(() => Promise.resolve(checkers().length === 0), { what: 'it to end', timeout: 60_000 });
  });
});
